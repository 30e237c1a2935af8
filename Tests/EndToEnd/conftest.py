"""What the tests of the real binary share: servers on ports that the kernel chose, and raw sockets."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARTLET = os.environ.get("MARTLET", str(ROOT / ".build/release/martlet"))
ARTIFACTS = pathlib.Path(os.environ.get("ARTIFACTS", ROOT / "artifacts"))
PATIENCE = 20  # seconds until something that must happen counts as not happening


class Server:
    """A running `martlet` command; its output is read so that it never blocks."""

    def __init__(self, *arguments, env=None):
        self.process = subprocess.Popen(
            [MARTLET, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, **(env or {})})
        self.output, self.log = [], []
        self._ready = threading.Event()
        for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.log)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        if not self._ready.wait(PATIENCE) or not hasattr(self, "port"):
            self.stop()
            raise AssertionError(f"the server did not listen: {self.output} {self.log}")

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line)
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found and stream is self.process.stdout:
                self.port = int(found.group(1))
                self._ready.set()
        if stream is self.process.stdout:
            self._ready.set()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def post(self, path, body, headers=None, method="POST"):
        """Status, body and headers of a request."""
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def push(self, user, event, message):
        status, body, _ = self.post("/push", {"userId": user, "event": event, "message": message})
        assert status == 200, body
        return int(re.fullmatch(r"message sent to (\d+) clients", body).group(1))

    def push_until(self, user, event, message, count):
        """A register message is not answered: pushes until as many clients as expected get it."""
        eventually(lambda: self.push(user, event, message) == count, f"{count} clients of {user}/{event}")

    def metric(self, name):
        """The sum of a metric's series."""
        text = self.post("/metrics", None, method="GET")[1]
        return sum(map(int, re.findall(rf"^{name}(?:{{.*}})? (\d+)$", text, re.M)))

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def run(*arguments, **options):
    return subprocess.run([MARTLET, *arguments], capture_output=True, text=True, timeout=PATIENCE, **options)


def eventually(condition, what, patience=PATIENCE):
    """Waits until a condition holds; what is missing otherwise is said by a text or by a function."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"did not happen: {what() if callable(what) else what}"
        time.sleep(0.01)


def wait_until_read(connection):
    """Until the other end, on this machine, has read all that was sent."""
    def name(address):
        host, port = address
        return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
    ends = name(connection.getpeername()), name(connection.getsockname())

    def is_read():
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
            fields = line.split()
            if (fields[1], fields[2]) == ends:
                return int(fields[4].split(":")[1], 16) == 0
        return True

    eventually(is_read, "everything has been read")


class RawClient:
    """A WebSocket client on a bare socket, so that a test sees every byte."""

    def __init__(self, address, path="/ws", headers="", handshake=True):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.received = b""
        if handshake:
            self.send_handshake(path, headers)
            head = self.read_head()
            assert head.startswith(b"HTTP/1.1 101 "), head

    def send_handshake(self, path="/ws", headers="", then=b""):
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {self.socket.getpeername()[0]}:{self.socket.getpeername()[1]}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n").encode() + then)

    def _fill(self):
        part = self.socket.recv(65536)
        if not part:
            raise EOFError(self.received)
        self.received += part

    def read_head(self):
        while b"\r\n\r\n" not in self.received:
            self._fill()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def read_response(self):
        """Head and body of an HTTP response with a Content-Length."""
        head = self.read_head()
        length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
        while len(self.received) < length:
            self._fill()
        body, self.received = self.received[:length], self.received[length:]
        return head, body

    def read_frame(self):
        """First byte and payload of an unmasked frame."""
        while len(self.received) < 2:
            self._fill()
        length, start = self.received[1] & 0x7F, 2
        if length == 126:
            start = 4
        elif length == 127:
            start = 10
        while len(self.received) < start:
            self._fill()
        if start > 2:
            length = int.from_bytes(self.received[2:start], "big")
        while len(self.received) < start + length:
            self._fill()
        first, payload = self.received[0], self.received[start:start + length]
        self.received = self.received[start + length:]
        return first, payload

    def read_close(self):
        """Code and reason of the close frame, whatever comes before it."""
        while True:
            first, payload = self.read_frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    @staticmethod
    def frame(first, payload):
        mask = b"\x01\x02\x03\x04"
        if len(payload) < 126:
            head = bytes([first, 0x80 | len(payload)])
        elif len(payload) < 65536:
            head = bytes([first, 0x80 | 126]) + len(payload).to_bytes(2, "big")
        else:
            head = bytes([first, 0x80 | 127]) + len(payload).to_bytes(8, "big")
        return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))

    def send(self, text, first=0x81):
        self.socket.sendall(self.frame(first, text if isinstance(text, bytes) else text.encode()))

    def register(self, token, event):
        self.send(json.dumps({"token": token, "event": event}))

    def close(self):
        self.socket.close()


@pytest.fixture
def start():
    """Starts `martlet` commands and stops them at the end, whatever happened."""
    servers = []

    def start(*arguments, **options):
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture
def serve(start):
    def serve(*arguments, **options):
        return start("serve", "--listen", "127.0.0.1:0", *arguments, **options)
    return serve


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Paths of a certificate authority and of a certificate of it for localhost and 127.0.0.1, with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    paths = {name: str(folder / f"{name}.pem") for name in ("ca", "cakey", "cert", "key", "request")}
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for command in (
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Test -keyout {paths['cakey']} -out {paths['ca']}",
            f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {paths['key']} -out {paths['request']}",
            f"x509 -req -in {paths['request']} -CA {paths['ca']} -CAkey {paths['cakey']} -CAcreateserial -days 2 "
            f"-extfile {extensions} -out {paths['cert']}"):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    return paths


@pytest.fixture
def free_port():
    """A port for a server that cannot be told to take any."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--ignore-certificate-errors"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()
