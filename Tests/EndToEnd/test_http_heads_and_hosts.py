"""HEAD has no content (RFC 9110, 9.3.2), and a request names one host (RFC 9112, 3.2): for every path and server."""
import json

import pytest

from support.http_connection import HTTPConnection

PATHS = {
    "serve": ["/healthz", "/readyz", "/metrics", "/martlet.js", "/", "/console/console.js", "/console/figures", "/demo/state", "/sse",
              "/poll", "/sse?event=a&token=b", "/poll?event=a&token=b", "/ws", "/push", "/drop", "/api/publish", "/api/nope", "/nowhere"],
    "echo": ["/", "/ws", "/echo", "/nowhere", "/favicon.ico"]}
PATHS["proxy"] = PATHS["serve"]
PUSH = json.dumps({"userId": "jack", "event": "alerts", "message": "x"}).encode()
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


@pytest.fixture(params=["serve", "serve over TLS", "echo", "echo over TLS", "proxy"])
def server(request, start, serve, tls, tmp_path):
    """A server of each kind; with connections to it, and the paths that it has."""
    kind, is_tls = request.param.split()[0], "TLS" in request.param
    passwords = tmp_path / "passwords"
    passwords.write_text("t0p-secret jack\n")
    options = tls if is_tls else []
    server = start("echo", "--listen", "127.0.0.1:0", *options) if kind == "echo" else serve(*options)
    if kind == "proxy":
        server = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://{server.address}", "--log-level", "warning")
    server.connect, server.paths = lambda: HTTPConnection(server, is_tls), PATHS[kind]
    return server


def test_nothing_follows_the_head(server):
    connection = server.connect()
    for headers in ([], UPGRADE, ["Connection: keep-alive"], ["Origin: https://evil.example"], ["Host: evil.example"]):
        for path in server.paths:
            connection.ask(path, "HEAD", headers=headers, host="Host: evil.example" not in headers)
            answer = connection.answer("HEAD")
            if (answer["Connection"] or "").lower() == "close":
                assert connection.has_ended(), (path, headers)
                connection = server.connect()
    # Whatever came after a head would be taken for this answer.
    assert connection.lives()
    connection.ask(server.paths[0], "HEAD").ask("/ws", "HEAD").ask(server.paths[0], "HEAD").ask("/nowhere")
    assert [connection.answer("HEAD").status // 100 for _ in range(3)] == [2, 4, 2] and connection.answer().status == 404


def test_nothing_follows_the_head_of_a_refusal(serve_behind):
    for front in ("HTTP", "TLS", "proxy"):
        server = serve_behind(front, "--limits-body-size", "10", env={"MARTLET_API_KEY": "a secret of the back end's"})
        connection = server.connect()
        for path in ("/push", "/drop", "/api/publish", "/ws"):
            connection.ask(path, "HEAD", PUSH)
            answer = connection.answer("HEAD")
            assert answer.status in (401, 405, 413), answer
            if (answer["Connection"] or "").lower() == "close":
                assert connection.has_ended(), path
                connection = server.connect()
        assert connection.lives()


def test_nothing_follows_the_head_of_an_answer_of_the_proxys_own(start, tmp_path, free_port):
    proxy = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://127.0.0.1:{free_port}", "--log-level", "error")
    connection = HTTPConnection(proxy)
    for _ in range(3):
        for headers in ([], UPGRADE):
            assert connection.ask("/ws", "HEAD", headers=headers).answer("HEAD").status in (405, 502, 503)
    assert b"cannot be reached" in connection.ask("/nowhere").answer().body


WRONG_HOSTS = ["a b", "a,b", "a, a", "a/b", "user@a", "[::1", "[x]", "a:b", "a:99999", "a:-1", "a:80:90", "http://a", "a%2", 'a"b', "a<b",
               "a?b", "a#b", "a\\b", "é", "a\x01b"]


def test_a_request_names_one_host(server):
    """A wrong one is refused on every path, and for every method."""
    wrong = [[], [f"Host: {server.address}"] * 2, [f"Host: {server.address}", "Host: evil.example"], ["Host: a", "host: a"]]
    cases = [(path, hosts) for path in server.paths for hosts in [*wrong, ["Host: a b"]]]
    cases += [(server.paths[0], [f"Host: {host}"]) for host in WRONG_HOSTS]
    for path, hosts in cases:
        for method, body in (("GET", None), ("POST", PUSH)):
            answer = server.connect().ask(path, method, body, headers=hosts, host=False).answer()
            assert answer.status == 400, (method, path, hosts, answer)


def test_hosts_that_are_right(server):
    path = server.paths[0]
    for host in (server.address, "localhost", f"localhost:{server.port}", "LOCALHOST", "[::1]", f"[::1]:{server.port}", "127.0.0.1", "localhost:"):
        assert server.connect().ask(path, headers=[f"Host: {host}"], host=False).answer().status == 200, host
    # The older version need not name one, and a target with a host takes precedence over the header.
    assert server.connect().ask(path, version="1.0", host=False).answer().status != 400
    assert server.connect().ask(f"http://{server.address}{path}").answer().status == 200
