"""HTTP/1.0 and 1.1: which answers end their connection (RFC 9112, 9.3), for every endpoint, and what `ab` and curl make of it."""
import json
import re
import subprocess
import time

import pytest

from support.curl import curl
from support.event_stream import push, query
from support.http_connection import HTTPConnection
from support.waiting import PATIENCE, eventually

PUSH = json.dumps({"userId": "jack", "event": "alerts", "message": "x"}).encode()
PUBLISH = json.dumps({"channel": "alerts#jack", "data": "x"}).encode()

# Path, method and body, with the status to come. Polls and streams close their connection whatever was asked for.
ENDPOINTS = [
    ("/healthz", "GET", None, 200), ("/readyz", "GET", None, 200), ("/metrics", "GET", None, 200),
    ("/martlet.js", "GET", None, 200), ("/", "GET", None, 200), ("/console/figures", "GET", None, 200),
    ("/healthz", "HEAD", None, 200), ("/martlet.js", "HEAD", None, 200), ("/nowhere", "HEAD", None, 404),
    ("/push", "HEAD", None, 405), ("/ws", "HEAD", None, 405), ("/poll", "HEAD", None, 405),
    ("/push", "POST", PUSH, 200), ("/push", "POST", b"nonsense", 400), ("/push", "GET", None, 405),
    ("/drop", "POST", PUSH, 200), ("/drop", "POST", b"{}", 400), ("/drop", "PUT", b"", 405),
    ("/api/publish", "POST", PUBLISH, 200), ("/api/info", "POST", b"", 200), ("/api/batch", "POST", b"x", 400),
    ("/api/nope", "POST", b"{}", 404), ("/api/publish", "GET", None, 405),
    ("/sse", "GET", None, 400), ("/sse", "PUT", b"x", 405), ("/sse", "OPTIONS", None, 204), ("/poll", "OPTIONS", None, 204),
    ("/ws", "GET", None, 400), ("/ws", "POST", b"x", 405), ("/nowhere", "GET", None, 404), ("/nowhere", "POST", b"x", 404)]


def what_is_wrong(server, version, headers, lives_on, endpoints):
    """The endpoints whose answer, or whose connection behind it, is another than it should be."""
    wrong, asked = [], []
    for path, method, body, status in endpoints:
        connection = server.connect()
        answer = connection.ask(path, method, body, version, headers).answer(method)
        asked.append((method, path, connection, (answer["Connection"] or "").lower()))
        if answer.status != status:
            wrong.append((method, path, answer))
    deadline = time.monotonic() + PATIENCE / 2  # for all of them together
    for method, path, connection, says in asked:
        if lives_on and not ("close" not in says and ("keep-alive" in says or version == "1.1") and connection.lives()):
            wrong.append((method, path, "should live on, and says", says))
        elif not lives_on and not ("keep-alive" not in says and connection.has_ended(deadline)):
            wrong.append((method, path, "should end, and says", says))
        connection.close()
    return wrong


@pytest.mark.parametrize("front", ["HTTP", "TLS", "proxy"])
@pytest.mark.parametrize("version, headers, lives_on", [
    ("1.0", [], False), ("1.0", ["Connection: close"], False), ("1.0", ["Connection: x"], False),
    ("1.0", ["Connection: keep-alive"], True), ("1.0", ["Connection: x, Keep-Alive"], True),
    ("1.0", ["Connection: keep-alive, close"], False), ("1.1", [], True), ("1.1", ["Connection: keep-alive"], True),
    ("1.1", ["Connection: close"], False), ("1.1", ["Connection: x", "Connection: Close"], False)], ids=str)
def test_an_answer_ends_its_connection_as_the_version_says(serve_behind, front, version, headers, lives_on):
    server = serve_behind(front)
    wrong = what_is_wrong(server, version, headers, lives_on, ENDPOINTS)
    assert not wrong, wrong


@pytest.mark.parametrize("version, headers, lives_on", [
    ("1.0", [], False), ("1.0", ["Connection: Keep-Alive"], True), ("1.1", [], True), ("1.1", ["Connection: close"], False)], ids=str)
def test_so_it_is_with_the_echo_server(start, version, headers, lives_on):
    server = start("echo", "--listen", "127.0.0.1:0")
    server.connect = lambda: HTTPConnection(server)
    endpoints = [("/", "GET", None, 200), ("/", "HEAD", None, 200), ("/nowhere", "GET", None, 404), ("/", "POST", b"x", 404),
                 ("/ws", "GET", None, 400), ("/echo", "HEAD", None, 405), ("/echo", "POST", b"x", 405)]
    wrong = what_is_wrong(server, version, headers, lives_on, endpoints)
    assert not wrong, wrong


