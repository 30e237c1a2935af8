"""How long `martlet.js` waits before it comes back, and what makes no difference to that."""
import time

import pytest

from support.martlet_js import FAST_NODE, NODE
from support.waiting import eventually

FIRST = '{"id":"alerts~a.1","publications":[]}'


def waits(client):
    client.until(lambda: client.of("state") and client.of("state")[-1][0] == "waiting", "it waits")


@pytest.mark.parametrize("answer", [
    (503, "text/plain", "restarting, retry: 60000"), (200, "text/event-stream", "retry: 60000\n\n:\n\n")], ids=["refused", "cut"])
def test_a_wait_that_the_service_asked_for_outlasts_a_subscription(double, runtime, answer):
    service = double(lambda path: answer)
    client = runtime(NODE, {"url": service.url, "transports": ["sse"], "delay": 1})
    waits(client)
    for number in range(5):
        client.subscribe(f"event {number}")
        time.sleep(0.05)  # each is a change of its own
    assert len(service.requests) == 1
    assert client.of("state")[-1][0] == "waiting" and client.end() == 0


def test_the_waits_get_longer_whatever_is_subscribed_to(double, runtime):
    service = double(lambda path: (500, "text/plain", "broken"))
    client = runtime(NODE, {"url": service.url, "transports": ["poll"], "delay": 50})
    waits(client)
    begin, number = time.monotonic(), 0
    while time.monotonic() < begin + 2:
        client.subscribe(f"event {number}")
        number += 1
        time.sleep(0.01)
    assert number > 50 and 2 <= len(service.requests) <= 20, len(service.requests)


def test_a_wait_beyond_what_a_timer_can_is_long(double, runtime):
    service = double(lambda path: (503, "text/plain", "restarting, retry: 99999999999999"))
    client = runtime(NODE, {"url": service.url, "transports": ["poll"], "delay": 1})
    waits(client)
    client.subscribe("another")
    time.sleep(0.2)
    assert len(service.requests) == 1 and client.end() == 0
    assert client.complaints == []


@pytest.mark.timing
def test_a_better_transport_is_not_tried_while_the_service_said_to_wait(double, runtime):
    """Its turn comes afterwards."""
    polls = []

    def answer(path):
        if "/sse" in path:
            return 404, "text/plain", "nothing here"
        polls.append(path)
        return (200, "application/json", FIRST) if len(polls) == 1 else (503, "text/plain", "restarting, retry: 300000")

    service = double(answer)
    client = runtime(FAST_NODE, {"url": service.url, "transports": ["sse", "poll"], "delay": 1, "patience": 30000})
    client.until(lambda: ["waiting", "", pytest.approx(300000, abs=5000)] in client.of("state"), "it waits")
    count, begin = len(service.requests), time.monotonic()
    eventually(lambda: len(service.requests) > count, "it comes back")
    assert time.monotonic() - begin > 2.5


@pytest.mark.timing
def test_an_outage_does_not_put_the_better_transport_off(double, runtime):
    """However long nothing answers: the patience is for a transport that fails while another works."""
    works, opened, returned = [], [], []

    def answer(path):
        if not works:
            return 503, "text/plain", "later"
        if "/poll" in path:
            opened.append(time.monotonic())
            return 200, "application/json", FIRST
        if not opened:
            return 503, "text/plain", "later"
        returned.append(time.monotonic())
        return 200, "text/event-stream", iter([":\n\n", ""])

    service = double(answer)
    client = runtime(FAST_NODE, {"url": service.url, "transports": ["sse", "poll"], "delay": 100, "patience": 20000})
    client.until(lambda: len([path for path, _ in service.requests if "/sse" in path]) > 12, "the first transport fails often")
    works.append(True)
    client.until(lambda: returned, "the first transport is tried again")
    assert returned[0] - opened[0] < 1


@pytest.mark.timing
def test_a_transport_that_fails_while_another_works_is_tried_less_and_less(double, runtime):
    tried = []

    def answer(path):
        if "/poll" in path:
            return 200, "application/json", FIRST
        tried.append(time.monotonic())
        return 503, "text/plain", "later"

    service = double(answer)
    client = runtime(FAST_NODE, {"url": service.url, "transports": ["sse", "poll"], "delay": 100, "patience": 20000})
    pauses = lambda: [after - before for before, after in zip(tried, tried[1:]) if after - before > 0.15]
    client.until(lambda: len(pauses()) > 2, "it is tried again and again")
    assert pauses()[2] > 1.5 * pauses()[0], pauses()  # 0.2, 0.4 and 0.8 s, and what the attempts take
