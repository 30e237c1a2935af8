#!/usr/bin/env bash
# Style (swift-format), the arrows between modules and between the folders of each module, the subjects of comments, and what
# end-to-end tests import.
set -euo pipefail
cd "$(dirname "$0")/.."
swift format lint --strict --recursive Package.swift Sources Tests Examples Fuzz
scripts/arrows.py
scripts/prose.py

# What end-to-end tests share is in support/: none imports another, nor conftest.py.
tests_stand_alone() {
    local found
    found=$(grep -nE '^\s*(from|import)\s+(.*,\s*)?(test_\w*|conftest)\b' Tests/EndToEnd/{,support/}*.py) || { [ $? -eq 1 ]; return; }
    printf '%s\nA test is imported: what tests share belongs to Tests/EndToEnd/support\n' "$found" >&2
    return 1
}
tests_stand_alone
