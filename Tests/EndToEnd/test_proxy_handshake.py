"""Handshakes through `martlet proxy`, of which the simple ones never meet NIO, and the others are handed over to it in the
middle: whatever the upstream answers, it sees one request, and the client one answer."""
import json
import signal
import socket
import struct
import threading

import pytest

from support.ports import free_port
from support.processes import descriptors
from support.proxy import metric, run_proxy, to
from support.raw_client import SWITCHING, RawClient
from support.waiting import PATIENCE, eventually, wait_until_read

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"


class Upstream:
    """Answers each request with the next list of pieces; `None` ends the connection."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests, self.ended = [], 0
        threading.Thread(target=self.run, args=(list(answers),), daemon=True).start()

    def run(self, answers):
        while answers:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            self.requests.append(data)
            try:
                self.answer(connection, answers.pop(0))
            except ConnectionError:
                pass  # it had heard enough
            connection.close()
            self.ended += 1

    def answer(self, connection, pieces):
        for piece in pieces:
            if piece is None:
                return
            connection.sendall(piece)
            wait_until_read(connection)
        while connection.recv(65536):
            pass


def shake(proxy):
    one = RawClient(proxy.address, handshake=False)
    one.send_handshake()
    return one


@pytest.mark.parametrize("pieces", [
    [SWITCHING], [SWITCHING[:30], SWITCHING[30:]], [b"H", SWITCHING[1:]],
    [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + SWITCHING],
    [b"HTTP/1.1 100 Continue\r\n\r\n", SWITCHING],
    [SWITCHING.replace(b"Upgrade: w", b"X-Long: " + b"x" * 9000 + b"\r\nUpgrade: w")],
], ids=["whole", "in two pieces", "a byte first", "behind hints", "behind 100", "long"])
def test_an_upgrade_in_whatever_pieces(start, tmp_path, pieces):
    upstream = Upstream(pieces)
    one = shake(run_proxy(start, tmp_path, to(upstream)))
    assert one.read_head().startswith(b"HTTP/1.1 101 ")
    one.send("hello")
    one.socket.shutdown(socket.SHUT_WR)
    eventually(lambda: upstream.ended, "the upstream sees the end")
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("pieces, status, text", [
    ([REFUSAL], 403, b"no\n"), ([REFUSAL[:20], REFUSAL[20:]], 403, b"no\n"),
    ([SWITCHING.replace(b"s3p", b"S3p")], 502, b"Sec-WebSocket-Accept"),
    ([SWITCHING.replace(b"\r\nC", b"\nC")], 502, b""), ([b"nonsense\r\n\r\n"], 502, b"not valid HTTP"),
    ([None], 502, b"without an answer"), ([b"HTTP/1.1 101 Switch", None], 502, b""),
    ([b"HTTP/1.1 101 A\r\nX: " + b"x" * 200000], 502, b""),
    pytest.param([], 504, b"in time", marks=pytest.mark.timing),
    pytest.param([b"HTTP/1.1 101 "], 504, b"in time", marks=pytest.mark.timing),
], ids=["refused", "refused in pieces", "wrong key", "bare LF", "nonsense", "ended", "broken off", "endless", "silent", "stalled"])
def test_any_other_answer_is_passed_on_once(start, tmp_path, pieces, status, text):
    upstream = Upstream(pieces, [REFUSAL])
    proxy = run_proxy(start, tmp_path, to(upstream, **({"responseTimeout": "300ms"} if status == 504 else {})))
    before = descriptors(proxy.process)
    one = shake(proxy)
    head, body = one.read_response()
    assert int(head.split()[1]) == status and text in body, head
    assert len(upstream.requests) == 1 and upstream.requests[0].count(b"\r\nSec-WebSocket-Key") == 1
    one.send_handshake()  # the connection goes on
    assert one.read_head().startswith(b"HTTP/1.1 403 ")
    one.socket.close()
    eventually(lambda: descriptors(proxy.process) <= before, "no descriptor is left")
    assert metric(proxy, "proxy_connections") == 0


def test_a_request_in_pieces(start, tmp_path):
    upstream = Upstream([SWITCHING])
    proxy = run_proxy(start, tmp_path, to(upstream))
    one = RawClient(proxy.address, handshake=False)
    one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (b"GET / HTTP/1.1\r\nHost: a\r\nUpgr", b"ade: websocket\r\nConnection: Upgrade\r\n",
                  b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"):
        one.socket.sendall(piece)
        wait_until_read(one.socket)
    assert one.read_head().startswith(b"HTTP/1.1 101 ")


def test_an_endpoint_that_refuses_connections_is_left_out(start, tmp_path):
    dead = free_port()
    upstream = Upstream(*[[SWITCHING]] * 4)
    proxy = run_proxy(start, tmp_path, {
        "routes": [{"to": "both"}],
        "upstreams": {"both": {"endpoints": [f"http://127.0.0.1:{dead}", f"http://{upstream.address}"]}}})
    for _ in range(4):
        one = shake(proxy)
        assert one.read_head().startswith(b"HTTP/1.1 101 ")
        one.socket.close()
        eventually(lambda: metric(proxy, "proxy_connections") == 0, "the tunnel has ended")
    failures = metric(proxy, "proxy_upstream_failures_total", reason="no connection")
    assert 1 <= failures <= 3 and metric(proxy, "proxy_endpoint_active") == 0


def test_nobody_to_connect_to(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{free_port()}"))
    one = shake(proxy)
    assert one.read_head().startswith(b"HTTP/1.1 502 ")
    assert metric(proxy, "proxy_upstream_failures_total") == 1  # and not once for each of two ways


def test_a_client_that_leaves_before_the_answer(start, tmp_path):
    log = tmp_path / "access.log"
    upstream = Upstream([], [])
    proxy = run_proxy(start, tmp_path, {"accessLog": {"file": str(log)}, **to(upstream)})
    for index in (1, 2):
        one = shake(proxy)
        eventually(lambda: len(upstream.requests) == index, "the upstream has the request")
        if index == 1:
            one.socket.shutdown(socket.SHUT_WR)
        else:
            one.socket.close()
        eventually(lambda: upstream.ended == index, "the upstream sees the end")
    eventually(lambda: log.read_text().count("\n") == 2, "both are logged")
    assert all(json.loads(line)["status"] == 499 for line in log.read_text().splitlines())
    assert metric(proxy, "proxy_connections") == 0 and metric(proxy, "proxy_endpoint_active") == 0


def test_a_client_that_resets_is_known_by_its_address(start, tmp_path):
    log = tmp_path / "access.log"
    proxy = run_proxy(start, tmp_path, {"accessLog": {"file": str(log)}, **to(f"127.0.0.1:{free_port()}")})
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
        client.close()
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "all have ended")
    shake(proxy).read_head()
    eventually(lambda: '"method":"GET"' in log.read_text(), "the last is logged")
    assert {json.loads(line)["address"] for line in log.read_text().splitlines()} == {"127.0.0.1"}


@pytest.mark.timing
def test_a_response_timeout_is_of_the_whole_handshake(start, tmp_path):
    """An endpoint that does not accept is given up when the time for the answer is over."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    kept = []
    for _ in range(3):  # until its queue is full
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(full.getsockname())
        kept.append(one)
    address = f"127.0.0.1:{full.getsockname()[1]}"
    proxy = run_proxy(start, tmp_path, to(address, responseTimeout="300ms"))
    head, body = shake(proxy).read_response()
    assert head.startswith(b"HTTP/1.1 504 ") and b"in time" in body
    assert metric(proxy, "proxy_upstream_failures_total", reason="response timeout") == 1


