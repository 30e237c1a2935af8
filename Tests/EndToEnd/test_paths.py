"""One rule for all paths: empty segments are as if they were not there."""
from support.console import basic, get
from support.event_stream import query
from support.http_connection import HTTPConnection
from support.raw_client import RawClient
from support.request import request

PUSH = b'{"userId":"jack","event":"alerts","message":"x"}'
PLACES = {
    "/healthz": ("GET", None, 200), "/readyz": ("GET", None, 200), "/metrics": ("GET", None, 200), "/martlet.js": ("GET", None, 200),
    "/console/figures": ("GET", None, 200), "/console/console.js": ("GET", None, 200), "/demo/state": ("GET", None, 200),
    "/push": ("POST", PUSH, 200), "/drop": ("POST", PUSH, 200), "/api/info": ("POST", b"", 200), "/api/publish": ("POST", b"x", 400),
    "/push?x=/": ("PUT", b"", 405), "/drop?": ("GET", None, 405), "/api/batch": ("GET", None, 405), "/api/nope": ("POST", b"{}", 404),
    f"/sse?{query()}": ("GET", None, 200), f"/poll?{query()}": ("GET", None, 200), "/sse": ("PUT", b"", 405), "/poll": ("OPTIONS", None, 204),
    "/ws": ("GET", None, 400), "/ws?x": ("POST", b"", 405), "/nowhere": ("GET", None, 404), "/api": ("GET", None, 404)}


def spellings(path):
    """Other ways to write a path."""
    path, mark, rest = path.partition("?")
    return [one + mark + rest for one in (
        path + "/", path + "//", "/" + path, "//" + path, "//" + path + "/", path.replace("/", "//"), path[0] + path[1:].replace("/", "///"))]


def found(connect, path, method, body, headers=()):
    connection = connect()
    try:
        line, fields = connection.ask(path, method, body, headers=headers).read_head()
        return int(line.split()[1]), {name.lower(): value for name, value in fields}
    finally:
        connection.close()


def test_every_place_is_found_however_its_path_is_written(serve):
    server = serve()
    connect = lambda: HTTPConnection(server)
    wrong = []
    for place, (method, body, status) in PLACES.items():
        for path in (place, *spellings(place)):
            got, headers = found(connect, path, method, body)
            if got != status or (status == 405) != ("allow" in headers):
                wrong.append((method, path, got))
    assert not wrong, wrong


def test_the_proxy_hands_paths_on_as_they_are(serve, start):
    server = serve()
    proxy = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://{server.address}", "--log-level", "warning")
    for path in ("/sse/", "//sse", "//poll/", "/push/"):
        method, body = ("POST", PUSH) if "push" in path else ("GET", None)
        assert found(lambda: HTTPConnection(proxy), f"{path}?{query()}", method, body)[0] == 200


def test_paths_of_ones_own(serve):
    server = serve("--ws-path", "/live/ws", "--sse-path", "/live/sse", "--poll-path", "/live/poll", "--push-path", "/back/push")
    connect = lambda: HTTPConnection(server)
    for place, method, body in (("/live/sse", "GET", None), ("/live/poll", "GET", None), ("/back/push", "POST", PUSH)):
        for path in (place, *spellings(place)):
            assert found(connect, f"{path}?{query()}", method, body)[0] == 200, path
    for path in ("/live/ws", *spellings("/live/ws")):
        RawClient(server.address, path).close()
    for path in ("/sse", "/poll", "/push", "/live", "/live/sse/more"):
        assert found(connect, f"{path}?{query()}", "GET", None)[0] == 404, path


def test_a_websocket_connects_however_its_path_is_written(serve, start):
    server, echo = serve(), start("echo", "--listen", "127.0.0.1:0")
    for path in ("/ws", *spellings("/ws")):
        client = RawClient(server.address, path)
        client.register("jack", path)
        server.push_until("jack", path, "x", 1)
        assert client.read_frame() == (0x81, b"x")
        martlet = RawClient(server.address, f"{path}?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")
        assert martlet.read_frame() == (0x81, b"{}")
        client = RawClient(echo.address, path)
        client.send("hi")
        assert client.read_frame() == (0x81, b"hi")


def test_pages_of_other_origins_are_answered_however_the_path_is_written(serve):
    server = serve("--origin", "https://good.example")
    for place in ("/sse", "/poll"):
        for path in (place, *spellings(place)):
            for method, status in (("OPTIONS", 204), ("GET", 200)):
                got, headers = request(server, f"{path}?{query()}", {"Origin": "https://good.example"}, method)
                assert (got, headers["Access-Control-Allow-Origin"]) == (status, "https://good.example"), path
            assert request(server, f"{path}?{query()}", {"Origin": "https://evil.example"})[0] == 403


def test_no_spelling_gets_past_a_key_a_password_or_a_limit(serve, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("t0p-secret jack\n")
    server = serve("--console-password-file", str(passwords), "--limits-body-size", "100", "--limits-connections-per-address", "1",
                   env={"MARTLET_API_KEY": "a secret of the back end's"})
    connect = lambda: HTTPConnection(server)
    for place in ("/push", "/drop", "/api/info"):
        for path in (place, *spellings(place)):
            assert found(connect, path, "POST", PUSH)[0] == 401, path
            assert found(connect, path, "POST", b"x" * 101, ["X-API-Key: a secret of the back end's"])[0] == 413, path
            evil = ["X-API-Key: a secret of the back end's", "Origin: https://evil.example"]
            assert found(connect, path, "POST", PUSH, evil)[0] == 403, path
    for place in ("/console/figures", "/console/sessions", "/demo/state", "/console/console.js"):
        for path in ("//", *spellings(place)):
            assert found(connect, path, "GET", None)[0] == 401, path
    assert get(server, "/console/figures/", basic("jack", "t0p-secret"))[0] == 200
    held = HTTPConnection(server).ask(f"//sse/?{query()}")
    assert "200" in held.read_head()[0]
    for path in (*spellings("/sse"), *spellings("/poll")):
        assert found(connect, f"{path}?{query()}", "GET", None)[0] == 429, path
