"""`Idempotency-Key`: what is sent again is answered as before, and another message under the same key is a mistake."""
import concurrent.futures
import json

import pytest

from support.console import figures
from support.raw_client import RawClient
from support.waiting import eventually

PUSH = {"userId": "jack", "event": "alerts", "message": "one"}
PUBLISH = {"channel": "alerts#jack", "data": "one"}
KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def client(server):
    client = RawClient(server.address)
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "begin", 1)
    client.read_frame()
    return client


def call(server, method, body, headers={}):
    status, text, _ = server.post(f"/api/{method}", body, headers)
    return status, json.loads(text)


def test_a_push_with_the_key_of_another(server, client):
    other = {**PUSH, "message": "two"}
    for _ in range(3):
        assert server.post("/push", PUSH, KEY)[:2] == (200, "message sent to 1 clients")
        status, text, _ = server.post("/push", other, KEY)
        assert status == 422 and text
        status, text, headers = server.post("/push", other, {**KEY, "Accept": "application/json"})
        assert status == 422 and json.loads(text)["error"] and headers["Content-Type"].startswith("application/json")
    # How it is written makes no difference, and other users and events are others.
    assert server.post("/push", b' {"message":"\\u006fne", "EVENT":"alerts","x":1,"userId":"jack"}', KEY)[0] == 200
    for more in ({"event": "news"}, {"userId": "jill"}):
        assert server.post("/push", {**other, **more}, KEY)[0] == 200
    assert server.post("/push", other, {"Idempotency-Key": "l"})[:2] == (200, "message sent to 1 clients")
    assert [client.read_frame()[1] for _ in range(2)] == [b"one", b"two"]
    assert server.metric("martlet_pushes_refused_total") == 6


@pytest.mark.parametrize("is_header", [True, False], ids=["header", "body"])
def test_a_publication_with_the_key_of_another(server, client, is_header):
    headers, key = (KEY, {}) if is_header else ({}, {"idempotency_key": "k"})
    for first, second in (("one", "two"), ({"a": 1}, {"a": 2}), (0, False), ("1", 1)):
        channel = f"alerts {json.dumps(first)}#jack"
        status, answer = call(server, "publish", {"channel": channel, "data": first, **key}, headers)
        assert status == 200 and answer["result"]["offset"] == 1
        assert call(server, "publish", {"channel": channel, "data": first, **key}, headers) == (status, answer)
        status, refused = call(server, "publish", {"channel": channel, "data": second, **key}, headers)
        if (first, second) != ("1", 1):  # which are the same text to a client
            assert status == 422 and refused["error"]["message"], refused
        assert call(server, "publish", {"channel": channel, "data": first, **key}, headers)[1] == answer


def test_a_refused_publication_is_counted_and_logged_as_a_refused_push_is(server, client):
    assert call(server, "publish", PUBLISH, KEY)[0] == 200
    assert call(server, "publish", {**PUBLISH, "data": "two"}, KEY)[0] == 422
    assert server.metric("martlet_pushes_refused_total") == 1
    eventually(lambda: any("refused" in line and "status=422" in line for line in server.log), lambda: f"it is logged: {server.log}")
    assert figures(server)["refusals"] == {"request or message not understood": 1}


def test_in_a_batch_and_in_a_broadcast_it_is_the_commands_own(server, client):
    assert call(server, "publish", {**PUBLISH, "idempotency_key": "k"})[0] == 200
    again, other = {"publish": {**PUBLISH, "idempotency_key": "k"}}, {"publish": {**PUBLISH, "data": "two", "idempotency_key": "k"}}
    status, answer = call(server, "batch", {"commands": [again, other, {"publish": {**PUBLISH, "data": "three"}}]})
    assert status == 200 and ["error" in reply["publish"] for reply in answer["replies"]] == [False, True, False]
    status, answer = call(server, "broadcast", {"channels": ["alerts#jack", "alerts#jill"], "data": "four", "idempotency_key": "k"})
    assert status == 200 and ["error" in reply for reply in answer["result"]["responses"]] == [True, False]
    assert [client.read_frame()[1] for _ in range(2)] == [b"one", b"three"]


def test_a_push_and_a_publication_share_their_keys(server, client):
    assert server.post("/push", PUSH, KEY)[0] == 200
    assert call(server, "publish", PUBLISH, KEY)[0] == 200
    assert call(server, "publish", {**PUBLISH, "data": "two"}, KEY)[0] == 422
    assert server.post("/push", {**PUSH, "message": "two"}, KEY)[0] == 422
    assert server.push("jack", "alerts", "end") == 1
    assert [client.read_frame()[1] for _ in range(2)] == [b"one", b"end"]


def test_of_many_at_once_one_message_is_sent(server, client):
    """Whichever comes first is sent, as often as it came, and all others are refused."""
    def push(number):
        return number % 4, *server.post("/push", {**PUSH, "message": f"message {number % 4}"}, KEY)[:2]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(push, range(40)))
    [sent] = {number for number, status, _ in answers if status == 200}
    assert {status for number, status, _ in answers if number != sent} == {422}
    assert {text for number, _, text in answers if number == sent} == {"message sent to 1 clients"}
    server.push("jack", "alerts", "end")
    assert [client.read_frame()[1] for _ in range(2)] == [f"message {sent}".encode(), b"end"]
