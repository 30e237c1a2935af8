# Everything a newcomer needs: `make serve` and `make test`. Each target installs what is missing and says so.

.PHONY: serve test conformance bench format lint clean

# Builds and runs the push service. ARGS adds options: make serve ARGS="--listen 127.0.0.1:9000"
serve:
	@scripts/need-swift.sh
	@echo "Building Martlet; the first time takes a few minutes."
	swift build -c release --product martlet
	@exec .build/release/martlet serve $(ARGS)

test:
	@scripts/test.sh

# The whole Autobahn run; writes the tables of docs/conformance.md.
conformance:
	@scripts/need-swift.sh
	@scripts/need.sh python3 python3-venv gcc libc6-dev
	swift build -c release
	@scripts/conformance.sh docs/conformance.md

# Echo against gorilla/websocket in the same run; writes a table and a picture to artifacts/.
bench:
	@scripts/need-swift.sh
	@scripts/need.sh python3 gcc libc6-dev golang-go golang-github-gorilla-websocket-dev util-linux
	swift build -c release --product martlet
	@python3 Benchmarks/echo.py

format:
	swift format --in-place --recursive Package.swift Sources Tests Examples

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Examples

clean:
	rm -rf .build .cache artifacts
