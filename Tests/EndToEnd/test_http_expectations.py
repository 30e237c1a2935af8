"""`Expect: 100-continue` (RFC 9110, 10.1.1): 100 before a body that is wanted, and a refusal at once without it."""
import json
import re
import time

import pytest

from support.curl import curl
from support.http_connection import HTTPConnection
from support.waiting import PATIENCE

EXPECT = "Expect: 100-continue"
SECRET = "a secret of the back end's"
KEY = f"X-API-Key: {SECRET}"
PUSH = json.dumps({"userId": "jack", "event": "alerts", "message": "x"}).encode()
PUBLISH = json.dumps({"channel": "alerts#jack", "data": "x"}).encode()
# What a body may be made of so that it does harm when it is taken for a request.
SMUGGLED = f"POST /push HTTP/1.1\r\nHost: localhost\r\n{KEY}\r\nContent-Length: {len(PUSH)}\r\n\r\n".encode() + PUSH

WANTED = {
    "/push": (PUSH, 200), "/push/": (PUSH, 200), "/drop": (PUSH, 200), "/api/publish": (PUBLISH, 200), "/api/info": (b"{}", 200),
    "/api/batch": (b'{"commands":[]}', 200), "/api/disconnect": (b'{"user":"jack"}', 200), "/api/broadcast": (b"{}", 400)}


def begin(connection, path, headers=(), method="POST", length=len(PUSH)):
    """Sends the head of a request, and no body."""
    length = [f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]
    return connection.ask(path, method, headers=[*headers, *length])


def wait_for_100(connection):
    line, fields = connection.read_head()
    assert line.startswith("HTTP/1.1 100 ") and fields == [], (line, fields)


@pytest.mark.parametrize("front", ["HTTP", "TLS", "proxy"])
def test_a_body_that_is_wanted_is_asked_for(serve_behind, front):
    server = serve_behind(front, env={"MARTLET_API_KEY": SECRET})
    for path, (body, status) in WANTED.items():
        connection = server.connect()
        for expect in (EXPECT, EXPECT, "expect: 100-Continue"):  # on one connection, with one head over and over
            begin(connection, path, [KEY, expect], length=len(body))
            wait_for_100(connection)
            connection.send(body)
            answer = connection.answer()
            assert (answer.interim, answer.status) == ([], status), (path, answer)
        begin(connection, path, [KEY, EXPECT], length=None)
        wait_for_100(connection)
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert connection.answer().status == status, path
        # Who did not ask for it does not get it.
        assert connection.ask(path, "POST", body, headers=[KEY]).answer().interim == []


@pytest.mark.parametrize("front", ["HTTP", "TLS", "proxy"])
def test_who_does_not_wait_is_answered_all_the_same(serve_behind, front):
    server = serve_behind(front, env={"MARTLET_API_KEY": SECRET})
    connection = server.connect()
    for path, (body, status) in WANTED.items():
        for _ in range(2):
            answer = connection.ask(path, "POST", body, headers=[KEY, EXPECT]).answer()
            assert (set(answer.interim) <= {100}, answer.status) == (True, status), (path, answer)
    # There is nothing to wait for without a body.
    for path in ("/healthz", "/metrics", "/martlet.js"):
        assert connection.ask(path, headers=[EXPECT]).answer().interim == []
    answer = connection.ask("/api/info", "POST", b"", headers=[KEY, EXPECT]).answer()
    assert (answer.interim, answer.status) == ([], 200)


def test_the_older_version_knows_no_100(serve):
    server = serve()
    for path in ("/push", "/drop"):
        connection = HTTPConnection(server)
        connection.ask(path, "POST", PUSH[:-1], version="1.0", headers=[EXPECT])
        answer = connection.answer()
        assert (answer.interim, answer.status) == ([], 400)


REFUSED = [
    (401, "/push", "POST", [], 40), (401, "/drop", "POST", [], 40), (401, "/api/publish", "POST", ["X-API-Key: wrong"], 40),
    (401, "/push", "POST", [], None), (413, "/push", "POST", [KEY], 1025), (413, "/drop", "POST", [KEY], 1 << 40),
    (413, "/api/publish", "POST", [KEY], 99999999), (413, "/api/batch", "POST", [KEY], 1025),
    (405, "/push", "PUT", [KEY], 40), (405, "/drop", "PATCH", [KEY], 40), (405, "/api/publish", "PUT", [KEY], 40),
    (404, "/api/nope", "POST", [KEY], 40), (404, "/nowhere", "POST", [], 40), (404, "/healthz", "POST", [], 40),
    (403, "/push", "POST", [KEY, "Origin: https://evil.example"], 40), (403, "/drop", "POST", [KEY, "Origin: null"], 40),
    (403, "/api/publish", "POST", [KEY, "Origin: https://evil.example"], 40),
    (415, "/push", "POST", [KEY, "Content-Encoding: br"], 40), (415, "/api/publish", "POST", [KEY, "Content-Encoding: br"], 40),
    (405, "/sse?event=a&token=a", "POST", [], 40), (405, "/poll?event=a&token=a", "POST", [], None), (405, "/ws", "POST", [], 40),
    (405, "/ws", "PUT", [], None)]


