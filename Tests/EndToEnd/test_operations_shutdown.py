"""Shutting down: clients are told in turns, and nobody holds it up."""
import json
import re
import signal
import socket
import threading
import time

import httpx
import pytest

from support.event_stream import Stream, query
from support.http_connection import HTTPConnection
from support.kept_connection import ask, connected
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually


@pytest.mark.timing
def test_a_drain_spreads_clients_over_its_time(serve):
    server = serve("--drain-time", "2s", "--retry", "9s")
    clients = [RawClient(server.address) for _ in range(60)]
    for client in clients:
        client.register("jack", "a")
    server.push_until("jack", "a", "x", 60)
    watcher, back_end = connected(server), connected(server)
    assert ask(watcher, "/readyz") == (200, "ok\n")
    begun = time.monotonic()
    ended = []

    def wait(client):
        code, reason = client.read_close()
        ended.append((time.monotonic() - begun, code, int(re.fullmatch(r"the server restarts; retry: (\d+)", reason).group(1))))
        client.send(b"\x03\xf4", first=0x88)

    threads = [threading.Thread(target=wait, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: ask(watcher, "/readyz") == (503, "draining\n"), "it says that it drains")
    eventually(lambda: len(ended) > 5, "some have gone")
    # Whoever is connected may still push, to those who are still there; nobody new comes.
    status, text = ask(back_end, "/push", json.dumps({"userId": "jack", "event": "a", "message": "late"}))
    assert status == 200 and 0 < int(re.search(r"\d+", text).group()) < 60
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1)
    for thread in threads:
        thread.join(PATIENCE)
    assert {code for _, code, _ in ended} == {1012}
    # Not all at once, and told to wait for different times.
    moments = sorted(at for at, _, _ in ended)
    assert moments[-1] - moments[0] > 0.5 and moments[45] - moments[15] > 0.2
    assert {2999 < retry < 9001 for _, _, retry in ended} == {True} and len({retry for _, _, retry in ended}) > 40
    assert server.process.wait(PATIENCE) == 0


def test_a_drain_ends_streams_and_answers_polls(serve):
    server = serve("--drain-time", "500ms", "--retry", "9s")
    stream = Stream(server)
    after = stream.next()["id"]
    answers = []
    url = f"http://{server.address}/poll?{query(after=after, wait=60)}"
    waiting = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=PATIENCE)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 2, "both are there")
    server.process.send_signal(signal.SIGTERM)
    rest = stream.file.read()
    assert 2999 < int(re.search(rb"retry: (\d+)\n\n$", rest).group(1)) < 9001
    waiting.join(PATIENCE)
    [answer] = answers
    assert answer.status_code == 200 and answer.json()["publications"] == [] and 2999 < answer.json()["retry"] < 9001
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.timing
def test_a_drain_waits_before_it_begins(serve):
    server = serve("--drain-delay", "1s", "--drain-time", "0s")
    watcher = connected(server)
    ask(watcher, "/readyz")
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: ask(watcher, "/readyz")[0] == 503, "it says so")
    late = RawClient(server.address)  # load balancers have not heard of it yet
    assert late.read_close()[0] == 1012
    late.close()
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.timing
def test_drain_tells_every_client_1012_and_waits_for_those_who_do_not_answer(serve):
    server = serve("--drain-time", "200ms")
    clients = [RawClient(server.address) for _ in range(900)]
    silent = RawClient(server.address)
    eventually(lambda: server.metric("martlet_sessions") == 901, "all are connected")
    start = time.monotonic()
    server.process.terminate()
    for client in clients:
        first, payload = client.read_frame()
        assert (first, payload[:2]) == (0x88, b"\x03\xf4")
        client.send(payload[:2], 0x88)
        client.close()
    assert silent.read_frame()[0] == 0x88
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - start >= 4, "the silent client has the close timeout to answer"


@pytest.mark.timing
def test_an_upload_that_stalls_does_not_hold_up_the_shutdown_for_ever(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    server.push("jack", "alerts", "x")
    assert server.stop() is not None


BEGINNINGS = {
    "a head": b"POST /push HTTP/1.1\r\nHost: localhost\r\nX: ",
    "a push": b"POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    "a push in chunks": b"POST /push HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
    "a push that asks": b"POST /push HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n{",
    "a call of the API": b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    "a drop": b"POST /drop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    "a handshake": b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: "}


@pytest.mark.timing
@pytest.mark.parametrize("is_tls", [False, True], ids=["HTTP", "TLS"])
def test_a_request_that_dribbles_in_has_as_long_as_one_that_stalls(serve, tls, is_tls):
    """Five seconds to arrive, whatever of it comes in between: each piece is no new beginning."""
    server = serve("--log-level", "warning", *(tls if is_tls else []))
    connections = {name: HTTPConnection(server, is_tls) for name in BEGINNINGS}
    for name, connection in connections.items():
        connection.send(BEGINNINGS[name])
    watcher = HTTPConnection(server, is_tls).ask("/healthz").answer()
    assert watcher.status == 200
    ended = {}
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    while len(ended) < len(connections) and time.monotonic() < begun + PATIENCE:
        for name, connection in connections.items():
            if name in ended:
                continue
            connection.socket.settimeout(0.02)
            try:
                connection.send(b"x")
                if connection.socket.recv(1000) == b"":
                    ended[name] = time.monotonic() - begun
            except TimeoutError:
                pass
            except OSError:
                ended[name] = time.monotonic() - begun
        time.sleep(0.1)
    assert len(ended) == len(connections) and max(ended.values()) < 8, ended
    # Half a head is no request, and waits for nothing.
    assert min(seconds for name, seconds in ended.items() if b"\r\n\r\n" in BEGINNINGS[name]) > 4, ended
    assert server.process.wait(PATIENCE) == 0 and time.monotonic() - begun < 9


@pytest.mark.timing
def test_a_second_signal_ends_it_at_once(serve):
    server = serve("--drain-time", "60s")
    clients = [RawClient(server.address) for _ in range(20)]
    server.process.send_signal(signal.SIGINT)
    eventually(lambda: any("draining" in line for line in server.log), "it drains")
    server.process.send_signal(signal.SIGINT)

    def is_over():  # what comes within a tenth of a second counts as the same signal
        server.process.send_signal(signal.SIGINT)
        return server.process.poll() is not None

    eventually(is_over, "it ends")
    assert server.process.wait(PATIENCE) == 130
    for client in clients:
        client.close()


@pytest.mark.timing
def test_nobody_connected_means_no_waiting(serve):
    server = serve("--drain-time", "60s")
    assert server.stop() == 0
