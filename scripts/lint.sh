#!/usr/bin/env bash
# Style (swift-format), and the arrows between modules and between the folders of each module.
set -euo pipefail
cd "$(dirname "$0")/.."
swift format lint --strict --recursive Package.swift Sources Tests Examples Fuzz
scripts/arrows.py
