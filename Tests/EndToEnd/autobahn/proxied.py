#!/usr/bin/env python3
"""An echo server behind `martlet proxy`, as one testee: proxied.py direct|tunnel|aware martlet|gorilla PORT

`direct` is the echo server alone. All of them end with this process's session.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
MARTLET = os.path.join(os.environ.get("BINARIES", ROOT / ".build/release"), "martlet")


def echo_server(kind, port):
    if kind == "gorilla":
        command = [ROOT / ".cache/gorilla-echo", "serve", "-", "-", "compress", f"127.0.0.1:{port}"]
    else:
        command = [MARTLET, "echo", "--listen", f"127.0.0.1:{port}", "--path", "/", "--limits-message-size", "33554432",
                   "--limits-fragments", "1048576", "--compress", "--context-takeover", "--log-level", "warning"]
    return [str(part) for part in command]


mode, kind, port = sys.argv[1:]
if mode == "direct":
    command = echo_server(kind, port)
    os.execvp(command[0], command)
backend = subprocess.Popen(echo_server(kind, 0), stdout=subprocess.PIPE, text=True)
address = next(found.group() for line in backend.stdout if (found := re.search(r"127\.0\.0\.1:\d+", line)))
policy = {"messageSize": "64MiB", "messageRate": "1000000000/s", "pingInterval": "20s"} if mode == "aware" else {}
with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
    json.dump({"listeners": [f"127.0.0.1:{port}"], "routes": [{"to": f"http://{address}", "webSocket": policy}]}, file)
os.execv(MARTLET, [MARTLET, "proxy", "--config", file.name, "--log-level", "error"])