def test_refusals_end_their_connection_as_well(serve_behind):
    server = serve_behind("HTTP", "--limits-body-size", "1KiB", "--limits-push-rate", "1/h", "--limits-push-burst", "1",
                          "--limits-connections-per-address", "1", env={"MARTLET_API_KEY": "a secret of the back end's"})
    key, listener = "X-API-Key: a secret of the back end's", server.connect().ask(f"/sse?{query()}")
    assert "200" in listener.read_head()[0]
    for path, method, body, headers, status in (
            ("/push", "POST", PUSH, [], 401), ("/drop", "POST", PUSH, [], 401), ("/api/publish", "POST", PUBLISH, [], 401),
            ("/push", "POST", PUSH, [key, "Origin: https://evil.example"], 403),
            ("/api/publish", "POST", PUBLISH, [key, "Origin: https://evil.example"], 403),
            ("/push", "POST", PUSH, [key], 200), ("/push", "POST", PUSH, [key], 429), ("/api/info", "POST", b"", [key], 429),
            (f"/sse?{query()}", "GET", None, [], 429), (f"/poll?{query()}", "GET", None, [], 429),
            (f"/sse?{query()}", "GET", None, ["Origin: https://evil.example"], 403)):
        for _ in range(2 if status != 200 else 1):
            connection = server.connect()
            assert connection.ask(path, method, body, "1.0", headers).answer().status == status, path
            assert connection.has_ended(), (path, status)


def test_requests_behind_the_last_are_not_answered(serve_behind):
    server = serve_behind("HTTP")
    connection = server.connect().ask("/healthz").ask("/push", "POST", PUSH).ask("/push", "POST", PUSH, "1.0")
    connection.ask("/push", "POST", PUSH).ask("/healthz")
    assert [connection.answer().status for _ in range(3)] == [200] * 3
    assert connection.has_ended() and server.metric("martlet_pushes_total") == 2


def test_polls_and_streams_over_the_older_version(serve_behind):
    """It has no chunks: what has no length ends with its connection, whatever was asked for."""
    server = serve_behind("HTTP")
    for headers in ([], ["Connection: keep-alive"]):
        poll = server.connect()
        answer = poll.ask(f"/poll?{query()}", version="1.0", headers=headers).answer()
        assert answer.status == 200 and json.loads(answer.body)["publications"] == [] and answer["Transfer-Encoding"] is None
        stream = server.connect().ask(f"/sse?{query()}", version="1.0", headers=headers)
        line, fields = stream.read_head()
        names = {name.lower() for name, _ in fields}
        assert "200" in line and not names & {"transfer-encoding", "content-length"}, fields
        eventually(lambda: push(server, "over 1.0") >= 1, "it is there")
        assert b"data: over 1.0\n" in iter(stream.file.readline, b"")
        stream.close()
    assert poll.has_ended()


BODIES = {"/healthz": None, "/push": PUSH, "/drop": PUSH, "/api/publish": PUBLISH, "/nowhere": None}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("is_kept", [False, True], ids=["closing", "kept"])
def test_ab(serve, tmp_path, path, is_kept):
    """Apache's benchmark speaks HTTP/1.0."""
    server = serve()
    options = ["-k"] if is_kept else []
    if BODIES[path]:
        (tmp_path / "body").write_bytes(BODIES[path])
        options += ["-p", str(tmp_path / "body"), "-T", "application/json"]
    run = subprocess.run(["ab", "-l", "-q", "-n", "40", "-c", "4", "-s", "5", *options, f"http://{server.address}{path}"],
                         capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    def figure(name):
        found = re.search(rf"^{name}:\s+(\d+)", run.stdout, re.M)
        return int(found.group(1)) if found else 0
    assert (figure("Complete requests"), figure("Failed requests")) == (40, 0)
    assert figure("Keep-Alive requests") == (40 if is_kept else 0)
    assert figure("Non-2xx responses") == (40 if path == "/nowhere" else 0)


def test_curl_over_the_older_version(serve, tls):
    for options, scheme in (([], "http"), (tls, "https")):
        server = serve(*options)
        url = f"{scheme}://{server.address}"
        heard = curl("-k", "--http1.0", "-m", "10", f"{url}/healthz", f"{url}/healthz", "-d", PUSH.decode(), f"{url}/push")
        assert heard.endswith("message sent to 0 clients"), heard
        stream = subprocess.Popen(["curl", "-skN", "--http1.0", f"{url}/sse?{query()}"], stdout=subprocess.PIPE, text=True)
        try:
            eventually(lambda: "sent to 1 " in curl("-k", "-d", PUSH.decode(), f"{url}/push"), "the stream is there")
            assert "data: x\n" in iter(stream.stdout.readline, "")
        finally:
            stream.kill()
            stream.wait()
