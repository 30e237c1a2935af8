"""`POST /push` as back ends send it: kept alive, pipelined, in pieces, cut off, mixed with other requests."""
import json
import socket

import pytest

from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually, wait_until_read

BODY = json.dumps({"userId": "jack", "event": "e", "message": "hello"}).encode()


def request(body=BODY, headers="", path="/push", method="POST"):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def connect(server):
    return RawClient(server.address, handshake=False)


def answer(one, text="message sent to 0 clients", status=200):
    head, body = one.read_response()
    assert (int(head.split()[1]), body.decode()) == (status, text), (head, body)
    return head


def test_the_answer_has_the_headers_of_any_other(serve):
    server = serve()
    one, other = connect(server), connect(server)
    one.socket.sendall(request())
    other.socket.sendall(request(headers="Expect: x\r\n"))  # which makes it unusual
    def names(head):
        return sorted(line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line)
    assert names(answer(one)) == names(answer(other)) == [b"content-length", b"content-type", b"date"]


def test_many_on_one_connection_and_one_behind_the_other(serve):
    server = serve()
    one = connect(server)
    for _ in range(3):
        one.socket.sendall(request())
        answer(one)
    one.socket.sendall(request() * 200)
    for _ in range(200):
        answer(one)
    # Other requests between them: those go another way, and everything is answered in order.
    one.socket.sendall(request() + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + request() + request(b"nonsense") + request(path="/drop", body=b"{}"))
    answer(one)
    answer(one, "ok\n")
    answer(one)
    answer(one, "request data illegal", 400)
    answer(one, "request data illegal", 400)
    assert server.metric("martlet_pushes_refused_total") == 2


def test_requests_behind_a_push_that_somebody_hears(serve):
    """Its answer comes later than the read that brought all of them."""
    server = serve()
    listener = RawClient(server.address)
    listener.register("jack", "e")
    server.push_until("jack", "e", "hello", 1)
    one = connect(server)
    one.socket.sendall(request() + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + request())
    answer(one, "message sent to 1 clients")
    answer(one, "ok\n")
    answer(one, "message sent to 1 clients")
    # All that came whole before the client ended its half is done, and answered.
    one = connect(server)
    one.socket.sendall(request() * 5)
    one.socket.shutdown(socket.SHUT_WR)
    for _ in range(5):
        answer(one, "message sent to 1 clients")
    assert one.socket.recv(1) == b""


@pytest.mark.timing
def test_a_handshake_behind_a_push_that_never_ends_is_ended(serve):
    server = serve()
    one = connect(server)
    one.socket.sendall(request())
    answer(one)
    one.socket.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    answer(one, "no complete request came in time", 408)


def test_a_request_in_pieces(serve):
    server = serve()
    one = connect(server)
    one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole = request()
    for piece in (whole[:10], whole[10:-20], whole[-20:-1], whole[-1:]):
        one.socket.sendall(piece)
        wait_until_read(one.socket)
    answer(one)
    big = json.dumps({"userId": "jack", "event": "e", "message": "x" * 1_000_000}).encode()
    one.socket.sendall(request(big))
    answer(one)


@pytest.mark.parametrize("headers", ["Connection: close\r\n", ""])
def test_the_connection_ends_when_the_client_says_so(serve, headers):
    server = serve()
    one = connect(server)
    one.socket.sendall(request(headers=headers))
    if not headers:
        one.socket.shutdown(socket.SHUT_WR)  # an answer is owed all the same
    assert (b"connection: close" in answer(one).lower()) or not headers
    assert one.socket.recv(1) == b""


def test_half_a_request_leaves_nothing_behind(serve):
    server = serve()
    for end in (10, 60, -1):
        one = connect(server)
        one.socket.sendall(request()[:end])
        wait_until_read(one.socket)
        one.socket.close()
    assert server.push("jack", "e", "hello") == 0
    assert server.metric("martlet_pushes_total") == 1


def test_nonsense_behind_a_push(serve):
    server = serve()
    one = connect(server)
    one.socket.sendall(request() + b"nonsense\r\n\r\n")
    answer(one)
    rest = one.socket.makefile("rb").read()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 400 "), rest


@pytest.mark.parametrize("pushes", [1, 5])
def test_a_connection_that_pushed_may_become_a_websocket(serve, pushes):
    server = serve()
    one = connect(server)
    for _ in range(pushes):
        one.socket.sendall(request())
        answer(one)
    one.send_handshake()
    assert one.read_head().startswith(b"HTTP/1.1 101 ")
    one.register("jack", "e")
    server.push_until("jack", "e", "hello", 1)
    assert one.read_frame() == (0x81, b"hello")


