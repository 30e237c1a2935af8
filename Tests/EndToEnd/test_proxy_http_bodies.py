"""Bodies through the proxy: of every size, in chunks, broken off, from slow clients."""
import http.client
import json
import re
import socket
import subprocess
import threading

import pytest

from support.curl import curl
from support.proxy import connect, run_proxy, to, url
from support.sockets import read_all
from support.waiting import PATIENCE

GIB = 1 << 30
LONG = 120  # seconds for a gibibyte
SIZES = [0, 1, 65536, (1 << 20) + 7, GIB]


class PeakMemory:
    """The most that a process takes above what it took at first."""

    def __init__(self, server):
        self.server, self.before, self.peak, self.is_over = server, server.rss(), 0, threading.Event()

    def __enter__(self):
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def watch(self):
        while not self.is_over.wait(0.02):
            self.peak = max(self.peak, self.server.rss() - self.before)

    def __exit__(self, *_):
        self.is_over.set()


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_bodies_of_every_size_in_both_directions(start, tmp_path, backend, chunked):
    proxy = run_proxy(start, tmp_path, to(backend))
    with PeakMemory(proxy) as memory:
        for size in SIZES:
            got = curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                       url(proxy, f"/bytes/{size}" + ("?chunked" if chunked else "")), timeout=LONG)
            assert got == f"200 {size}"
            file = tmp_path / "body"
            with file.open("wb") as body:
                body.truncate(size)
            headers = ["-H", "Transfer-Encoding: chunked"] if chunked else []
            if size or not chunked:  # curl 7.88 never ends an empty body in chunks
                assert curl("-T", file, *headers, url(proxy, "/upload"), timeout=LONG) == str(size)
            else:
                assert upload_nothing_in_chunks(proxy) == b"0"
    print(f"peak {memory.peak >> 20} MiB above {memory.before >> 20} MiB")
    assert memory.peak < 64 << 20


def upload_nothing_in_chunks(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    connection.request("PUT", "/upload", iter([]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    return connection.getresponse().read()


def test_a_slow_client_holds_the_server_back_and_not_the_memory(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    with connect(proxy) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /bytes/{GIB} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        client.recv(1000)
        quick = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
        before = proxy.rss()
        for _ in range(200):
            quick.request("GET", "/bytes/100000")
            assert len(quick.getresponse().read()) == 100000
        assert proxy.rss() - before < 32 << 20


def test_answers_without_a_length(start, tmp_path):
    """An HTTP/1.0 server ends its answer with the connection; a client of HTTP/1.1 gets chunks, one of 1.0 an end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    for version in ("1.1", "1.0"):
        with connect(proxy) as client:
            client.sendall(f"GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            head, body = read_all(client).split(b"\r\n\r\n", 1)
        assert (b"chunked" in head) == (version == "1.1")
        assert body == (b"d\r\nuntil the end\r\n0\r\n\r\n" if version == "1.1" else b"until the end")


def test_an_answer_that_breaks_off_is_seen_to_break_off(start, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            chunked = b"/chunked" in connection.recv(65536)
            head = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" if chunked else b"Content-Length: 100\r\n\r\nhello"
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    for path in ("/chunked", "/sized"):
        done = subprocess.run(["curl", "-s", url(proxy, path)], capture_output=True, timeout=PATIENCE)
        assert done.returncode in (18, 56), path  # the transfer is not complete


def test_expect_100_continue(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    with connect(proxy) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        head = client.recv(65536)
        assert head.startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        answer = b""
        while not answer.endswith(b"\r\n\r\n5"):
            answer += client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_methods_that_have_no_body_in_their_answer(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    for _ in range(3):
        connection.request("HEAD", "/")
        response = connection.getresponse()
        assert response.getheader("Content-Length") == "12345" and response.read() == b""
        connection.request("GET", "/")
        assert json.loads(connection.getresponse().read())["path"] == "/"


def test_pipelined_requests_are_answered_in_order(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    count = 300
    with connect(proxy) as client:
        client.sendall(b"".join(f"GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for n in range(count))
                       + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        paths = re.findall(rb'"path": "/(\w+)"', read_all(client))
    assert paths == [str(n).encode() for n in range(count)] + [b"last"]


def test_a_body_beyond_the_limit_of_a_route(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend, bodySize="1KiB"))
    for headers in ([], ["-H", "Transfer-Encoding: chunked"]):
        got = curl("-o", "/dev/null", "-w", "%{http_code}", *headers, "-H", "Expect:", "--data-binary", "x" * 5000, url(proxy))
        assert got == "413"
    assert curl("--data-binary", "x" * 1000, url(proxy)) == "1000"
