#!/usr/bin/env bash
# Runs the Autobahn testsuite against our server and our client and judges the reports: conformance.sh [TABLE]
# TABLE is a file that the two tables are written to. Fails unless all 517 cases are there and pass strictly.
# MESSAGES=50 sends so many messages in each case of sections 12 and 13, in place of 1,000.
set -euo pipefail
cd "$(dirname "$0")/.."
bash Tests/EndToEnd/autobahn/setup.sh .cache/autobahn
export WSTEST=.cache/autobahn/wstest
table=${1:-/dev/null}
binaries=${BINARIES:-.build/release}
options=(--cases '*' --strict-deflate --timeout 3600)
if [ -n "${MESSAGES:-}" ]; then options+=(--messages "$MESSAGES"); fi

judge() { # role, output: NON-STRICT and missing cases count as failures
    if grep -q 'NON-STRICT' "$2" || ! grep -q '^ *total *517 ' "$2"; then
        echo "Autobahn, $1: some cases are NON-STRICT or missing" >&2
        return 1
    fi
}

echo "Autobahn against our server, 517 cases" >&2
python3 Tests/EndToEnd/autobahn/conform.py server "${options[@]}" --out .cache/autobahn-server -- \
    "$binaries/martlet" echo --listen '127.0.0.1:{port}' --path / --limits-message-size 33554432 --limits-fragments 1048576 \
    --compress --context-takeover --log-level warning |
    tee .cache/autobahn-server.txt
judge server .cache/autobahn-server.txt
echo "Autobahn against our client, 517 cases" >&2
python3 Tests/EndToEnd/autobahn/conform.py client "${options[@]}" --out .cache/autobahn-client -- \
    "$binaries/AutobahnClient" '{url}' '{cases}' '{agent}' |
    tee .cache/autobahn-client.txt
judge client .cache/autobahn-client.txt

{
    echo '# Conformance'
    echo
    echo 'The Autobahn WebSocket testsuite against Martlet, in both roles, all 517 cases, with compression and context'
    echo "takeover allowed. Made by \`make conformance\`; \`make test\` does the same with 50 messages in each case of"
    echo 'sections 12 and 13, where the suite sends 1,000, and fails unless every case passes strictly.'
    echo
    echo 'INFORMATIONAL cases have no right answer: they show what an implementation does.'
    for role in server client; do
        echo
        echo "## Our $role"
        echo
        echo '```'
        sed -E 's/, [0-9.]+ s$//; s/^testee: //' ".cache/autobahn-$role.txt"
        echo '```'
    done
} >"$table"
