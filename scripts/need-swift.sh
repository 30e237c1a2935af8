#!/usr/bin/env bash
# Sees to it that a Swift toolchain is there. It is the one thing that no Debian package holds.
set -euo pipefail
if ! command -v swift >/dev/null; then
    echo "Martlet needs Swift 6.2 or later: see swift.org/install." >&2
    exit 1
fi
