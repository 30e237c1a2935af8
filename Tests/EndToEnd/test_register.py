"""The register dialect over raw sockets: who hears what, and every way to come and go."""
import json
import socket
import struct
import threading

import jwt
import pytest

from support.jwt_keys import KEYS, SECRET, claims
from support.raw_client import RawClient
from support.waiting import eventually


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


@pytest.fixture(params=["no tokens", "a file", "a secret", "a key set", "a back end"])
def checked(request, serve, service, tmp_path):
    """A service that checks tokens in one of the ways, with a token of jack's; a back end lets each question wait for the rest."""
    file = tmp_path / "file"
    limits = ["--limits-message-rate", "1/h", "--limits-message-burst", "256"]
    match request.param:
        case "no tokens":
            return serve(*limits), "jack"
        case "a file":
            file.write_text("secret jack\n")
            return serve("--token-file", str(file), *limits), "secret"
        case "a secret":
            file.write_text(SECRET)
            return serve("--jwt-secret-file", str(file), *limits), jwt.encode(claims(), SECRET, "HS256")
        case "a key set":
            keys = service(lambda path, body: (200, json.dumps({"keys": [KEYS["EdDSA"].jwk()]})))
            return serve("--jwks-url", keys.url, *limits), KEYS["EdDSA"].sign(claims())
        case "a back end":
            back_end = service(lambda path, body: (200, '{"user":"jack"}'))
            return serve("--auth-url", back_end.url, *limits), "any"


def test_a_page_may_register_for_all_of_its_events_at_once(checked):
    """It does so in `onopen`; 128 events are allowed, and a burst of 256 messages."""
    server, token = checked
    client = RawClient(server.address)
    messages = [RawClient.frame(0x81, json.dumps({"token": token, "event": f"event {number % 128}"}).encode()) for number in range(256)]
    client.socket.sendall(b"".join(messages[:128]))
    server.push_until("jack", "event 127", "last", 1)
    client.socket.sendall(b"".join(messages[128:]) + RawClient.frame(0x89, b"?"))
    assert client.read_frame() == (0x81, b"last")
    assert client.read_frame() == (0x8A, b"?"), "all of them are fine"
    for number in range(128):
        assert server.push("jack", f"event {number}", f"{number}") == 1
        assert client.read_frame() == (0x81, f"{number}".encode())
    # One more than the burst is one too many.
    client.send(json.dumps({"token": token, "event": "event 1"}))
    assert client.read_close() == (1008, "too many messages")


def test_a_client_that_goes_while_its_messages_wait_leaves_nothing(serve, service):
    """Its socket is not read meanwhile, and that it has gone is noticed all the same."""
    go_on = threading.Event()
    back_end = service(lambda path, body: (go_on.wait(20) and 200 or 500, '{"user":"jack"}'))
    server = serve("--auth-url", back_end.url, "--auth-timeout", "30s")

    def reset(client):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    ends = [RawClient.close, reset, lambda client: client.socket.shutdown(socket.SHUT_WR)]
    clients = [RawClient(server.address) for _ in ends]
    for client in clients:
        client.socket.sendall(b"".join(
            RawClient.frame(0x81, json.dumps({"token": "any", "event": f"event {number}"}).encode()) for number in range(128)))
    eventually(lambda: back_end.requests, "the back end is asked")
    for client, end in zip(clients, ends):
        end(client)
    go_on.set()
    eventually(lambda: server.metric("martlet_sessions") == 0 and server.metric("martlet_channels") == 0, "they have gone")