def test_a_push_while_the_service_drains_is_answered(serve):
    server = serve()
    one = connect(server)
    whole = request()
    one.socket.sendall(whole[:-5])
    wait_until_read(one.socket)
    others = [connect(server) for _ in range(8)]
    for other in others:
        other.socket.sendall(whole)
        answer(other)
    server.process.terminate()
    for other in others:  # all connections are told at once; those without a request end
        assert other.socket.recv(1) == b""
    one.socket.sendall(whole[-5:])
    # Nobody heard it, and nobody will: the next service may do better.
    text = "the service is about to stop, and no session took this: send it again"
    assert b"connection: close" in answer(one, text, 503).lower()
    one.close()
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("more", ["", "Idempotency-Key: one\r\n"], ids=["as ever", "with a key of its own"])
def test_who_asks_for_json_is_told_in_json_that_the_service_is_about_to_stop(serve, more):
    server = serve()
    one = connect(server)
    whole = request(headers=f"Accept: application/json\r\n{more}")
    one.socket.sendall(whole[:-5])
    wait_until_read(one.socket)
    other = connect(server)
    other.socket.sendall(request())
    answer(other)
    server.process.terminate()
    assert other.socket.recv(1) == b"", "it takes no clients any more"
    one.socket.sendall(whole[-5:])
    head, body = one.read_response()
    assert head.startswith(b"HTTP/1.1 503 ") and b"content-type: application/json" in head.lower() and b"retry-after: 1\r\n" in head.lower()
    assert json.loads(body) == {"error": "the service is about to stop, and no session took this: send it again"}


def test_a_page_may_not_push(serve):
    server = serve()
    assert server.post("/push", BODY, {"Origin": "https://evil.example"})[0] == 403
    assert server.post("/push", BODY, {"Origin": f"http://{server.address}"})[0] == 200


# Requests with one head over and over: all but the first go past the decoder.


def test_what_repeats_may_differ_in_its_body(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "e")
    server.push_until("jack", "e", "begin", 1)
    while client.read_frame()[1] != b"begin":
        pass
    one = connect(server)
    texts = ["x" * (number * 37 % 1500) + f" {number}" for number in range(60)]
    for number, text in enumerate(texts):
        body = json.dumps({"userId": "jack", "event": "e", "message": text}).encode()
        # Now and then another head, for which the decoder is asked again.
        one.socket.sendall(request(body, headers="X-Other: 1\r\n" if number % 20 == 19 else ""))
        answer(one, "message sent to 1 clients")
        assert client.read_frame() == (0x81, text.encode())
    one.socket.sendall(request(b"{}"))
    answer(one, "request data illegal", 400)
    one.socket.sendall(request(b""))
    answer(one, "request data illegal", 400)
    one.socket.sendall(request())
    answer(one, "message sent to 1 clients")


def test_a_head_that_repeats_is_no_excuse(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("one a\n")
    server = serve("--api-key-file", str(keys), "--limits-push-rate", "1/h", "--limits-push-burst", "5")
    one = connect(server)
    for _ in range(5):
        one.socket.sendall(request(headers="X-API-Key: one\r\n"))
        answer(one)
    one.socket.sendall(request(headers="X-API-Key: one\r\n"))
    answer(one, "too many requests with this API key", 429)
    server = serve("--api-key-file", str(keys))
    one = connect(server)
    for _ in range(5):
        one.socket.sendall(request(headers="X-API-Key: one\r\n"))
        answer(one)
    keys.write_text("two a\n")
    eventually(lambda: server.post("/push", BODY, {"X-API-Key": "two"})[0] == 200, "the other key counts")
    one.socket.sendall(request(headers="X-API-Key: one\r\n"))
    answer(one, "", 401)


@pytest.mark.parametrize("begin", [
    b"POST /push HTTP/1.1\r\nAccept: application/json\r\nX: ", b"POST /push HTTP/1.1\r\nAccept: application/json\r\nX:"])
@pytest.mark.parametrize("is_heard", [False, True])
def test_what_is_behind_half_a_request_belongs_to_it(serve, begin, is_heard):
    """Whatever it looks like."""
    server = serve()
    if is_heard:
        client = RawClient(server.address)
        client.register("jack", "e")
        server.push_until("jack", "e", "begin", 1)
    count = int(is_heard)
    one = connect(server)
    for _ in range(4):
        one.socket.sendall(request())
        answer(one, f"message sent to {count} clients")
    one.socket.sendall(begin)
    wait_until_read(one.socket)
    one.socket.sendall(request())  # its first line is the value of X
    head, body = one.read_response()
    assert json.loads(body)["delivered"] == count, (head, body)
    # And is nothing that later requests are taken for.
    for _ in range(4):
        one.socket.sendall(request())
        answer(one, f"message sent to {count} clients")