@pytest.mark.timing
def test_connections_that_say_nothing(start, tmp_path):
    proxy = run_proxy(start, tmp_path, {"client": {"headerTimeout": "200ms"}, **to("127.0.0.1:1")})
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as silent:
        assert silent.recv(1) == b""
    assert metric(proxy, "proxy_connections") == 0


@pytest.mark.timing
def test_shutdown_does_not_wait_for_connections_that_say_nothing(start, tmp_path):
    proxy = run_proxy(start, tmp_path, {**to("127.0.0.1:1"), "drain": {"time": "30s"}})
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as silent:
        eventually(lambda: metric(proxy, "proxy_connections") == 1, "it is there")
        proxy.process.send_signal(signal.SIGTERM)
        assert silent.recv(1) == b""
    assert proxy.process.wait(PATIENCE) == 0


def test_handshakes_and_other_requests_from_many_at_once(start, tmp_path):
    """Connections spread over the threads, and none is lost."""
    server = start("echo", "--listen", "127.0.0.1:0", "--path", "/ws", "--log-level", "critical")
    proxy = run_proxy(start, tmp_path, to(server))
    failures, clients = [], []

    def work():
        try:
            for index in range(40):
                if index % 4:
                    one = RawClient(proxy.address, "/ws")
                    one.send(str(index))
                    assert one.read_frame() == (0x81, b"%d" % index)
                    clients.append(one)
                else:
                    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as plain:
                        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        assert plain.recv(9) == b"HTTP/1.1 "
        except Exception as error:  # told below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    assert metric(proxy, "proxy_websockets") == 240
    for one in clients:
        one.socket.close()
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "all have ended")
