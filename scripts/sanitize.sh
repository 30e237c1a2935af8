#!/usr/bin/env bash
# Random concurrent operations under ThreadSanitizer, ten seeds. Fails on any report.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--sanitize=thread --scratch-path .build-tsan -Xswiftc -DTHREAD_SANITIZER)
swift build --traits Service --build-tests "${options[@]}"
export TSAN_OPTIONS="exitcode=66 suppressions=$PWD/scripts/tsan.suppressions"
swift test --traits Service --skip-build "${options[@]}" --filter RandomOperationsTests
