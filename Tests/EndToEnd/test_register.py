"""The register dialect over raw sockets: every status, every byte, every way to come and go."""
import json
import socket
import struct
import time

import pytest
from conftest import PATIENCE, RawClient, eventually


def test_push_answers_byte_for_byte(serve):
    server = serve()
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    status, body, headers = server.post("/push", good)
    assert (status, body) == (200, "message sent to 0 clients")
    assert headers["Content-Type"].startswith("text/plain")
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, body, headers = server.post("/push", None, method=method)
        assert (status, body, headers["Allow"]) == (405, "", "POST")
    bad = [b"", b"{", b"[]", b"null", b'"x"', {**good, "userId": ""}, {**good, "event": ""}, {**good, "message": ""},
           {**good, "userId": 1}, {"userId": "jack", "event": "alerts"}, {}, b"\xff\xfe", b"[" * 100000,
           b'{"userId":"jack","event":"alerts","message":"\xff"}']
    for body in bad:
        assert server.post("/push", body)[:2] == (400, "request data illegal"), body
    # Keys in any case, any Content-Type, further keys.
    folded = {"USERID": "jack", "Event": "alerts", "mEssage": "hi", "more": {"x": [1]}}
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"):
        assert server.post("/push", folded, {"Content-Type": kind})[:2] == (200, "message sent to 0 clients")
    assert server.post("/push", good, {"Accept": "application/json"})[:2] == (200, '{"delivered":0}')


def test_push_checks_method_then_key_then_body(serve, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret\n")
    server = serve("--api-key-file", str(key))
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    assert server.post("/push", b"nonsense", method="PUT")[:2] == (405, "")
    assert server.post("/push", b"nonsense")[:2] == (401, "")
    assert server.post("/push", good, {"X-API-Key": "wrong"})[:2] == (401, "")
    assert server.post("/push", b"nonsense", {"X-API-Key": "secret"})[:2] == (400, "request data illegal")
    assert server.post("/push", good, {"X-API-Key": "secret"})[:2] == (200, "message sent to 0 clients")
    assert server.post("/push", good, {"Authorization": "Bearer secret"})[0] == 200
    assert server.post("/drop", {"userId": "jack"})[:2] == (401, "")


def test_a_page_of_another_origin_may_not_push(serve):
    server = serve()
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    assert server.post("/push", good, {"Origin": "http://evil.example"})[0] == 403
    assert server.post("/drop", good, {"Origin": "null"})[0] == 403
    assert server.post("/push", good, {"Origin": f"http://{server.address}"})[0] == 200
    server = serve("--origin", "http://app.example")
    assert server.post("/push", good, {"Origin": "http://app.example"})[0] == 200


def test_a_body_of_100_megabytes_is_refused_and_harms_nothing(serve):
    server = serve()
    before = server.rss()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
    part = b"x" * (1 << 20)
    try:
        for _ in range(100):
            client.socket.sendall(part)
    except OSError:
        pass  # the server may end the connection before it has read all
    head = client.read_head()
    assert head.startswith(b"HTTP/1.1 413 "), head
    client.close()
    assert server.push("jack", "alerts", "hi") == 0
    assert server.rss() < before + (32 << 20)


def test_text_and_binary_register_and_get_text(serve):
    server = serve()
    for first in (0x81, 0x82):
        client = RawClient(server.address)
        client.send('{"ToKeN":"jack","EVENT":"alerts"}', first)
        server.push_until("jack", "alerts", "héllo", 1)
        assert client.read_frame() == (0x81, "héllo".encode())
        client.close()
        eventually(lambda: server.metric("martlet_channels") == 0, "the hub is empty")


def test_several_events_on_one_connection(serve):
    server = serve()
    client = RawClient(server.address)
    for event in ("a", "b", "a"):
        client.register("jack", event)
    server.push_until("jack", "b", "for b", 1)
    assert server.push("jack", "a", "for a") == 1
    assert server.push("jack", "c", "for c") == 0
    assert [client.read_frame() for _ in range(2)] == [(0x81, b"for b"), (0x81, b"for a")]


def test_every_connection_of_the_user_and_of_nobody_else(serve):
    server = serve()
    clients = [RawClient(server.address) for _ in range(3)]
    for client, user in zip(clients, ("jack", "jack", "jill")):
        client.register(user, "alerts")
    server.push_until("jill", "alerts", "1", 1)
    server.push_until("jack", "alerts", "2", 2)
    assert [client.read_frame()[1] for client in clients] == [b"2", b"2", b"1"]


def test_registering_as_another_user_moves_the_connection(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "a")
    client.register("jack", "b")
    server.push_until("jack", "b", "to jack", 1)
    client.register("jill", "a")
    server.push_until("jill", "a", "to jill", 1)
    assert server.push("jack", "a", "x") == 0
    assert server.push("jack", "b", "x") == 0
    assert [client.read_frame()[1] for _ in range(2)] == [b"to jack", b"to jill"]


def test_unbound_however_the_connection_ends(serve):
    server = serve()

    def close_frame(client):
        client.send(b"\x03\xe8", 0x88)
        assert client.read_frame() == (0x88, b"\x03\xe8")
        client.close()

    def reset(client):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def half_close(client):
        client.socket.shutdown(socket.SHUT_WR)

    def violation(client):
        client.socket.sendall(b"\x81\x00")  # not masked
        assert client.read_frame()[1][:2] == b"\x03\xea"
        client.close()

    for end in (close_frame, reset, half_close, violation, RawClient.close):
        client = RawClient(server.address)
        client.register("jack", "alerts")
        server.push_until("jack", "alerts", "x", 1)
        client.read_frame()
        end(client)
        eventually(lambda: server.metric("martlet_sessions") == 0, end.__name__)
        assert server.metric("martlet_channels") == 0
        assert server.push("jack", "alerts", "x") == 0


def test_drop_closes_with_a_close_frame(serve):
    server = serve()
    clients = {event: RawClient(server.address) for event in ("a", "b")}
    for event, client in clients.items():
        client.register("jack", event)
        server.push_until("jack", event, "x", 1)
        client.read_frame()
    assert server.post("/drop", {"userId": "jack", "event": "other"})[1] == '{"dropped":0}'
    assert server.post("/drop", {"userId": "jack", "event": "a"})[1] == '{"dropped":1}'
    first, payload = clients["a"].read_frame()
    assert (first, payload[:2]) == (0x88, b"\x03\xe8")
    assert server.push("jack", "b", "still here") == 1
    assert clients["b"].read_frame() == (0x81, b"still here")
    assert server.post("/drop", {"userId": "jack", "event": ""})[1] == '{"dropped":1}'
    assert clients["b"].read_frame()[0] == 0x88
    assert server.post("/drop", b"nonsense")[:2] == (400, "request data illegal")


def test_a_wrong_register_message_is_answered_and_ten_are_enough(serve):
    server = serve()
    client = RawClient(server.address)
    for _ in range(9):
        client.send("ping?")
        first, payload = client.read_frame()
        assert first == 0x81 and json.loads(payload)["error"]["message"]
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 1)
    client.read_frame()
    for _ in range(9):
        client.send("{}")
        client.read_frame()
    client.send("{}")
    first, payload = client.read_frame()
    assert (first, payload[:2]) == (0x88, b"\x03\xf0")


