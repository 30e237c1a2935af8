"""`martlet.js` and services that say nothing for long: how it tells a silent connection from a dead one."""
import time

import pytest

from support.martlet_js import FAST_NODE

SECOND = 0.01  # for a client whose clock is fast


def heartbeats(interval, count=10**6):
    """A stream with heartbeats, and nothing after so many."""
    yield ":\n\nid: alerts~a.1\n\n"
    for _ in range(count):
        time.sleep(interval)
        yield ":\n\n"
    time.sleep(30)


def open_count(client):
    """How often it was connected: attempts that took too long for the fast clock are none."""
    return len([state for state, *_ in client.of("state") if state == "open"])


@pytest.mark.timing
@pytest.mark.parametrize("interval, most", [(15, 1), (60, 2), (120, 3)])
def test_a_service_with_rare_heartbeats_is_not_left_for_ever(double, runtime, interval, most):
    beats = []

    def stream():
        for part in heartbeats(interval * SECOND):
            beats.append(part)
            yield part

    service = double(lambda path: (200, "text/event-stream", stream()))
    client = runtime(FAST_NODE, {"url": service.url, "transports": ["sse"], "delay": 1})
    client.until(lambda: len(beats) > 9, "heartbeats come")
    assert open_count(client) <= most and client.of("error") == []


@pytest.mark.timing
def test_a_websocket_with_rare_heartbeats_is_not_left_for_ever(websocket_double, runtime):
    beats = []

    def answer(connection):
        while True:
            connection.send("{}")
            beats.append(1)
            time.sleep(60 * SECOND)

    client = runtime(FAST_NODE, {"url": websocket_double(answer), "transports": ["websocket"], "delay": 1})
    client.until(lambda: len(beats) > 8, "heartbeats come")
    assert open_count(client) <= 2


@pytest.mark.timing
@pytest.mark.parametrize("interval", [15, 60])
def test_a_stream_that_falls_silent_is_still_noticed(double, runtime, interval):
    """However long its heartbeats have been apart."""
    service = double(lambda path: (200, "text/event-stream", heartbeats(interval * SECOND, count=3)))
    client = runtime(FAST_NODE, {"url": service.url, "transports": ["sse"], "delay": 1})
    client.until(lambda: len(service.requests) > 3, "it comes back each time")
