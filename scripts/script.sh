#!/usr/bin/env bash
# martlet.js as it is served and packed, from its source: script.sh check (fails when the two differ) | script.sh write
# Makes the minified files and the second declaration of the npm package, and the lines of the documents that name the version
# and the hash (Subresource Integrity).
set -euo pipefail
cd "$(dirname "$0")/.."
source=Sources/MartletServer/Script/martlet.source.mjs
package=Sources/MartletServer/Script/Package
documents=(docs/event-streams.md "$package/README.md")
limit=6144  # bytes of each script with gzip
version=$(sed -n 's/.*static let current = "\(.*\)"/\1/p' Sources/MartletService/Version.swift)

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
banner="/*! martlet.js $version | Apache-2.0 */"
minified() { esbuild --minify --target=es2022 --banner="$banner" "$@"; }
plain() { sed 's/^export class/class/' "$source"; }

minified --format=esm <"$source" >"$made/martlet.mjs"
{ plain; echo 'module.exports = { Martlet };'; } | minified --format=cjs >"$made/martlet.cjs"
# The classic script leaves nothing but Martlet in the page.
{ echo '{'; plain; echo 'globalThis.Martlet = Martlet;'; echo '}'; } | minified >"$made/martlet.js"
cp "$package/martlet.d.ts" "$made/martlet.d.mts"
cp LICENSE "$made/LICENSE"
sed 's/^  "version": ".*"/  "version": "'"$version"'"/' "$package/package.json" >"$made/package.json"

for script in martlet.js martlet.mjs martlet.cjs; do
    size=$(gzip -9 -n -c "$made/$script" | wc -c)
    if [ "$size" -gt "$limit" ]; then
        echo "$script has $size bytes with gzip; $limit are allowed" >&2
        exit 1
    fi
done

integrity="sha384-$(openssl dgst -sha384 -binary "$made/martlet.js" | openssl base64 -A)"
for document in "${documents[@]}"; do
    mkdir -p "$made/documents/$(dirname "$document")"
    sed -E -e "s|/martlet/[0-9][^/]*/|/martlet/$version/|" -e "s|integrity=\"[^\"]*\"|integrity=\"$integrity\"|" "$document" \
        >"$made/documents/$document"
done

differs=0
# take MODE MADE COMMITTED
take() {
    if [ "$1" = write ]; then cp "$2" "$3"; return; fi
    cmp -s "$2" "$3" || { echo "$3 is not what $source makes" >&2; differs=1; }
}
mode=${1:-check}
for file in martlet.js martlet.mjs martlet.cjs martlet.d.mts package.json LICENSE; do take "$mode" "$made/$file" "$package/$file"; done
for document in "${documents[@]}"; do take "$mode" "$made/documents/$document" "$document"; done
[ "$differs" -eq 0 ] || { echo "Run: scripts/script.sh write" >&2; exit 1; }
