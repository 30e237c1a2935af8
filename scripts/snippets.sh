#!/usr/bin/env bash
# Code of the documentation, as a program that is built with everything else: snippets.sh write | check
# Also checks that every row of the article "From gorilla/websocket" has a test.
set -euo pipefail
cd "$(dirname "$0")/.."
target=Examples/Snippets/Generated.swift
made=$(mktemp --suffix .swift)
trap 'rm -f "$made"' EXIT
python3 - >"$made" <<'PY'
import glob, re
print("// Made by scripts/snippets.sh from the articles; do not edit.")
print("import Hummingbird\nimport HummingbirdCore\nimport MartletHummingbird\nimport MartletTesting\nimport MartletWebSocket\nimport NIOCore\nimport NIOSSL\n")
print("enum Snippets {")
for path in sorted(glob.glob("Sources/*/*.docc/*.md")):
    text = open(path).read()
    name = re.sub(r"\W", "", path.split("/")[-1][:-3])
    blocks = re.finditer(r"(?:<!-- given: (.*?) -->\n)?```swift\n(.*?)```", text, re.S)
    for number, block in enumerate(blocks, 1):
        print(f"    static func {name[0].lower() + name[1:]}{number}({block[1] or ''}) async throws {{")
        for line in block[2].splitlines():
            print(("        " + line).rstrip())
        print("    }\n")
print("}")
PY
python3 - "$made" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(re.sub(r"\n\n}\n$", "\n}\n", text))
PY
swift format --in-place --configuration .swift-format "$made"
if [ "${1:-check}" = write ]; then
    cp "$made" "$target"
elif ! diff -u "$target" "$made"; then
    echo "The articles and $target differ. Run: scripts/snippets.sh write" >&2
    exit 1
fi
python3 - <<'PY'
import re, sys
article = open("Sources/MartletWebSocket/MartletWebSocket.docc/FromGorilla.md").read()
tests = set(name for line in re.findall(r'@Test\("([^"]+)"', open("Tests/MartletWebSocketTests/GorillaTests.swift").read())
            for name in line.split(", "))
rows = re.findall(r"^\| `([^`]+)` \|", article, re.M)
missing = [row for row in rows if row not in tests]
if missing or len(rows) < 50:
    sys.exit(f"rows of the article without a test: {missing}")
PY
