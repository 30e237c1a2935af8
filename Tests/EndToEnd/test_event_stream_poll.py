"""Polls that wait, and what a shutdown answers them and the streams."""
import threading

import pytest

from support.event_stream import Stream, push
from support.poll import data, poll
from support.waiting import PATIENCE, eventually


def test_polls(serve):
    server = serve()
    status, answer = poll(server)
    assert status == 200 and answer["publications"] == []  # where it stands, at once
    push(server, 1)
    push(server, 2)
    status, answer = poll(server, after=answer["id"])
    assert data(answer) == ["1", "2"]
    assert poll(server, after=answer["id"], wait=0) == (204, None)
    got = []
    waiting = threading.Thread(target=lambda: got.append(poll(server, after=answer["id"], wait=20)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 1, "it waits")
    assert push(server, 3) == 1
    waiting.join(PATIENCE)
    assert got[0][0] == 200 and data(got[0][1]) == ["3"]
    assert server.metric("martlet_sessions") == 0


def test_shutdown_answers_polls_and_ends_streams(serve):
    server = serve()
    stream = Stream(server)
    after = stream.next()["id"]
    got = []
    waiting = threading.Thread(target=lambda: got.append(poll(server, after=after, wait=60)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 2, "both are there")
    assert server.stop() == 0
    waiting.join(PATIENCE)
    [(status, answer)] = got
    # It is told where it goes on, and when.
    assert status == 200 and answer["publications"] == [] and answer["id"].startswith("alerts~-") and 1000 <= answer["retry"] <= 3000
    assert stream.next()["id"].startswith("alerts~-")
    with pytest.raises(EOFError):
        stream.next()
