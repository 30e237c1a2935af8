#!/usr/bin/env bash
# Runs the Autobahn testsuite through `martlet proxy`, in tunnel mode and protocol-aware, in front of our echo server and
# of gorilla's, and directly against both. Fails unless each of the 517 cases gets the same verdict through the proxy as
# without it; cases that differ run again, up to 20 times, since some verdicts are a race (compare.py says which and why).
# MESSAGES=50 sends so many messages in each case of sections 12 and 13, in place of 1,000.
set -euo pipefail
cd "$(dirname "$0")/.."
bash Tests/EndToEnd/autobahn/setup.sh .cache/autobahn
export WSTEST=.cache/autobahn/wstest BINARIES=${BINARIES:-.build/release}
options=(--timeout 3600)
if [ -n "${MESSAGES:-}" ]; then options+=(--messages "$MESSAGES"); fi
reports=.cache/autobahn-proxy
rm -rf "$reports"

# conform BACKEND MODE FOLDER CASE...
conform() {
    local backend=$1 mode=$2 out=$reports/$3
    shift 3
    mkdir -p "$out"
    # gorilla does not pass every case; what counts is that the verdicts are the same.
    python3 Tests/EndToEnd/autobahn/conform.py server --cases "$@" "${options[@]}" --out "$out" -- \
        python3 Tests/EndToEnd/autobahn/proxied.py "$mode" "$backend" '{port}' >"$out.txt" 2>&1 || true
}

for backend in martlet gorilla; do
    for mode in direct tunnel aware; do
        conform "$backend" "$mode" "$backend-$mode" '*'
        out=$reports/$backend-$mode.txt
        echo "Autobahn, $backend, $mode: $(grep -E '^ *total ' "$out" || tail -1 "$out")" >&2
    done
done

for again in $(seq 20); do
    status=0
    python3 Tests/EndToEnd/autobahn/compare.py "$reports" >"$reports/apart" || status=$?
    if [ $status -ne 3 ]; then exit $status; fi
    while read -r backend mode cases; do
        # The names of cases are words without blanks or patterns.
        # shellcheck disable=SC2086
        conform "$backend" direct "$backend-direct-$mode$again" $cases
        # shellcheck disable=SC2086
        conform "$backend" "$mode" "$backend-$mode-$again" $cases
    done <"$reports/apart"
done
python3 Tests/EndToEnd/autobahn/compare.py "$reports"
