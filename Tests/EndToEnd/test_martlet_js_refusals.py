"""`martlet.js` that is refused: for good, or so that it may come back; and answers that come too soon."""
import time

import pytest

from support.event_stream import push
from support.martlet_js import NODE, NODE_WITH_WEBSOCKET
from support.waiting import eventually

REPLACED = "replaced by a newer session of this user"
TOKENS = {"string": {"token": "jack"}, "function": {"tokens": ["jack"]}}


def is_closed_for_good(client, reason=REPLACED):
    client.until(lambda: client.of("error") and client.of("state")[-1][0] == "closed", "it ends")
    (message, final, *_), = client.of("error")
    assert final is True and reason in message


@pytest.mark.parametrize("token", TOKENS)
def test_a_replaced_stream_does_not_come_back(double, runtime, token):
    """Whether the token is a function makes no difference: another token would not help."""
    closed = f'retry: 1\nevent: closed\ndata: {{"code":1008,"reason":"{REPLACED}"}}\n\n'
    service = double(lambda path: (200, "text/event-stream", ':\n\nid: alerts~a.1\n\n' + closed))
    client = runtime(NODE, {"url": service.url, "transports": ["sse"], "delay": 1, **TOKENS[token]})
    is_closed_for_good(client)
    assert client.end() == 0 and len(service.requests) == 1


@pytest.mark.parametrize("token", TOKENS)
def test_a_replaced_poll_does_not_come_back(double, runtime, token):
    service = double(lambda path: (403, "text/plain", REPLACED) if "after=" in path
                     else (200, "application/json", '{"id":"alerts~a.1","publications":[]}'))
    client = runtime(NODE, {"url": service.url, "transports": ["poll"], "delay": 1, **TOKENS[token]})
    is_closed_for_good(client)
    assert client.end() == 0 and len(service.requests) == 2


@pytest.mark.parametrize("token", TOKENS)
def test_a_replaced_websocket_does_not_come_back(websocket_double, runtime, token):
    count = 0

    def answer(connection):
        nonlocal count
        count += 1
        connection.send("{}")
        connection.close(1008, REPLACED)

    client = runtime(
        NODE_WITH_WEBSOCKET, {"url": websocket_double(answer), "transports": ["websocket"], "delay": 1, **TOKENS[token]})
    is_closed_for_good(client)
    assert client.end() == 0 and count == 1


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_the_newer_of_two_sessions_stays(serve, runtime, transport, token):
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "close-oldest")
    options = {"url": f"http://{server.address}", "transports": [transport], "delay": 1, **TOKENS[token]}
    older = runtime(NODE_WITH_WEBSOCKET, options)
    older.opens(transport)
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    newer = runtime(NODE_WITH_WEBSOCKET, options)
    is_closed_for_good(older, "replaced by a newer session")
    newer.opens(transport)
    eventually(lambda: push(server, 2) == 1, "the newer is subscribed")
    newer.until(lambda: ["2"] in newer.of("message"), "the message comes")
    assert ["2"] not in older.of("message") and newer.of("error") == []


@pytest.mark.parametrize("after", ["nonsense", "%~a.1", "~.", ",", "a~b"])
def test_what_is_no_id_is_ignored(double, runtime, after):
    service = double(lambda path: (200, "application/json", '{"id":"alerts~a.1","publications":[]}'))
    client = runtime(NODE, {"url": service.url, "transports": ["poll"], "after": after})
    client.opens("poll")
    assert "after=" not in service.requests[0][0]


def test_an_event_may_be_named_closed(double, runtime):
    service = double(lambda path: (200, "text/event-stream", 'id: closed~a.1\nevent: closed\ndata: "the shop"\n\n'))
    client = runtime(NODE, {"url": service.url, "transports": ["sse"], "delay": 1}, event="closed")
    client.until(lambda: client.of("message") == [["the shop"]], "it is a message")
    assert client.of("error") == []


@pytest.mark.parametrize("answer", [
    (204, "text/plain", ""), (200, "application/json", '{"id":"alerts~a.1","publications":[]}')], ids=["204", "empty"])
def test_polls_that_come_back_empty_at_once_are_no_storm(double, runtime, answer):
    times = []

    def note(path):
        times.append(time.monotonic())
        return answer

    service = double(note)
    client = runtime(NODE, {"url": service.url, "transports": ["poll"], "delay": 100})
    client.until(lambda: times and time.monotonic() - times[0] > 2, "time passes")
    # The waits are random parts of 0.1, 0.2, 0.4 s and so on; without them there would be many hundreds.
    assert 3 <= len(times) <= 30, len(times)
    assert ["open", "poll", 0] == client.of("state")[-1]
