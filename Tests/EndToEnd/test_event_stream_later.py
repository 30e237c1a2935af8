"""Streams that cannot be had for the moment: a browser's `EventSource` comes back only after a status of 200."""
import json
import re
import signal

import pytest

from support.browser import wait
from support.event_stream import Stream, push, query
from support.http_connection import HTTPConnection
from support.kept_connection import ask, connected
from support.ports import free_port
from support.waiting import eventually

STREAMS = ["text/event-stream", "text/event-stream, */*;q=0.1", "text/html,Text/Event-Stream;q=0.9"]
OTHERS = [None, "*/*", "application/json", "text/*"]


def hold(server):
    """A stream that takes the one place there is."""
    connection = HTTPConnection(server).ask(f"/sse?{query()}")
    assert "200" in connection.read_head()[0]
    return connection


# What may be the matter: each makes a service, says the status that others get, and what must stay as it is meanwhile.


def full(serve):
    server = serve("--limits-connections", "1")
    return server, 503, hold(server)


def address(serve):
    server = serve("--limits-connections-per-address", "1")
    return server, 429, hold(server)


def rate(serve):
    server = serve("--limits-connection-rate", "1/h", "--limits-connection-burst", "1")
    return server, 429, hold(server)


def user(serve):
    server = serve("--limits-sessions-per-user", "1")
    return server, 429, hold(server)


def keys(serve):
    return serve("--jwks-url", f"http://127.0.0.1:{free_port()}"), 503, None


def back_end(serve):
    return serve("--auth-url", f"http://127.0.0.1:{free_port()}"), 503, None


SITUATIONS = [full, address, rate, user, keys, back_end]
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJqYWNrIn0.AAAA"  # which has to be looked up


def get(server, situation, accept, headers=(), path="/sse"):
    token = TOKEN if situation in (keys, back_end) else "jack"
    connection = HTTPConnection(server)
    answer = connection.ask(f"{path}?{query(token=token)}", headers=[*([f"Accept: {accept}"] if accept else []), *headers]).answer()
    return answer, connection


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_event_source_is_told_when_to_come_back(serve, situation):
    server, status, held = situation(serve)
    times = set()
    for accept in STREAMS * 3:
        answer, connection = get(server, situation, accept)
        assert (answer.status, answer["Content-Type"].split(";")[0]) == (200, "text/event-stream"), accept
        times.add(int(re.fullmatch(r"retry: (\d+)\n\n", answer.text).group(1)))
        assert "no-store" in answer["Cache-Control"]
        connection.close()
    assert len(times) > 3 and min(times) >= 1000, "not all at once"
    # Everybody else sees what it is, and so do polls.
    for accept in OTHERS:
        answer, _ = get(server, situation, accept)
        assert answer.status == status and answer["Retry-After"], accept
    assert get(server, situation, STREAMS[0], path="/poll")[0].status == status


@pytest.mark.parametrize("situation", [full, address, user])
def test_a_page_of_another_origin_is_told_as_well(serve, situation):
    server, _, held = situation(lambda *arguments: serve("--origin", "https://good.example", *arguments))
    answer, _ = get(server, situation, STREAMS[0], ["Origin: https://good.example"])
    assert answer.status == 200 and answer["Access-Control-Allow-Origin"] == "https://good.example"
    assert get(server, situation, STREAMS[0], ["Origin: https://evil.example"])[0].status == 403


def test_what_is_final_stays_an_error(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    connection = HTTPConnection(server)
    accept = [f"Accept: {STREAMS[0]}"]
    for path, headers, status in (
            ("/sse?event=a&token=wrong", [], 401), ("/sse?event=a", [], 401), ("/sse?token=secret", [], 400), ("/sse?event=a&wait=x", [], 400),
            ("/sse?event=a&token=secret", ["Origin: https://evil.example"], 403), ("/nowhere", [], 404)):
        answer = connection.ask(path, headers=[*accept, *headers]).answer()
        assert answer.status == status, path
        if (answer["Connection"] or "").lower() == "close":
            connection = HTTPConnection(server)
    assert connection.ask("/sse?event=a&token=secret", "POST", b"", headers=accept).answer().status == 405


def test_a_service_that_drains_says_it_as_well(serve):
    server = serve("--drain-time", "3s", "--retry", "9s")
    streams = [Stream(server) for _ in range(20)]
    watcher, connections = connected(server), [HTTPConnection(server) for _ in range(3)]
    ask(watcher, "/readyz")
    body = json.dumps({"userId": "jack", "event": "e", "message": "x"}).encode()
    for connection in connections:  # which has to be under way to be kept
        connection.send(b"GET /sse?event=a&token=jack HTTP/1.1\r\nAccept: text/event-stream\r\n")
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: ask(watcher, "/readyz") == (503, "draining\n"), "it drains")
    for connection in connections:
        connection.send(f"Host: {server.address}\r\n\r\n".encode())
        answer = connection.answer()
        assert answer.status == 200 and 2999 < int(re.search(r"retry: (\d+)\n\n$", answer.text).group(1)) < 9001
    for stream in streams:
        stream.socket.close()


def test_the_browsers_own_eventsource_comes_back(serve, browser):
    server = serve("--limits-connections-per-address", "1", "--retry", "300ms")
    held = Stream(server)
    held.next()
    browser.get(f"http://{server.address}/martlet.js")
    browser.execute_script("""
        window.got = []; window.states = [];
        window.source = new EventSource("/sse?token=jack&event=alerts");
        source.addEventListener("alerts", event => got.push(event.data));
        source.onerror = () => states.push(source.readyState);
        source.onopen = () => states.push(source.readyState);""")
    wait(browser, lambda: browser.execute_script("return states.length") >= 4, "it has been refused again and again")
    held.file.close()
    held.socket.close()
    eventually(lambda: push(server, "here") == 1, "it is there")
    wait(browser, lambda: browser.execute_script("return got") == ["here"], "it listens")
    assert 2 not in browser.execute_script("return states"), "it has never given up"
    browser.execute_script("source.close()")
