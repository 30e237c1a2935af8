#!/usr/bin/env bash
# Builds one binary that needs nothing but the C library of the system: Swift's libraries and all others are in it.
# dist.sh [FILE]: default dist/martlet
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need-swift.sh
scripts/need.sh gcc pkg-config zlib1g-dev libedit-dev libncurses-dev libbsd-dev libmd-dev libstdc++-12-dev binutils

target=${1:-dist/martlet}
mkdir -p "$(dirname "$target")"
# Swift's own libraries come as archives by the flag. For the others there is a folder with nothing but archives, so that
# the linker, which is sent there first, finds no shared ones.
archives=$PWD/.cache/archives
mkdir -p "$archives"
for name in edit tinfo bsd md z stdc++; do
    file=$(gcc -print-file-name="lib$name.a")
    [ -f "$file" ] || { echo "there is no lib$name.a on this system" >&2; exit 1; }
    ln -sf "$(realpath "$file")" "$archives/lib$name.a"
done
printf 'Name: libedit\nDescription: as an archive\nVersion: 3\nLibs: -L%s -ledit -ltinfo -lbsd -lmd\n' "$archives" >"$archives/libedit.pc"
printf 'Name: zlib\nDescription: as an archive\nVersion: 1\nLibs: -L%s -lz\n' "$archives" >"$archives/zlib.pc"
echo "Building; flags differ from those of other builds, so the first time takes several minutes."
swift build --traits Service -c release --product martlet --scratch-path .build-dist --static-swift-stdlib \
    --pkg-config-path "$archives"
cp .build-dist/release/martlet "$target"
strip --strip-debug "$target"
echo "$target: $(du -h "$target" | cut -f1), needs $(readelf -d "$target" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | paste -sd ' ')"
