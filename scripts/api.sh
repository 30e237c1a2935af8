#!/usr/bin/env bash
# The public API as a list of symbols: api.sh check (fails when it differs from docs/swift-api) | api.sh write
# A removed or changed line breaks somebody's code; an added one does not. Both are shown, so that neither happens unseen.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(swift build --traits Service --show-bin-path)
out=.cache/api
rm -rf "$out"
mkdir -p "$out" docs/swift-api
includes=(-I "$bin/Modules")
# C modules that the Swift modules import.
while IFS= read -r map; do includes+=(-Xcc "-fmodule-map-file=$map"); done < <(find "$bin" -maxdepth 2 -name module.modulemap)
while IFS= read -r folder; do includes+=(-I "$folder"); done < <(find .build/checkouts Sources -name module.modulemap -not -path '*/Tests/*' -exec dirname {} \;)
for module in MartletProtocol MartletHTTP MartletWebSocket MartletTesting MartletHummingbird MartletPush MartletService MartletAuth MartletProxy MartletServer; do
    swift symbolgraph-extract -module-name "$module" -target "$(uname -m)-unknown-linux-gnu" "${includes[@]}" \
        -minimum-access-level public -skip-synthesized-members -output-dir "$out" >"$out/$module.log" 2>&1 ||
        { cat "$out/$module.log" >&2; exit 1; }
    python3 - "$out" "$module" >"$out/$module.txt" <<'PY'
import glob, json, sys
folder, module = sys.argv[1:]
lines = set()
for path in glob.glob(f"{folder}/{module}.symbols.json") + glob.glob(f"{folder}/{module}@*.symbols.json"):
    for symbol in json.load(open(path))["symbols"]:
        declaration = "".join(part["spelling"] for part in symbol.get("declarationFragments", []))
        lines.add(".".join(symbol["pathComponents"]) + "\t" + " ".join(declaration.split()))
print("\n".join(sorted(lines)))
PY
    if [ "${1:-check}" = write ]; then
        cp "$out/$module.txt" "docs/swift-api/$module.txt"
    elif ! diff -u "docs/swift-api/$module.txt" "$out/$module.txt"; then
        echo "The public API of $module has changed. If that is meant, run: scripts/api.sh write" >&2
        exit 1
    fi
done
