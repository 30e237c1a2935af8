#!/usr/bin/env bash
# Everything that must hold: lint, unit tests, end-to-end tests with the real binary, Autobahn in both roles.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%d s so far)\n' "$1" "$SECONDS"; }

scripts/need-swift.sh
scripts/need.sh python3 python3-venv gcc libc6-dev golang-go golang-github-gorilla-websocket-dev \
    chromium chromium-driver fonts-dejavu-core curl openssl nodejs node-ws node-typescript node-react \
    node-react-dom esbuild nginx-light iproute2 zlib1g-dev libedit-dev prometheus firefox-esr webkit2gtk-driver \
    xvfb apache2-utils

step "Lint"
scripts/lint.sh

step "martlet.js is what its source makes"
scripts/script.sh check

step "Build and unit tests"
swift build --traits Service --build-tests
swift test --traits Service --skip-build

step "The public API is what docs/swift-api says"
scripts/api.sh check

step "Every snippet of the documentation is built"
scripts/snippets.sh check

step "Build the release"
swift build --traits Service -c release

step "Autobahn, both roles"
MESSAGES=50 scripts/conformance.sh

step "Autobahn through the proxy, in both of its modes, in front of two servers"
scripts/gorilla.sh Tests/EndToEnd/clients/gorilla-echo/main.go .cache/gorilla-echo
MESSAGES=20 scripts/proxy-conformance.sh

step "End to end: the real binary, foreign clients, a browser"
scripts/python.sh
scripts/gorilla.sh Tests/EndToEnd/clients/gorilla/main.go .cache/gorilla-client
export ARTIFACTS="$PWD/artifacts"
.cache/venv/bin/pytest -q --durations=5 -p no:cacheprovider Tests/EndToEnd
step "Random operations under ThreadSanitizer"
scripts/sanitize.sh
step "One binary, on a Debian with nothing installed"
scripts/dist.sh
scripts/dist-test.sh
step "All passed; screenshots are in artifacts/"
