#!/usr/bin/env bash
# Builds a Go program on Debian's gorilla/websocket: gorilla.sh SOURCE OUTPUT
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$2" -nt "$1" ]; then exit 0; fi
mkdir -p "$(dirname "$2")"
GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$PWD/.cache/go" go build -o "$2" "$1"
