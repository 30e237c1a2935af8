#!/usr/bin/env bash
# Builds one binary that needs nothing but the C library of the system: Swift's libraries and all others are in it.
# dist.sh [FILE]: default dist/martlet
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need-swift.sh
scripts/need.sh zlib1g-dev libedit-dev libncurses-dev libbsd-dev libmd-dev libstdc++-12-dev binutils

target=${1:-dist/martlet}
# Of each library only the archive, so that the linker finds no shared one.
archives=.cache/archives
mkdir -p "$archives" "$(dirname "$target")"
for name in edit tinfo bsd md z stdc++; do
    file=$(gcc -print-file-name="lib$name.a" 2>/dev/null || true)
    [ -f "$file" ] || { echo "there is no lib$name.a on this system" >&2; exit 1; }
    ln -sf "$(realpath "$file")" "$archives/lib$name.a"
done
echo "Building; flags differ from those of other builds, so the first time takes several minutes."
swift build -c release --product martlet --scratch-path .build-dist --static-swift-stdlib \
    -Xlinker "-L$PWD/$archives" -Xlinker -ltinfo -Xlinker -lbsd -Xlinker -lmd
cp .build-dist/release/martlet "$target"
strip --strip-debug "$target"
echo "$target: $(du -h "$target" | cut -f1), needs $(ldd "$target" | awk '{print $1}' | grep '^lib' | sort | paste -sd ' ')"
