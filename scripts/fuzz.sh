#!/usr/bin/env bash
# libFuzzer with AddressSanitizer on the parts that take bytes from strangers: fuzz.sh [SECONDS [TARGET...]]
# A finding is kept in Fuzz/Corpora, where the unit tests run it for ever.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls Fuzz/Corpora)
library=$(ls "$(dirname "$(readlink -f "$(command -v swiftc)")")"/../lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-"$(uname -m)".a | tail -1)
options=(--traits Service -c release --scratch-path .build-fuzz --sanitize address)
echo "Building; the first time takes ten minutes."
swift build "${options[@]}" --product martletPackageTests -Xswiftc -enable-testing -Xswiftc -DFUZZING \
    -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table \
    -Xlinker "$library" -Xlinker -lstdc++
program=.build-fuzz/release/martletPackageTests.xctest
failed=()
for target in "${targets[@]}"; do
    echo "== $target: $seconds s"
    mkdir -p ".cache/fuzz/$target"
    # What is found new goes to the first folder. Leaks are looked for by other tests: zlib's streams live as long as their threads.
    FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 \
        FUZZ_ARGUMENTS=".cache/fuzz/$target Fuzz/Corpora/$target -max_total_time=$seconds -max_len=16384 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix=Fuzz/Corpora/$target/" \
        "$program" --testing-library swift-testing --filter FuzzerTests || failed+=("$target")
done
[ ${#failed[@]} -eq 0 ] || { echo "Found something: ${failed[*]}; see the new files in Fuzz/Corpora." >&2; exit 1; }