@pytest.mark.parametrize("front", ["HTTP", "TLS", "proxy"])
def test_what_is_refused_is_refused_before_its_body(serve_behind, front):
    server = serve_behind(front, "--limits-body-size", "1KiB", env={"MARTLET_API_KEY": SECRET})
    asked = [(server.connect(), *case) for case in REFUSED]
    for connection, _, path, method, headers, length in asked:
        begin(connection, path, [*headers, EXPECT], method, length)
    wrong, deadline = [], time.monotonic() + PATIENCE / 2  # for all of them together
    for connection, status, path, method, headers, length in asked:
        connection.socket.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            answer = connection.answer()
        except (OSError, EOFError) as error:
            wrong.append((method, path, headers, length, error))
            continue
        if (answer.interim, answer.status) != ([], status):
            wrong.append((method, path, headers, length, answer))
        elif (answer["Connection"] or "").lower() == "close":
            # A body that was sent nevertheless may get its connection reset, and is nothing else.
            if not connection.has_ended(deadline):
                wrong.append((method, path, "should end"))
        elif length and length < 1000:
            # The body is no request, whatever it looks like, and what follows it is.
            connection.send(SMUGGLED[:length])
            if not connection.lives():
                wrong.append((method, path, headers, "should live on"))
    assert not wrong, wrong
    assert "martlet_pushes_total 0\n" in server.connect().ask("/metrics").answer().text


def test_a_rate_is_enough_to_refuse(serve):
    server = serve("--limits-push-rate", "1/h", "--limits-push-burst", "1", env={"MARTLET_API_KEY": SECRET})
    assert HTTPConnection(server).ask("/push", "POST", PUSH, headers=[KEY]).answer().status == 200
    for path in ("/push", "/api/publish"):
        answer = begin(HTTPConnection(server), path, [KEY, EXPECT]).answer()
        assert (answer.interim, answer.status) == ([], 429) and answer["Retry-After"]


def test_a_body_that_grows_too_long_is_refused_behind_100(serve):
    server = serve("--limits-body-size", "1KiB")
    for path in ("/push", "/drop", "/api/publish"):
        connection = begin(HTTPConnection(server), path, [EXPECT], length=None)
        wait_for_100(connection)
        connection.send(b"401\r\n" + b"x" * 1025 + b"\r\n")
        assert connection.answer().status == 413, path


def test_the_echo_server_refuses_at_once(start, tls):
    for options in ([], tls):
        server = start("echo", "--listen", "127.0.0.1:0", *options)
        for path, status in (("/", 404), ("/nowhere", 404), ("/ws", 405), ("/echo", 405)):
            for length in (5, None):
                answer = begin(HTTPConnection(server, is_tls=bool(options)), path, [EXPECT], length=length).answer()
                assert (answer.interim, answer.status) == ([], status), path


@pytest.mark.parametrize("path", ["/push", "/drop", "/api/publish"])
def test_curl_waits_for_nothing(serve, path):
    """It waits a second for 100, and then sends its body nevertheless: what came before tells one from the other."""
    server = serve(env={"MARTLET_API_KEY": SECRET})
    body = (PUBLISH if "api" in path else PUSH).decode()
    url = f"http://{server.address}{path}"
    heard = curl("-i", "-H", KEY, "-H", EXPECT, "--expect100-timeout", PATIENCE, "-d", body, url)
    assert re.findall(r"^HTTP/1.1 (\d+)", heard, re.M) == ["100", "200"], heard
    heard = curl("-i", "-H", EXPECT, "--expect100-timeout", PATIENCE, "-d", body, url)
    assert re.findall(r"^HTTP/1.1 (\d+)", heard, re.M) == ["401"], heard
    # It asks by itself when a body is long.
    long = json.dumps({"userId": "jack", "event": "alerts", "message": "x" * 1_200_000})
    heard = curl("-i", "-H", KEY, "-H", "Expect: 100-continue", "--expect100-timeout", PATIENCE, "-d", "@-", url, input=long)
    assert re.findall(r"^HTTP/1.1 (\d+)", heard, re.M) == ["413"], heard
