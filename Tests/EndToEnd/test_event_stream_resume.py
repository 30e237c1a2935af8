"""Resuming where a stream or a poll was cut off: ids, gaps, order, what nobody reads."""
import http.client
import itertools
import json
import socket
import threading

import pytest

from support.event_stream import Stream, push, query
from support.poll import data, poll
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually


def test_an_id_resumes_every_channel(serve):
    server = serve()
    stream = Stream(server, event=["alerts", "news"])
    stream.next()
    push(server, 1)
    last = stream.next()["id"]
    stream.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: server.metric("martlet_sessions") == 0, "the stream has ended")
    assert push(server, 2) == push(server, "n", event="news") == push(server, 3) == 0
    again = Stream(server, last_id=last, event=["alerts", "news"])
    assert [(event["event"], event["data"]) for event in (again.next() for _ in range(3))] == [
        ("alerts", "2"), ("news", "n"), ("alerts", "3")]
    push(server, 4)
    assert again.next()["data"] == "4"
    # In another order, and with one that it has not heard before.
    other = Stream(server, after=last, event=["more", "news", "alerts"])
    assert [other.next().get("data") for _ in range(4)] == ["2", "n", "3", "4"]


def test_a_gap_is_told(serve):
    server = serve("--history-size", "3")
    stream = Stream(server)
    first = stream.next()["id"]
    for number in range(5):
        push(server, number)
    again = Stream(server, last_id=first)
    gap = again.next()
    assert gap["event"] == "gap" and json.loads(gap["data"]) == {"events": ["alerts"]}
    assert [again.next()["data"] for _ in range(3)] == ["2", "3", "4"]
    for wrong in ("nonsense", "alerts~1.1", first.split(".")[0] + ".99"):
        assert Stream(server, last_id=wrong).next()["event"] == "gap"
    status, answer = poll(server, after=first)
    assert status == 200 and answer["gap"] == ["alerts"] and data(answer) == ["2", "3", "4"]
    # A client that is cut off between a gap and what follows keeps its id, and an empty one is none.
    assert "id" not in gap
    assert "gap" not in poll(server, after="")[1]


def test_without_history_nothing_is_kept(serve):
    server = serve("--history-size", "0")
    stream = Stream(server)
    eventually(lambda: server.metric("martlet_sessions") == 1, "it is there")
    push(server, 1)
    assert stream.next() == {"event": "alerts", "data": "1"}
    assert Stream(server, last_id="alerts~a.1").next()["event"] == "gap"
    assert poll(server, wait=0) == (204, None)


def test_requests_to_many_events_at_once_do_not_reorder(serve):
    server = serve("--history-size", "2000")
    first = Stream(server, event=["alerts", "news"])
    last = first.next()["id"]
    first.socket.close()

    def work(part):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        for number in range(200):
            connection.request("POST", "/push", json.dumps({"userId": "jack", "event": "alerts", "message": f"{part} {number}"}))
            connection.getresponse().read()

    threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status, answer = poll(server, event=["alerts", "news"], after=last)
    assert "gap" not in answer and len(answer["publications"]) == 1600


def test_a_stream_that_is_not_read_is_ended_and_resumes(serve):
    server = serve()
    stream = Stream(server)
    first = stream.next()["id"]
    text = "x" * 100_000
    count = 0
    while server.metric("martlet_slow_consumers_total") == 0:
        push(server, f"{count} {text}")
        count += 1
        assert count < 500
    numbers = []
    with pytest.raises(EOFError):
        while True:
            event = stream.next()
            numbers.append(int(event["data"].split()[0]))
            first = event["id"]
    again = Stream(server, last_id=first)
    while not numbers or numbers[-1] < count - 1:
        event = again.next()
        if event.get("event") == "gap":
            break
        numbers.append(int(event["data"].split()[0]))
    assert numbers == list(range(len(numbers)))


def test_the_id_in_the_query_of_a_polyfill(serve):
    """Polyfills of EventSource have no way to send a header: they write `lastEventId` into the query."""
    server = serve()
    stream = Stream(server)
    ids = [stream.next()["id"]]
    for number in range(3):
        push(server, number)
        ids.append(stream.next()["id"])

    def first(header=None, **values):
        """The first message that is sent again."""
        answers = [Stream(server, last_id=header, **values).next().get("data")]
        if not header:
            answers += [data(poll(server, **values, wait=0)[1])[0]]
            client = RawClient(server.address, f"/ws?{query(**values)}", "Sec-WebSocket-Protocol: martlet\r\n")
            answers += [json.loads(next(payload for _, payload in iter(client.read_frame, None) if payload != b"{}"))["data"]]
        assert len(set(answers)) == 1, answers
        return answers[0]

    assert first(lastEventId=ids[0]) == "0" and first(lastEventId=ids[2]) == "2"
    # The header takes precedence over it, and it over `after`, in whatever order they stand; empty is the same as absent.
    for one, other, third in itertools.permutations(ids[:3]):
        assert first(lastEventId=one, after=other) == first(after=other, lastEventId=one) == str(ids.index(one))
        assert first(header=one, lastEventId=other, after=third) == str(ids.index(one))
    assert first(lastEventId="", after=ids[1]) == "1" and first(lastEventId=ids[1], after="") == "1"
    for wrong in ("nonsense", "alerts~1.1"):
        assert Stream(server, lastEventId=wrong).next()["event"] == "gap"
