#!/usr/bin/env bash
# Sees to it that Debian packages are there: need.sh PACKAGE...
# Says what it installs. On a system without apt it says what to install by hand, and fails.
set -euo pipefail

missing=()
for package in "$@"; do
    if command -v dpkg-query >/dev/null; then
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    else
        missing+=("$package")
    fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "This system has no apt. Please install what these Debian packages hold, then try again: ${missing[*]}" >&2
    # Where the names differ the programs may be there all the same: the caller goes on when NEED_ANYWAY is set.
    [ -n "${NEED_ANYWAY:-}" ] && exit 0
    exit 1
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
    run=(sudo)
fi
echo "Installing Debian packages that are missing: ${missing[*]}" >&2
"${run[@]}" apt-get -qq update
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
