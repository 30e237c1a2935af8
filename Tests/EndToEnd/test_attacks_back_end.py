"""Clients that try to wear out the back end that says whose token it is."""
import json
import threading
import time

import httpx
import pytest

from support.attacks.back_end import answers_at_once, poll
from support.attacks.target import Target
from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

EVENTS = [f"event-{number}" for number in range(100)]


def user(path, body):
    """A back end to which every token is a user's name."""
    return 200, json.dumps({"user": json.loads(body)["token"]})


def client_of(server):
    return httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE)


@pytest.mark.parametrize("what", ["token", "event"])
def test_one_who_makes_the_back_end_fail_shuts_nobody_else_out(serve, service, what):
    back_end = service(lambda path, body: (500, "") if json.loads(body)[what].startswith("bad") else user(path, body))
    server = serve("--auth-url", back_end.url)
    with client_of(server) as client:
        for number in range(20):
            query = {"token": "jack", "event": "e", "wait": 0, what: f"bad {number}"}
            assert client.get("/poll", params=query).status_code == 503
        assert [status(client, f"good {number}") for number in range(20)] == [200] * 20


def test_the_time_in_the_queue_of_the_service_is_not_the_back_ends(serve, service):
    """There are 64 connections to the back end: the last of 300 clients wait for longer than it may take to answer."""
    def slow(path, body):
        time.sleep(0.3)
        return user(path, body)

    back_end = service(slow)
    server = serve("--auth-url", back_end.url, "--auth-timeout", "1s")
    target = Target(server.address)
    statuses = answers_at_once(target, [poll(target, f"user {number}", "e") for number in range(300)])
    assert statuses == ["200"] * 300, {one: statuses.count(one) for one in set(statuses)}
    assert not any("circuitOpen=true" in line for line in server.log)


@pytest.mark.parametrize("transport", ["poll", "sse", "websocket"])
def test_one_question_for_all_events_of_a_request(serve, service, transport):
    back_end = service(user)
    server = serve("--auth-url", back_end.url)
    query = httpx.QueryParams({"token": "jack", "event": EVENTS, "wait": 0})
    if transport == "poll":
        assert httpx.get(f"http://{server.address}/poll", params=query, timeout=PATIENCE).status_code == 200
    elif transport == "sse":
        with httpx.stream("GET", f"http://{server.address}/sse", params=query, timeout=PATIENCE) as answer:
            assert answer.status_code == 200
    else:
        client = RawClient(server.address, f"/ws?{query}", "Sec-WebSocket-Protocol: martlet\r\n")
        assert client.read_frame()[0] == 0x81
    assert [json.loads(body) for _, body, _ in back_end.requests] == [{"token": "jack", "events": EVENTS}]


def test_those_who_wait_for_the_same_answer_share_the_question(serve, service):
    everybody_waits = threading.Event()

    def patient(path, body):
        everybody_waits.wait(PATIENCE)
        return user(path, body)

    back_end = service(patient)
    server = serve("--auth-url", back_end.url)
    target, count, statuses = Target(server.address), 30, []
    requests = [poll(target, "jack", EVENTS)] * count + [poll(target, "jill", EVENTS)]
    asking = threading.Thread(target=lambda: statuses.extend(answers_at_once(target, requests)))
    asking.start()
    eventually(lambda: {json.loads(body)["token"] for _, body, _ in back_end.requests} == {"jack", "jill"}, "both are asked about")
    everybody_waits.set()
    asking.join(PATIENCE)
    assert statuses == ["200"] * (count + 1) and len(back_end.requests) == 2
    # An answer that has come is not kept, unless that is asked for.
    with client_of(server) as client:
        assert status(client, "jack") == status(client, "jack") == 200
    assert len(back_end.requests) == 4


def test_answers_are_kept_when_asked_for(serve, service):
    back_end = service(user)
    server = serve("--auth-url", back_end.url, "--auth-cache", "1s")
    with client_of(server) as client:
        begin = time.monotonic()
        assert [status(client, "jack") for _ in range(10)] == [200] * 10
        if time.monotonic() - begin < 0.9:
            assert len(back_end.requests) == 1
        assert status(client, "jill") == 200, "another token is another question"

        def is_asked_again():
            assert status(client, "jack") == 200
            return [json.loads(body)["token"] for _, body, _ in back_end.requests].count("jack") >= 2
        eventually(is_asked_again, "it is asked again when its time is over", 10)


def test_an_answer_is_not_kept_beyond_its_own_time_and_a_failure_not_at_all(serve, service):
    answers = iter([(502, ""), (200, '{"user":"jack","expiresIn":0.2}'), (200, '{"user":"jack"}')])
    back_end = service(lambda path, body: next(answers))
    server = serve("--auth-url", back_end.url, "--auth-cache", "1h")
    with client_of(server) as client:
        assert status(client, "jack") == 503
        assert status(client, "jack") == 200
        eventually(lambda: status(client, "jack") == 200 and len(back_end.requests) == 3, "it has expired", 5)
        assert status(client, "jack") == 200 and len(back_end.requests) == 3
