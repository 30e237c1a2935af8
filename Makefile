# Everything a newcomer needs: `make serve` and `make test`. Each target installs what is missing and says so.

.PHONY: serve test check dist conformance sanitize fuzz api docs bench bench-proxy bench-push bench-compare bench-attacks bench-costs format lint clean

# C libraries that the package is built on.
LIBRARIES = zlib1g-dev libedit-dev

# Builds and runs the push service. ARGS adds options: make serve ARGS="--listen 127.0.0.1:9000"
serve:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES)
	@echo "Building Martlet; the first time takes a few minutes."
	swift build --traits Service -c release --product martlet
	@exec .build/release/martlet serve $(ARGS)

test:
	@scripts/test.sh

# One binary with everything in it but the C library, for any Debian 12 or newer: dist/martlet
dist:
	@scripts/dist.sh

# The whole Autobahn run, 20 minutes; writes the tables of docs/conformance.md.
conformance:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 python3-venv gcc libc6-dev
	swift build --traits Service -c release
	@scripts/conformance.sh docs/conformance.md

# Random concurrent operations on one connection under ThreadSanitizer.
sanitize:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES)
	@scripts/sanitize.sh

# libFuzzer on every part that takes bytes from strangers, a minute each: make fuzz SECONDS=600 TARGETS="frames heads"
SECONDS = 60
fuzz:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES)
	@scripts/fuzz.sh $(SECONDS) $(TARGETS)

# Writes the lists of public symbols in docs/swift-api, when the API changes on purpose.
api:
	swift build --traits Service
	@scripts/api.sh write

# The documentation of the libraries as web pages, in .cache/docs.
docs:
	@scripts/docs.sh

# Echo against gorilla/websocket in the same run; writes a table and a picture to artifacts/.
bench:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 gcc libc6-dev golang-go golang-github-gorilla-websocket-dev util-linux
	swift build --traits Service -c release --product martlet
	@python3 Benchmarks/echo.py

# The proxy against nginx and HAProxy in the same run; writes a table and a picture to artifacts/.
bench-proxy:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 gcc libc6-dev nginx-light haproxy util-linux
	swift build --traits Service -c release --product martlet
	@python3 Benchmarks/proxy.py

# The push service against nchan in the same run; writes a table and a picture to artifacts/.
bench-push:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 gcc libc6-dev nginx-light libnginx-mod-nchan util-linux
	swift build --traits Service -c release --product martlet
	@python3 Benchmarks/push.py

# Two builds of Martlet in turns, before and after a change: make bench-compare BEFORE=../old/.build/release/martlet
bench-compare:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 gcc libc6-dev util-linux
	swift build --traits Service -c release --product martlet
	@python3 Benchmarks/compare.py $(BEFORE) .build/release/martlet

# An honest client while others attack the push service; writes the table of docs/security.md to artifacts/.
bench-attacks:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 python3-venv util-linux
	swift build --traits Service -c release --product martlet
	@scripts/python.sh
	@.cache/venv/bin/python Benchmarks/attacks.py

# What one attempt of each attack costs the server; writes the figures into docs/security.md.
bench-costs:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3 python3-venv openssl
	swift build --traits Service -c release --product martlet
	@scripts/python.sh
	@.cache/venv/bin/python Benchmarks/costs.py --write

format:
	swift format --in-place --recursive Package.swift Sources Tests Examples Fuzz

# Style, the arrows between modules and between their folders, which point one way, and that no test imports another.
lint:
	@scripts/lint.sh

# What one runs all day: lint and the unit tests, two minutes from a warm build.
check:
	@scripts/need-swift.sh
	@scripts/need.sh $(LIBRARIES) python3
	@scripts/lint.sh
	swift build --traits Service --build-tests
	swift test --traits Service --skip-build

clean:
	rm -rf .build .build-tsan .build-dist .build-fuzz .cache artifacts dist
