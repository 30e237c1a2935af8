"""Server-sent events byte by byte: the answer, its events, who hears them."""
import http.client
import json
import re

from support.event_stream import Stream, push, query
from support.waiting import PATIENCE


def test_the_answer_and_its_events(serve):
    server = serve()
    stream = Stream(server, event=["alerts", "news"])
    assert stream.head.startswith(b"HTTP/1.1 200 ")
    for header in (b"Content-Type: text/event-stream; charset=utf-8", b"X-Accel-Buffering: no", b"Cache-Control: no-store"):
        assert header in stream.head
    first = stream.next()
    assert first.keys() == {"id"} and re.fullmatch(r"alerts~\w+\.0,news~\w+\.0", first["id"])
    assert push(server, "a\nb\r\nc\rd") == 1
    assert stream.next() | {"id": ""} == {"event": "alerts", "data": "a\nb\nc\nd", "id": ""}
    push(server, "n", event="news")
    event = stream.next()
    assert (event["event"], event["data"]) == ("news", "n") and re.fullmatch(r"alerts~\w+\.1,news~\w+\.1", event["id"])
    exact = Stream(server, encoding="json")
    exact.next()
    push(server, 'a\r"\\\n\t\u2028é')
    assert json.loads(exact.next()["data"]) == 'a\r"\\\n\t\u2028é'


def test_padding_and_retry_come_first(serve):
    stream = Stream(serve())
    assert len(stream.file.readline()) > 2048 and stream.file.readline() == b"\n"
    assert 1000 <= int(re.fullmatch(rb"retry: (\d+)\n", stream.file.readline()).group(1)) <= 3000


def test_nobody_hears_another_users_events(serve):
    server = serve()
    jack, jill = Stream(server), Stream(server, token="jill")
    jack.next(), jill.next()
    assert push(server, "for jill", user="jill") == 1 and push(server, "for jack") == 1
    assert jack.next()["data"] == "for jack" and jill.next()["data"] == "for jill"


def test_a_stream_behind_other_requests_of_its_connection(serve):
    server = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"
    connection.request("GET", f"/sse?{query()}")
    response = connection.getresponse()
    assert response.status == 200 and response.read(1) == b":"
    connection.request  # the socket is the stream's now
    assert push(server, "here") == 1
    assert b"data: here\n" in iter(response.readline, b"")
    connection.close()
