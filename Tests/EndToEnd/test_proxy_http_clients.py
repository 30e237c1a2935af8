"""Clients of the proxy that misbehave: slow, silent, too many, gone."""
import socket
import threading

import pytest

from support.curl import curl
from support.ports import free_port
from support.proxy import connect, metric, run_proxy, to, url
from support.sockets import read_all
from support.waiting import PATIENCE, eventually


@pytest.mark.timing
def test_slow_and_silent_clients(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "client": {"headerTimeout": "300ms", "bodyTimeout": "300ms", "keepAliveTimeout": "300ms"}})
    with connect(proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert read_all(client) == b""
    with connect(proxy) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert read_all(client).startswith(b"HTTP/1.1 408 ")
    with connect(proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_answers_of_the_proxy_heed_connection_close(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{free_port()}"))
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        with connect(proxy) as client:
            client.sendall(request)
            answer = read_all(client)
        assert b" 502 " in answer and b"Connection: close" in answer


def test_too_many_connections(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "limits": {"connections": 3}})
    held = [connect(proxy) for _ in range(3)]
    eventually(lambda: metric(proxy, "proxy_connections") == 3, "three are open")
    with connect(proxy) as client:
        assert read_all(client).startswith(b"HTTP/1.1 503 ")
    for one in held:
        one.close()
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "they have ended")
    assert curl("-d", "hello", url(proxy)) == "5"


def test_headers_beyond_the_limits(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    for headers in ("X-A: " + "a" * 20000 + "\r\n", "".join(f"X-{n}: 1\r\n" for n in range(200))):
        with connect(proxy) as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
            assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_a_client_that_leaves_takes_its_request_with_it(start, tmp_path):
    listener, gone = socket.create_server(("127.0.0.1", 0)), threading.Event()
    asked = threading.Event()

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        asked.set()
        if connection.recv(65536) == b"":
            gone.set()

    threading.Thread(target=serve, daemon=True).start()
    log = tmp_path / "access.log"
    proxy = run_proxy(start, tmp_path, {**to(f"127.0.0.1:{listener.getsockname()[1]}"), "accessLog": {"file": str(log), "format": "combined"}})
    with connect(proxy) as client:
        client.sendall(b"GET /long-poll HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asked.wait(PATIENCE)
    assert gone.wait(PATIENCE)
    eventually(lambda: '"GET /long-poll HTTP/1.1" 499 0 "-" "-"' in log.read_text(), "the access log says so")
