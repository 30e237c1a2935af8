"""HTTP/2 over the service's own TLS: requests, streams and WebSockets (RFC 8441), and what strangers do with them."""
import json
import re
import subprocess

import pytest

from support.curl import curl
from support.event_stream import query
from support.http2 import HTTP2Connection
from support.http_connection import HTTPConnection
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

PUSH = json.dumps({"userId": "jack", "event": "alerts", "message": "x"})
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


@pytest.fixture
def secure(serve, tls):
    """A service over TLS, which speaks HTTP/2 by default."""
    server = serve(*tls)
    server.url = f"https://localhost:{server.port}"
    return server


def test_curl_over_http2(secure, certificates):
    options = ["--http2", "--cacert", certificates["ca"], "-w", " %{http_version} %{http_code}"]
    assert curl(*options, f"{secure.url}/healthz") == "ok\n 2 200"
    assert curl(*options, "-d", PUSH, f"{secure.url}/push") == "message sent to 0 clients 2 200"
    assert curl(*options, "-d", "{}", f"{secure.url}/api/info").endswith(" 2 200")
    assert curl(*options, "-d", "{}", f"{secure.url}/drop").endswith("request data illegal 2 400")
    assert curl(*options, f"{secure.url}/poll?{query()}").endswith(" 2 200")
    assert curl(*options, f"{secure.url}/nowhere").endswith(" 2 404")
    # Many on one connection, and a body of a megabyte.
    urls = [f"{secure.url}/healthz"] * 50
    assert curl(*options[:3], "--parallel", *urls) == "ok\n" * 50
    long = json.dumps({"userId": "jack", "event": "alerts", "message": "x" * 900_000})
    assert curl(*options, "-d", "@-", f"{secure.url}/push", input=long) == "message sent to 0 clients 2 200"


