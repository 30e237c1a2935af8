"""Handshakes over raw sockets: origins, requests before and behind them, hostile beginnings."""
import json

import pytest

from support.raw_client import RawClient
from support.waiting import eventually


@pytest.mark.parametrize("headers, status", [
    ("Origin: http://evil.example\r\n", 403), ("Origin: null\r\n", 403), ("Origin: http://127.0.0.1:1\r\n", 403),
])
def test_pages_of_other_hosts_may_not_connect(serve, headers, status):
    client = RawClient(serve().address, handshake=False)
    client.send_handshake(headers=headers)
    head, body = client.read_response()
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"may not connect" in body
    # The connection lives on.
    client.send_handshake()
    assert client.read_head().startswith(b"HTTP/1.1 101 ")


def test_other_origins_when_they_are_allowed(serve):
    server = serve("--origin", "http://app.example")
    RawClient(server.address, headers="Origin: http://app.example\r\n").close()
    client = RawClient(server.address, handshake=False)
    client.send_handshake(headers="Origin: http://evil.example\r\n")
    assert client.read_head().startswith(b"HTTP/1.1 403 ")


def test_a_page_that_has_its_name_point_here_may_not_connect(serve):
    client = RawClient(serve().address, handshake=False)
    client.socket.sendall(
        b"GET /ws HTTP/1.1\r\nHost: evil.example:8080\r\nOrigin: http://evil.example:8080\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert client.read_head().startswith(b"HTTP/1.1 403 ")


def test_any_request_of_a_connection_may_upgrade(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.read_response()[1] == b"ok\n"
    client.socket.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.read_response()[0].startswith(b"HTTP/1.1 400 ")
    body = json.dumps({"userId": "jack", "event": "alerts", "message": "x"}).encode()
    client.socket.sendall(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert client.read_response()[1] == b"message sent to 0 clients"
    # The next comes in one segment with the register message.
    client.send_handshake(then=RawClient.frame(0x81, b'{"token":"jack","event":"alerts"}'))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    server.push_until("jack", "alerts", "hi", 1)
    assert client.read_frame() == (0x81, b"hi")
    client.send(b"\x03\xe8", 0x88)
    assert client.read_frame() == (0x88, b"\x03\xe8")
    client.close()
    eventually(lambda: server.metric("martlet_sessions") == 0, "the session has ended")


def test_a_handshake_pipelined_behind_a_push_waits_its_turn(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    body = b'{"userId":"jack","event":"alerts","message":"x"}'
    post = b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    client.socket.sendall(post * 2)
    client.send_handshake(then=RawClient.frame(0x89, b"?"))
    for _ in range(2):
        assert client.read_response()[1] == b"message sent to 0 clients"
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    assert client.read_frame() == (0x8A, b"?")


def test_plain_requests_go_on_behind_an_upgrade_that_nobody_serves(serve):
    client = RawClient(serve().address, handshake=False)
    for _ in range(3):
        client.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert client.read_response()[1] == b"ok\n"
    client.send_handshake()
    assert client.read_head().startswith(b"HTTP/1.1 101 ")


def test_hostile_beginnings_are_refused(serve):
    server = serve()
    cases = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50, b"HTTP/1.1 400 "),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", b"HTTP/1.1 431 "),
        (b"GET /ws HTTP/1.1\r\nHost : x\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 4"),
    ]
    for request, answer in cases:
        client = RawClient(server.address, handshake=False)
        try:
            client.socket.sendall(request)
        except OSError:
            pass
        head = client.read_head()
        assert head.startswith(answer), (request[:60], head)
        client.close()
    assert server.push("jack", "alerts", "x") == 0


def test_a_flood_of_refused_handshakes_behind_a_plain_request(serve):
    server = serve()
    before = server.rss()
    client = RawClient(server.address, handshake=False)
    plain, refused = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /ws HTTP/1.1\r\n\r\n"
    for _ in range(20):  # the receive buffer grows to take what comes next in one read
        client.socket.sendall(plain * 1500)
        for _ in range(1500):
            client.read_response()
    client.socket.sendall(plain + refused * 3000)
    answers = 0
    try:
        while True:
            client.read_response()
            answers += 1
    except (EOFError, ConnectionResetError, AttributeError):
        pass
    assert answers >= 50
    assert server.push("jack", "alerts", "x") == 0, "the server lives"
    # One that never reads its answers costs no memory; after a hundred of them what it sends is thrown away.
    silent = RawClient(server.address, handshake=False)
    sent = 0
    try:
        while sent < 50_000_000:
            sent += silent.socket.send(refused * 2000)
    except OSError:
        pass
    assert server.rss() < before + (32 << 20)
