"""What the tests of `martlet proxy` share: a proxy with a configuration, HTTP servers to stand behind it, nginx."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request

from conftest import PATIENCE, eventually


def run_proxy(start, tmp_path, configuration, *arguments):
    """A proxy with an admin listener; `configuration` lacks its listeners when one plain one will do."""
    configuration = {"listeners": ["127.0.0.1:0"], "admin": "127.0.0.1:0", "drainTimeout": "1s", **configuration}
    file = tmp_path / "proxy.json"
    file.write_text(json.dumps(configuration))
    proxy = start("proxy", "--config", str(file), "--log-level", "notice", *arguments)
    proxy.file = file
    eventually(lambda: any("/metrics" in line for line in proxy.output), "the proxy says where its metrics are")
    line = next(line for line in proxy.output if "/metrics" in line)
    proxy.ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line.split(";")[0].split(" to ")[0])]
    proxy.admin = int(re.search(r":(\d+)/metrics", line).group(1))
    return proxy


def to(server, **route):
    """A configuration with one route to a server."""
    address = server if isinstance(server, str) else server.address
    return {"routes": [{"to": address if "://" in address else f"http://{address}", **route}]}


def admin(proxy, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin}{path}", timeout=PATIENCE) as response:
        return response.read().decode()


def metric(proxy, name, **labels):
    """The sum of a metric's series that have these labels."""
    total = 0
    for line in admin(proxy).splitlines():
        found = re.match(rf"{name}(?:{{(.*)}})? ([0-9.e+]+)$", line)
        if found and all(f'{key}="{value}"' in (found.group(1) or "") for key, value in labels.items()):
            total += float(found.group(2))
    return total


def descriptors(process):
    """Open sockets. Timers and the like of the runtime come when they are first needed, and stay."""
    count = 0
    for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += os.readlink(link).startswith("socket:")
        except FileNotFoundError:
            pass
    return count


class HTTPServer(http.server.ThreadingHTTPServer):
    """Python's http.server. GET /bytes/N answers N zero bytes (?chunked=1 in chunks), POST answers how much it got."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, protocol="HTTP/1.1", name="one"):
        self.name, self.requests = name, []
        handler = type("Handler", (Handler,), {"protocol_version": protocol})
        super().__init__(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    PIECE = bytes(1 << 16)
    disable_nagle_algorithm = True  # head and body are two writes

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers.items())))
        if self.path.startswith("/bytes/"):
            return self.send_bytes(int(self.path.split("/")[2].split("?")[0]), "chunked" in self.path)
        body = json.dumps({"server": self.server.name, "path": self.path, "headers": list(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Server", self.server.name)
        self.send_header("Connection", "keep-alive")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_OPTIONS = do_GET

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def send_bytes(self, count, is_chunked):
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(count))))
        self.end_headers()
        while count:
            piece = self.PIECE[:min(count, len(self.PIECE))]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            count -= len(piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        got = 0
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                left = size + 2
                while left:
                    left -= len(self.rfile.read(min(left, 1 << 20)))
                got += size
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                part = len(self.rfile.read(min(left, 1 << 20)))
                if not part:
                    return
                left, got = left - part, got + part
        self.server.requests.append((self.path, dict(self.headers.items())))
        body = str(got).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST


class Nginx:
    """An nginx with one server block, in the foreground."""

    def __init__(self, folder, server, port, http=""):
        folder.mkdir(exist_ok=True)
        file = folder / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        file.write_text(f"""
            pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off; worker_processes 1; user root;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; client_body_temp_path {folder}/body; {temporary} client_max_body_size 0; {http}
                server {{ listen 127.0.0.1:{port} {server} }}
            }}""")
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(file)])
        eventually(lambda: (folder / "nginx.pid").exists(), "nginx starts")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
