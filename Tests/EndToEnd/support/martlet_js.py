"""martlet.js outside of a browser, and servers that it may meet in place of the push service."""
import http.server
import json
import shutil
import subprocess
import sys
import threading

from support.paths import PACKAGE, ROOT
from support.waiting import PATIENCE, eventually

MODULE = PACKAGE / "martlet.mjs"
CLIENT = ROOT / "Tests/EndToEnd/clients/martlet-js/one.mjs"
NODE = [shutil.which("node") or "node"]
# Node with the WebSocket of a package of Debian's: version 20 has none of its own.
NODE_WITH_WEBSOCKET = [*NODE, "--require", str(CLIENT.parent / "websocket.cjs")]
# The program that the Python package of this name brings.
DENO = [shutil.which("deno", path=f"{sys.prefix}/bin") or "deno", "run", "--no-prompt", "--allow-net", "--allow-read", "--allow-import"]

# Seconds pass in 10 ms.
FAST_NODE = [*NODE_WITH_WEBSOCKET, "--require", str(CLIENT.parent / "fast.cjs")]


class Runtime:
    """A client of martlet.js in a program of its own, and what it was told."""

    def __init__(self, command, options, event="alerts", module=MODULE, env=None):
        module = module if "://" in str(module) else module.as_uri()
        self.told = []
        self.process = subprocess.Popen(
            [*command, CLIENT, module, json.dumps(options), event], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=env)
        self.complaints = []
        for read in (self._read, self._complain):
            threading.Thread(target=read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def _complain(self):
        self.complaints += self.process.stderr

    def of(self, kind):
        """What it was told of a kind: messages, errors, gaps, states."""
        return [values for name, *values in self.told if name == kind]

    def until(self, condition, what):
        eventually(lambda: condition() or self.process.poll() is not None, lambda: f"{what}: {self.told}")
        assert condition(), f"{what}: {self.told} {''.join(self.complaints)}"

    def opens(self, transport):
        self.until(lambda: ["open", transport, 0] in self.of("state"), f"{transport} opens")

    def subscribe(self, event):
        self.process.stdin.write(event + "\n")
        self.process.stdin.flush()

    def end(self):
        """Closes the client; nothing of it may keep the program alive."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Double(http.server.ThreadingHTTPServer):
    """A server where a client looks for the push service: `answer(path)` gives status, type and body, which is a text or
    texts that come one after the other; the connection ends then. `requests` has the path and the headers of each request."""
    daemon_threads = True

    def __init__(self, answer):
        double = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                double.requests.append((self.path, self.headers))
                status, kind, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                for part in [body] if isinstance(body, str) else body:
                    try:
                        self.wfile.write(part.encode())
                    except OSError:  # the client has gone
                        return

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()
