#!/usr/bin/env bash
# Runs the Autobahn testsuite through `martlet proxy`, in tunnel mode and protocol-aware, in front of our echo server and
# of gorilla's, and directly against both. Fails unless each of the 517 cases gets the same verdict through the proxy as
# without it.
# MESSAGES=50 sends so many messages in each case of sections 12 and 13, in place of 1,000.
set -euo pipefail
cd "$(dirname "$0")/.."
bash Tests/EndToEnd/autobahn/setup.sh .cache/autobahn
export WSTEST=.cache/autobahn/wstest BINARIES=${BINARIES:-.build/release}
options=(--cases '*' --timeout 3600)
if [ -n "${MESSAGES:-}" ]; then options+=(--messages "$MESSAGES"); fi

for backend in martlet gorilla; do
    for mode in direct tunnel aware; do
        out=.cache/autobahn-proxy/$backend-$mode
        rm -rf "$out"
        mkdir -p "$out"
        # gorilla does not pass every case; what counts is that the verdicts are the same.
        python3 Tests/EndToEnd/autobahn/conform.py server "${options[@]}" --out "$out" -- \
            python3 Tests/EndToEnd/autobahn/proxied.py "$mode" "$backend" '{port}' >"$out.txt" 2>&1 || true
        echo "Autobahn, $backend, $mode: $(grep -E '^ *total ' "$out.txt" || tail -1 "$out.txt")" >&2
    done
done
python3 Tests/EndToEnd/autobahn/compare.py .cache/autobahn-proxy
