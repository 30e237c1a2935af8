"""A back end that is asked whose token it is: busy, ill, or stalled."""
import json
import socket
import threading

import httpx
import pytest

from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE


@pytest.mark.timing
def test_the_back_end_is_asked(serve, service):
    state = {"status": 200}

    def answer(path, body):
        token = json.loads(body)["token"]
        if state["status"] != 200:
            return state["status"], ""
        return (200, json.dumps({"user": token.removeprefix("token of ")})) if token.startswith("token of ") else (403, "")

    back_end = service(answer)
    server = serve("--auth-url", back_end.url + "/who", env={"MARTLET_AUTH_SECRET": "between us"})
    one = RawClient(server.address)
    one.send(json.dumps({"token": "token of jack", "event": "e"}))
    server.push_until("jack", "e", "hello", 1)
    path, body, headers = back_end.requests[0]
    assert (path, json.loads(body)) == ("/who", {"token": "token of jack", "event": "e", "events": ["e"]})
    assert headers["Authorization"] == "Bearer between us" and headers["Content-Type"] == "application/json"
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, "token of jill") == 200
        assert status(client, "nonsense") == 401
    # A back end that several clients find unavailable is left alone.
    state["status"] = 503
    before = len(back_end.requests)
    for number in range(20):
        source = httpx.HTTPTransport(local_address=f"127.0.0.{number + 2}")
        with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE, transport=source) as client:
            assert status(client, f"token of {number}") == 503
    assert len(back_end.requests) == before + 5
    assert server.push("jack", "e", "nobody else is disturbed") == 1
    assert not any("token of" in line for line in server.log)


def test_a_client_cannot_make_the_back_end_look_ill(serve, service):
    """A back end may well answer nonsense with 400: that is no reason to leave it alone."""
    back_end = service(lambda path, body: (200, '{"user":"jack"}') if b"good" in body else (400, "nonsense"))
    server = serve("--auth-url", back_end.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert [status(client, "bad") for _ in range(10)] == [503] * 10
        assert status(client, "good") == 200


@pytest.mark.timing
def test_a_back_end_that_stalls_behind_its_head(serve):
    listener = socket.create_server(("127.0.0.1", 0))

    def stall():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            held.append(connection)

    held = []
    threading.Thread(target=stall, daemon=True).start()
    server = serve("--auth-url", f"http://127.0.0.1:{listener.getsockname()[1]}", "--auth-timeout", "200ms")
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, "good") == 503
    listener.close()
