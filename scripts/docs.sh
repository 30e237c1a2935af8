#!/usr/bin/env bash
# The libraries' documentation as static web pages in .cache/docs, one folder a library.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --traits Service
bin=$(swift build --traits Service --show-bin-path)
scripts/api.sh check
mkdir -p .cache/docs
for module in MartletWebSocket MartletTesting MartletHummingbird; do
    graphs=.cache/api/graphs-$module
    rm -rf "$graphs" && mkdir -p "$graphs"
    cp .cache/api/"$module"*.symbols.json "$graphs/"
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name "$module" --fallback-bundle-identifier "martlet.$module" \
        --output-path ".cache/docs/$module.doccarchive"
done
echo "The documentation is in .cache/docs."
