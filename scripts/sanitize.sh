#!/usr/bin/env bash
# Random concurrent operations under ThreadSanitizer, ten seeds. Fails on any report.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--sanitize=thread --scratch-path .build-tsan -Xswiftc -DTHREAD_SANITIZER)
swift build --build-tests "${options[@]}"
export TSAN_OPTIONS="exitcode=66 suppressions=$PWD/scripts/tsan.suppressions"
swift test --skip-build "${options[@]}" --filter RandomOperationsTests
