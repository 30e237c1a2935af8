"""Connections that take places and memory, while others want in."""
import concurrent.futures
import http.client
import socket
import ssl
import time

import pytest

from support.attack_process import AttackProcess
from support.attacks.connections import Idle, Unread
from support.attacks.target import Target
from support.kept_connection import ask, connected
from support.processes import descriptors
from support.raw_client import RawClient
from support.under_attack import KEY
from support.waiting import PATIENCE, eventually, wait_until_idle

PUSH = b'{"userId":"jack","event":"e","message":"hello"}'


@pytest.mark.parametrize("path", ["/metrics", "/martlet.js", "/push"])
def test_answers_that_nobody_reads_take_little_memory(serve, path):
    server = serve("--log-level", "warning")
    target = Target(server.address)
    request = target.post(path, PUSH) if path == "/push" else target.get(path)
    Unread(target, request).close()
    wait_until_idle(server)
    before, count = server.rss(), 40
    unread = [Unread(target, request) for _ in range(count)]
    wait_until_idle(server)
    assert (server.rss() - before) / count < 256 << 10
    assert ask(connected(server), "/healthz") == (200, "ok\n")
    for one in unread:
        one.close()


def test_an_answer_that_does_not_move_ends_its_connection(serve):
    server = serve("--limits-answer-timeout", "1s")
    before = descriptors(server.process)
    target = Target(server.address)
    unread = [Unread(target, target.get("/metrics")) for _ in range(5)]
    eventually(lambda: descriptors(server.process) > before, "they are there")
    eventually(lambda: descriptors(server.process) == before, "they are ended", 10)
    assert any("answer" in line for line in server.log), server.log
    for one in unread:
        one.close()


@pytest.mark.timing
def test_an_answer_that_moves_slowly_is_waited_for(serve):
    server = serve("--limits-answer-timeout", "1s")
    target = Target(server.address)
    slow = Unread(target, target.get("/metrics"))
    slow.socket.settimeout(PATIENCE)
    end, received = time.monotonic() + 3, 0
    while time.monotonic() < end:  # well beyond the timeout
        received += len(slow.socket.recv(2048))
        time.sleep(0.1)
    rest = b""
    slow.socket.shutdown(socket.SHUT_WR)
    while part := slow.socket.recv(1 << 20):
        received += len(part)
        rest = (rest + part)[-10_000:]
    assert received > slow.count * 1000 and rest.endswith(b"\n"), "every request is answered"


@pytest.fixture
def crowded(serve):
    """A service with 256 descriptors."""
    return serve("--log-level", "notice", descriptors=256, env={"MARTLET_API_KEY": KEY})


def health(server):
    connection = http.client.HTTPConnection(server.address, timeout=PATIENCE)
    try:
        return ask(connection, "/healthz")[0]
    finally:
        connection.close()


def everybody_gets_in(server, times=20):
    """New connections of a load balancer, of back ends, and of clients."""
    for number in range(times):
        assert health(server) == 200, number
        assert server.post("/push", PUSH, {"X-API-Key": KEY})[0] == 200, number
        client = RawClient(server.address)
        client.register("newcomer", "e")
        eventually(lambda: server.post("/push", PUSH.replace(b"jack", b"newcomer"), {"X-API-Key": KEY})[1] == "message sent to 1 clients",
                   "it is accepted")
        client.close()
        eventually(lambda: server.post("/push", PUSH.replace(b"jack", b"newcomer"), {"X-API-Key": KEY})[1] == "message sent to 0 clients",
                   "it has gone")


def opened(server, beginning):
    """A connection that says no more than this."""
    one = RawClient(server.address, handshake=False)
    one.socket.sendall(beginning)
    return one


HOGS = {
    "idle after an answer": lambda server: Idle(Target(server.address)).connection,
    "silent": lambda server: opened(server, b""),
    "half a request": lambda server: opened(server, b"GET /ws HTTP/1.1\r\nHost: "),
    "half a body": lambda server: opened(server, b"POST /push HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"),
}


@pytest.mark.parametrize("hog", HOGS)
def test_connections_that_prove_nothing_keep_nobody_out(crowded, hog):
    server = crowded
    client = RawClient(server.address)
    client.register("jack", "e")
    back_end = connected(server)

    def push():
        back_end.request("POST", "/push", PUSH, {"X-API-Key": KEY})
        answer = back_end.getresponse()
        return answer.status, answer.read()

    eventually(lambda: push() == (200, b"message sent to 1 clients"), "jack is there")
    hogs = []
    for _ in range(220):
        try:
            hogs.append(HOGS[hog](server))
        except (OSError, EOFError):
            pass  # it is refused, or makes room
    everybody_gets_in(server)
    # Whoever has a session or has shown a key is not ended to make room, however old.
    assert push() == (200, b"message sent to 1 clients")
    assert client.read_frame() == (0x81, b"hello")
    for one in hogs:
        one.close()


def test_refused_clients_that_come_back_keep_nobody_out(crowded):
    server = crowded
    clients = []
    while True:
        client = RawClient(server.address, handshake=False)
        client.send_handshake()
        clients.append(client)
        if not client.read_head().startswith(b"HTTP/1.1 101 "):
            break
    assert len(clients) > 100, "the service is full"
    attack = AttackProcess("refused clients that come back", server.address)
    try:
        attack.begun()
        # On each connection that is refused they wait for 50 ms, 60 of them.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert health(server) == 200
            assert server.post("/push", PUSH, {"X-API-Key": KEY})[0] == 200
    finally:
        did = attack.stop()
    assert did["403"] > 200, did
    for one in clients:
        one.close()


@pytest.mark.timing
def test_a_silent_connection_over_tls_ends_after_ten_seconds(serve, certificates):
    server = serve("--tls-certificate", certificates["cert"], "--tls-key", certificates["key"])
    begin = time.monotonic()
    silent, late = (socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(2))
    time.sleep(4)  # the TLS handshake takes its time as well: all of it together has ten seconds
    late = ssl.create_default_context(cafile=certificates["ca"]).wrap_socket(late, server_hostname="localhost")

    def lasts(one):
        """Seconds from the beginning until a connection ends."""
        one.settimeout(PATIENCE + 10)
        try:
            while one.recv(4096):
                pass
        except OSError:
            pass
        one.close()
        return time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor() as pool:
        without, after = pool.map(lasts, (silent, late))
    assert 9 < without < 13, "without a TLS handshake"
    assert 9 < after < 13, "after a late TLS handshake"
