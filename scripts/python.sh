#!/usr/bin/env bash
# Makes the Python environment of the end-to-end tests in .cache/venv, when it is not there or out of date.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=Tests/EndToEnd/requirements.txt
if [ -x .cache/venv/bin/pytest ] && cmp -s "$wanted" .cache/venv/requirements.txt; then exit 0; fi
echo "Installing the Python packages of the end-to-end tests" >&2
rm -rf .cache/venv
mkdir -p .cache
python3 -m venv .cache/venv
.cache/venv/bin/pip install -q --disable-pip-version-check -r "$wanted"
cp "$wanted" .cache/venv/requirements.txt