def test_a_refused_token_is_told_and_an_accepted_one_works(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("# staff\nt1 jack\nt2 jill\n")
    server = serve("--token-file", str(tokens))
    client = RawClient(server.address)
    client.register("jack", "alerts")  # the user's name is no token
    first, payload = client.read_frame()
    assert (first, payload) == (0x88, b"\x03\xf0the token was refused")
    client = RawClient(server.address)
    for event in ("a", "b", "c"):
        client.register("t1", event)
    server.push_until("jack", "c", "hi", 1)
    assert server.push("jack", "a", "hi") == 1
    assert server.metric("martlet_registrations_refused_total") == 1
    assert not any("t1" in line for line in server.log), "tokens stay out of the log"


def test_a_frame_too_long_for_a_register_message(serve):
    server = serve()
    client = RawClient(server.address)
    client.socket.sendall(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\x01\x02\x03\x04")
    first, payload = client.read_frame()
    assert (first, payload[:2]) == (0x88, b"\x03\xf1")


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


def test_drain_tells_every_client_1012_and_waits_for_those_who_do_not_answer(serve):
    server = serve("--drain-time", "200ms")
    clients = [RawClient(server.address) for _ in range(900)]
    silent = RawClient(server.address)
    eventually(lambda: server.metric("martlet_sessions") == 901, "all are connected")
    start = time.monotonic()
    server.process.terminate()
    for client in clients:
        first, payload = client.read_frame()
        assert (first, payload[:2]) == (0x88, b"\x03\xf4")
        client.send(payload[:2], 0x88)
        client.close()
    assert silent.read_frame()[0] == 0x88
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - start >= 4, "the silent client has the close timeout to answer"


def test_an_upload_that_stalls_does_not_hold_up_the_shutdown_for_ever(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    server.push("jack", "alerts", "x")
    assert server.stop() is not None


def test_what_a_stranger_sends_forges_no_log_line(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("t1 jack\n")
    server = serve("--token-file", str(tokens), "--log-level", "debug")
    client = RawClient(server.address)
    client.register("bad", "x\n2026-01-01 error FORGED \x1b[31m" + "y" * 100)
    assert client.read_frame()[0] == 0x88
    eventually(lambda: any("refused a token" in line for line in server.log), "it is logged")
    assert not any(line.startswith("2026-01-01 error FORGED") or "\x1b" in line for line in server.log)


def test_names_are_compared_byte_by_byte(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("Jos\u00e9", "alerts")
    server.push_until("Jos\u00e9", "alerts", "x", 1)
    assert server.push("Jose\u0301", "alerts", "x") == 0


def test_a_connection_registers_for_so_many_events_and_no_more(serve):
    server = serve()
    client = RawClient(server.address)
    for number in range(129):
        client.register("jack", f"event {number}")
    assert json.loads(client.read_frame()[1])["error"]["code"] == 106
    assert server.metric("martlet_channels") == 128
    client.register("jack", "x" * 300)
    assert json.loads(client.read_frame()[1])["error"]["code"] == 107


def test_a_page_that_has_its_name_point_here_may_not_connect(serve):
    client = RawClient(serve().address, handshake=False)
    client.socket.sendall(
        b"GET /ws HTTP/1.1\r\nHost: evil.example:8080\r\nOrigin: http://evil.example:8080\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert client.read_head().startswith(b"HTTP/1.1 403 ")


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
