#!/usr/bin/env bash
# Sees to it that a Swift toolchain is there. It is the one thing that no Debian package holds.
set -euo pipefail
wanted=6.2
found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -1)
if [ -z "$found" ]; then
    echo "Martlet needs Swift $wanted or later: see swift.org/install." >&2
    exit 1
fi
if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -1)" != "$wanted" ]; then
    echo "Martlet needs Swift $wanted or later, and this is $found: see swift.org/install." >&2
    exit 1
fi
