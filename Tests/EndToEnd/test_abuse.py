"""What strangers do to a WebSocket and to the machine around it, and what survives it."""
import random
import resource
import socket

import pytest

from support.attacks.target import Target
from support.event_stream import query
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually, wait_until_idle

MiB = 1 << 20
PING, CLOSE, TEXT, CONTINUATION = 0x89, 0x88, 0x01, 0x00


def assert_it_lives(server):
    """Others are served as if nothing had happened."""
    client = RawClient(server.address)
    client.register("honest", "e")
    server.push_until("honest", "e", "hello", 1)
    assert client.read_frame() == (0x81, b"hello")
    client.close()


def flood(client, data, most):
    """Sends until the other end takes no more; how many bytes it took."""
    client.socket.settimeout(0.5)
    sent = 0
    try:
        while sent < most:
            sent += client.socket.send(data)
    except OSError:
        pass
    return sent


@pytest.mark.parametrize("payload", [b"", b"x" * 125])
def test_a_flood_of_pings_takes_no_memory(serve, payload):
    server = serve("--log-level", "warning")
    client = RawClient(server.address)
    wait_until_idle(server)
    before = server.rss()
    assert flood(client, RawClient.frame(PING, payload) * 1000, 20 * MiB) > MiB
    wait_until_idle(server)
    assert server.rss() - before < 16 * MiB
    assert_it_lives(server)


def test_a_flood_of_close_frames_is_answered_once(serve):
    server = serve("--log-level", "warning")
    before = server.rss()
    client = RawClient(server.address)
    flood(client, RawClient.frame(CLOSE, b"\x03\xe8") * 1000, 10 * MiB)
    client.socket.settimeout(PATIENCE)
    received = client.received
    try:
        while part := client.socket.recv(65536):
            received += part
    except ConnectionResetError:
        pass  # what was not read makes a reset of the end
    assert received in (b"\x88\x02\x03\xe8", b"")
    assert server.rss() - before < 16 * MiB
    assert_it_lives(server)


@pytest.mark.parametrize("part", [b"", b"x"])
def test_a_message_in_a_hundred_thousand_fragments_is_refused(serve, part):
    server = serve("--log-level", "warning")
    before = server.rss()
    client = RawClient(server.address)
    client.socket.sendall(RawClient.frame(TEXT, part))
    flood(client, RawClient.frame(CONTINUATION, part) * 1000, 100_000 * len(RawClient.frame(CONTINUATION, part)))
    client.socket.settimeout(PATIENCE)
    assert client.read_close() == (1009, "message of more than 1024 fragments")
    assert server.rss() - before < 16 * MiB
    assert_it_lives(server)


def test_a_message_that_comes_byte_by_byte(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    handshake = (f"GET /ws HTTP/1.1\r\nHost: {server.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
    for byte in handshake + RawClient.frame(0x81, b'{"token":"jack","event":"e"}'):
        client.socket.sendall(bytes([byte]))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    server.push_until("jack", "e", "hello", 1)
    assert client.read_frame() == (0x81, b"hello")


@pytest.mark.parametrize("path, headers", [("/ws", ""), (f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")])
def test_random_bytes_behind_the_handshake_end_their_connection_alone(serve, path, headers):
    server = serve("--log-level", "warning")
    for seed in range(200):
        noise = random.Random(seed).randbytes(1 + seed * 20)
        client = RawClient(server.address, path, headers)
        try:
            client.socket.sendall(noise)
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(65536):
                pass
        except OSError:
            pass
        client.close()
    eventually(lambda: server.metric("martlet_sessions") == 0, "all of them have gone")
    assert_it_lives(server)


@pytest.mark.parametrize("body", ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
def test_a_handshake_with_a_body_is_refused(serve, body):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall((
        f"GET /ws HTTP/1.1\r\nHost: {server.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{body}").encode())
    assert client.read_head().startswith(b"HTTP/1.1 400 ")
    assert_it_lives(server)


def test_a_request_behind_a_handshake_is_no_request(serve):
    """It is bytes of the WebSocket, and those of a client are masked."""
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.send_handshake(then=Target(server.address).post("/push", b'{"userId":"u","event":"e","message":"smuggled"}'))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    assert client.read_close()[0] == 1002
    assert server.metric("martlet_pushes_total") == 0


def test_a_token_of_100_kilobytes_is_refused(serve):
    server = serve()
    token = "t" * 100_000
    client = RawClient(server.address)
    client.register(token, "e")
    assert client.read_close()[0] == 1009
    for request in (f"GET /poll?event=e HTTP/1.1\r\nHost: {server.address}\r\nAuthorization: Bearer {token}\r\n\r\n",
                    f"GET /poll?event=e&token={token} HTTP/1.1\r\nHost: {server.address}\r\n\r\n"):
        client = RawClient(server.address, handshake=False)
        try:
            client.socket.sendall(request.encode())
        except OSError:
            pass
        assert client.read_head().split()[1] in (b"431", b"414", b"400")
    # A shorter one is as long as a header may be, and not as long as a token may be.
    assert server.post(f"/poll?event=e&token={'t' * 8193}", None, method="GET")[0] in (400, 401)
    assert_it_lives(server)


def test_compression_is_off_unless_it_is_asked_for(serve, start):
    """What is secret is never compressed together with what a stranger sends."""
    for server in (serve(), start("echo", "--listen", "127.0.0.1:0")):
        client = RawClient(server.address, handshake=False)
        client.send_handshake(headers="Sec-WebSocket-Extensions: permessage-deflate\r\n")
        head = client.read_head()
        assert head.startswith(b"HTTP/1.1 101 ") and b"sec-websocket-extensions" not in head.lower()


def test_a_disk_that_is_full_stops_the_log_and_nothing_else(serve):
    server = serve("--log-level", "debug", log_file="/dev/full")
    for _ in range(200):
        assert server.post("/push", b"nonsense")[0] == 400
    assert_it_lives(server)
    assert server.stop() == 0


def test_ten_thousand_connections_that_say_nothing(serve):
    count, sources = 10_000, 20
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        pytest.fail(f"this machine allows {hard} descriptors a process; the test needs {count + 500}")
    server = serve("--log-level", "warning")
    assert_it_lives(server)
    before, held = server.rss(), []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    try:
        for number in range(count):
            one = socket.socket()
            one.bind((f"127.0.1.{1 + number % sources}", 0))
            one.connect(("127.0.0.1", server.port))
            held.append(one)
            if number % 1000 == 999:
                assert server.post("/healthz", None, method="GET")[0] == 200
                assert server.push("nobody", "e", "x") == 0
        assert_it_lives(server)
        assert server.rss() - before < 200 * MiB
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert_it_lives(server)