def test_a_stream_over_http2(secure, certificates):
    client = subprocess.Popen(["curl", "-sN", "--http2", "--cacert", certificates["ca"], "-D", "/dev/stderr", f"{secure.url}/sse?{query()}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    def push_here():
        return curl("--cacert", certificates["ca"], "-d", PUSH, f"{secure.url}/push") == "message sent to 1 clients"
    eventually(push_here, "it is there")
    assert "data: x\n" in iter(client.stdout.readline, "")
    assert client.stderr.readline().startswith("HTTP/2 200")
    secure.process.terminate()
    assert "retry: " in client.stdout.read() and client.wait(PATIENCE) == 0
    assert secure.process.wait(PATIENCE) == 0


def test_clients_of_before_are_served_as_before(secure, certificates):
    assert curl("--http1.1", "--cacert", certificates["ca"], "-w", " %{http_version}", f"{secure.url}/healthz") == "ok\n 1.1"
    connection = HTTPConnection(secure, is_tls=True).ask("/ws", headers=UPGRADE)
    assert "101" in connection.read_head()[0]


def test_http2_can_be_turned_off(serve, tls, certificates):
    server = serve(*tls, "--http2", "false")
    assert curl("--http2", "--cacert", certificates["ca"], "-w", " %{http_version}", f"https://localhost:{server.port}/healthz") == "ok\n 1.1"


def test_rules_are_the_same_over_http2(serve, tls):
    server = serve(*tls, "--limits-body-size", "1KiB", env={"MARTLET_API_KEY": "a secret of the back end's"})
    connection, key = HTTP2Connection(server), {"x-api-key": "a secret of the back end's"}
    assert connection.ask("/push", "POST", PUSH)[0] == 401
    status, headers, body = connection.ask("/push", "POST", PUSH, key)
    assert (status, body) == (200, b"message sent to 0 clients") and "connection" not in headers
    assert connection.ask("/push", "POST", PUSH, {**key, "origin": "https://evil.example"})[0] == 403
    assert connection.ask("/push", "GET")[0] == 405
    assert connection.ask("/push", "POST", "x" * 2000, key)[0] == 413
    assert connection.ask("/healthz", "HEAD")[::2] == (200, b"")
    assert HTTP2Connection(server).ask("/healthz", authority="a b")[0] == 400


def test_a_websocket_over_http2(secure):
    connection = HTTP2Connection(secure)
    assert connection.offers_websockets, "SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441)"
    websocket = connection.websocket("/ws")
    websocket.send(RawClient.frame(0x81, b'{"token":"jack","event":"alerts"}'))
    def push_here():
        return connection.ask("/push", "POST", PUSH)[2] == b"message sent to 1 clients"
    eventually(push_here, "it is there")
    assert websocket.read(3) == b"\x81\x01x"
    other = connection.websocket(f"/ws?{query()}", {"sec-websocket-protocol": "martlet"})
    assert other.headers["sec-websocket-protocol"] == "martlet" and other.read(4) == b"\x81\x02{}"
    assert connection.ask("/metrics")[2].count(b'martlet_sessions{transport="websocket"} 2\n') == 1
    websocket.send(RawClient.frame(0x88, b"\x03\xe8"))
    assert websocket.read(4) == b"\x88\x02\x03\xe8"
    assert connection.websocket("/ws", {"origin": "https://evil.example"}, expected=403) is None
    assert connection.websocket("/nowhere", expected=404) is None


def test_a_browser_over_http2(secure, browser):
    """It opens the WebSocket on the connection that it has; the certificate is one of its own."""
    browser.get(f"{secure.url}/martlet.js")
    protocol = browser.execute_async_script("""
        const done = arguments[0];
        import("/martlet.js").then(() => {
            window.got = [];
            window.martlet = new Martlet({ token: "jack", share: false });
            martlet.on("state", state => { if (state === "open") done(performance.getEntriesByType("navigation")[0].nextHopProtocol); });
            martlet.subscribe("alerts", data => got.push(data));
        });""")
    assert protocol == "h2" and browser.execute_script("return martlet.transport") == "websocket"
    assert browser.execute_async_script("""
        const [body, done] = arguments;
        fetch("/push", { method: "POST", body }).then(answer => answer.text()).then(done);""", PUSH) == "message sent to 1 clients"
    eventually(lambda: browser.execute_script("return got") == ["x"], "it came")
    browser.execute_script("martlet.close()")


def test_a_connection_of_http2_that_drains(secure):
    """It is told with GOAWAY, and what has begun is finished."""
    connection = HTTP2Connection(secure)
    stream = connection.open(f"/sse?{query()}")
    assert stream.status == 200
    secure.process.terminate()
    assert re.search(rb"\n\nretry: \d+\n\n$", stream.read_all())
    connection.read_to_the_end()
    assert connection.was_told_to_go
    assert secure.process.wait(PATIENCE) == 0


def test_polls_over_http2(secure):
    """Twenty wait on one connection, and everything else on it goes on."""
    connection = HTTP2Connection(secure)
    position = json.loads(connection.ask(f"/poll?{query()}")[2])["id"]
    waiting = [connection.begin(f"/poll?{query(after=position, wait=30)}") for _ in range(20)]
    eventually(lambda: b'martlet_sessions{transport="poll"} 20\n' in connection.ask("/metrics")[2], "all have come")
    assert connection.ask("/push", "POST", PUSH)[2] == b"message sent to 20 clients"
    for stream in waiting:
        stream.wait(lambda: stream.has_ended)
        assert stream.status == 200 and b'"x"' in stream.data and "connection" not in stream.headers


def test_a_client_of_http2_that_waits_before_its_body(secure, certificates):
    options = ["--http2", "--cacert", certificates["ca"], "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-m", "10"]
    assert curl(*options, "-d", PUSH, f"{secure.url}/push") == "message sent to 0 clients"


def test_a_poll_is_told_of_a_restart_over_http2(secure):
    connection = HTTP2Connection(secure)
    position = json.loads(connection.ask(f"/poll?{query()}")[2])["id"]
    stream = connection.begin(f"/poll?{query(after=position, wait=60)}")
    eventually(lambda: b'transport="poll"} 1\n' in connection.ask("/metrics")[2], "it waits")
    secure.process.terminate()
    stream.wait(lambda: stream.has_ended)
    assert stream.status == 200 and b'"retry":' in stream.data
    assert secure.process.wait(PATIENCE) == 0


# What strangers do


def test_answers_that_nobody_reads_take_little_memory_over_http2(serve, tls):
    """Requests of one connection with windows of nothing: a few are answered, the others wait."""
    server = serve(*tls, "--limits-answer-timeout", "30s")
    HTTP2Connection(server).ask("/metrics")
    before = server.rss()
    connections = []
    for _ in range(10):
        connection = HTTP2Connection(server, window=0)
        connections.append(connection)
        for _ in range(200):
            connection.begin("/metrics")
        connection.flush()
    assert HTTP2Connection(server).ask("/healthz")[2] == b"ok\n"
    for connection in connections:
        eventually(lambda: connection.count_heads() >= 8, "some are answered")
    heads = [connection.count_heads() for connection in connections]
    assert all(8 <= count <= 9 for count in heads), heads
    assert server.rss() - before < 48 << 20


def test_an_answer_that_does_not_move_ends_its_stream(serve, tls):
    server = serve(*tls, "--limits-answer-timeout", "500ms")
    connection = HTTP2Connection(server, window=0)
    stuck = connection.begin("/metrics")
    stuck.wait(lambda: stuck.status == 200)
    stuck.wait(lambda: stuck.has_ended)
    assert stuck.data == b""
    assert connection.ask("/healthz", method="HEAD")[0] == 200, "the connection goes on"
    assert re.search(rb"^http_answers_stalled_total 1$", HTTP2Connection(server).ask("/metrics")[2], re.M)


def test_a_connection_of_http2_without_a_request_ends(serve, tls):
    server = serve(*tls)
    connection = HTTP2Connection(server)
    connection.socket.settimeout(3 * PATIENCE)
    connection.read_to_the_end()
    assert connection.was_told_to_go


def test_too_many_headers_over_http2(secure):
    connection = HTTP2Connection(secure)
    assert connection.ask("/healthz", headers={f"x-{number}": "x" for number in range(101)})[0] == 431
    assert connection.ask("/healthz")[0] == 200


def test_a_flood_of_resets_ends_its_connection(secure):
    connection = HTTP2Connection(secure)
    try:
        while not connection.was_told_to_go:
            assert len(connection.streams) < 10_000, "it is ended"
            for _ in range(100):
                connection.begin("/metrics").reset()
            connection.count_heads()
        connection.read_to_the_end()
    except TimeoutError:
        raise
    except OSError:
        pass  # it has ended while more was sent
    assert HTTP2Connection(secure).ask("/healthz")[0] == 200


def test_a_slow_client_over_http2_loses_its_stream_alone(serve, tls):
    server = serve(*tls, "--limits-queue-size", "64KiB")
    connection, other = HTTP2Connection(server, window=1000), HTTP2Connection(server)
    slow = connection.begin(f"/sse?{query()}")
    slow.wait(lambda: slow.status == 200)
    body = json.dumps({"userId": "jack", "event": "alerts", "message": "x" * 10_000})
    eventually(lambda: other.ask("/push", "POST", body)[2] == b"message sent to 0 clients", "it is too slow")
    slow.wait(lambda: slow.has_ended)
    assert re.search(rb'^martlet_slow_consumers_total{transport="sse"} 1$', other.ask("/metrics")[2], re.M)
    assert connection.ask("/healthz", method="HEAD")[0] == 200


def test_a_page_that_may_not_connect_is_told_over_http2(secure):
    status, headers, body = HTTP2Connection(secure).ask(f"/sse?{query()}", headers={"origin": "https://evil.example"})
    assert (status, headers["access-control-allow-origin"]) == (403, "https://evil.example") and b"origin" in body
    status, _, body = HTTP2Connection(secure).ask("/sse", headers={"origin": f"https://localhost:{secure.port}"})
    assert status in (400, 401)
    assert HTTP2Connection(secure).ask(f"/sse?{query()}", body="x")[0] == 400
