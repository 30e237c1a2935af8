#!/usr/bin/env bash
# Runs the Autobahn testsuite against our server and our client and judges the reports: conformance.sh [TABLE]
# TABLE is a file that the two tables are written to. Fails unless every case is there and passes strictly.
set -euo pipefail
cd "$(dirname "$0")/.."
bash Tests/EndToEnd/autobahn/setup.sh .cache/autobahn
export WSTEST=.cache/autobahn/wstest
cases=('1.*' '2.*' '3.*' '4.*' '5.*' '6.*' '7.*' '9.*' '10.*')
table=${1:-/dev/null}
binaries=.build/release

judge() { # role, output: prints the table; NON-STRICT counts as a failure
    if grep -q 'NON-STRICT' "$2"; then
        echo "Autobahn, $1: some cases are NON-STRICT" >&2
        return 1
    fi
}

echo "Autobahn against our server, 301 cases" >&2
python3 Tests/EndToEnd/autobahn/conform.py server --cases "${cases[@]}" --out .cache/autobahn-server -- \
    "$binaries/martlet" echo --listen '127.0.0.1:{port}' --path / --max-message-size 33554432 --max-fragments 1048576 --log-level warning |
    tee .cache/autobahn-server.txt
judge server .cache/autobahn-server.txt
echo "Autobahn against our client, 301 cases" >&2
python3 Tests/EndToEnd/autobahn/conform.py client --cases "${cases[@]}" --out .cache/autobahn-client -- \
    "$binaries/AutobahnClient" '{url}' '{cases}' '{agent}' |
    tee .cache/autobahn-client.txt
judge client .cache/autobahn-client.txt

{
    echo '# Conformance'
    echo
    echo 'The Autobahn WebSocket testsuite against Martlet, in both roles. Made by `make conformance`; `make test` fails'
    echo 'unless every case passes strictly. Sections 12 and 13 (compression) come with permessage-deflate.'
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
