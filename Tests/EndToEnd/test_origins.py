"""Which pages may connect: patterns of origins, pages without an origin, and names of this machine."""
import re
import signal

import httpx
import pytest

from support.command import run
from support.event_stream import query
from support.http_connection import HTTPConnection
from support.nginx import Nginx
from support.paths import ROOT
from support.ports import free_port
from support.request import request
from support.waiting import PATIENCE, eventually

PUSH = b'{"userId":"jack","event":"alerts","message":"x"}'
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def statuses(server, *headers, host=None):
    """How a WebSocket, a stream, a poll and a push of a page with these headers are answered."""
    found = []
    for path, method, body, more in (("/ws", "GET", None, UPGRADE), (f"/sse?{query()}", "GET", None, []), (f"/poll?{query()}", "GET", None, []),
                                     ("/push", "POST", PUSH, [])):
        connection = HTTPConnection(server)
        connection.host = host or connection.host
        found.append(int(connection.ask(path, method, body, headers=[*headers, *more]).read_head()[0].split()[1]))
        connection.close()
    return found


COME_IN, STAY_OUT = [101, 200, 200, 200], [403] * 4


@pytest.mark.parametrize("pattern, inside, outside", [
    ("https://*.example.com", ["https://a.example.com", "https://a.b.example.com", "https://a-b.example.com", "https://a.example.com:443",
                               "https://xn--bcher-kva.example.com"],
     ["https://example.com", "http://a.example.com", "https://a.example.com:8443", "https://evilexample.com", "https://a.example.com.evil.example",
      "https://.example.com", "https://a.example.org", "https://a.example.co", "https://example.com.evil", "https://user@a.example.com",
      "https://evil.example/.example.com", "https://evil.example#.example.com", "null"]),
    ("HTTP://*.Example.COM:8080", ["http://a.example.com:8080"], ["http://a.example.com", "https://a.example.com:8080", "http://a.example.com:80800"]),
    ("https://*.shop.example.com", ["https://a.shop.example.com"], ["https://shop.example.com", "https://a.example.com", "https://ashop.example.com"])])
def test_a_pattern_lets_subdomains_in(serve, pattern, inside, outside):
    server = serve("--origin", pattern, "--origin", "https://other.example")
    for origin in [*inside, "https://other.example"]:
        assert statuses(server, f"Origin: {origin}") == COME_IN, origin
    for origin in outside:
        assert statuses(server, f"Origin: {origin}") == STAY_OUT, origin


def test_a_pattern_lets_pages_read(serve):
    """Each gets an answer for itself."""
    server = serve("--origin", "https://*.example.com")
    for origin in ("https://a.example.com", "https://b.example.com"):
        for path in (f"/sse?{query()}", f"/poll?{query()}"):
            assert request(server, path, {"Origin": origin})[1]["Access-Control-Allow-Origin"] == origin
    assert request(server, f"/poll?{query()}", {"Origin": "https://example.com"})[0] == 403


WRONG = ["https://*", "https://a*.example.com", "https://*example.com", "https://*.*.example.com", "https://a.*.example.com", "https://*.",
         "https://example.*", "*.example.com", "https://*.example.com/", "https://*.example.com:*", "**", "https://**.example.com", "*://*.example.com",
         "https://*..example.com", "nonsense", "https://example.com/path", "https://ex ample.com", "NULL,x"]


@pytest.mark.parametrize("command", ["serve", "echo"])
def test_what_cannot_match_is_an_error(command):
    for pattern in WRONG:
        result = run(command, "--listen", "127.0.0.1:0", "--origin", pattern, timeout=5)
        assert result.returncode == 64 and "--origin" in result.stderr, (pattern, result)


def test_what_cannot_match_is_an_error_in_a_file(tmp_path):
    file = tmp_path / "martlet.yaml"
    for pattern in ("https://*", "https://a*.example.com", "*.example.com"):
        file.write_text(f"listen: 127.0.0.1:0\norigin:\n  - https://good.example\n  - '{pattern}'\n")
        assert run("serve", "--config", str(file), timeout=5).returncode == 78, pattern
        result = run("check-config", str(file))
        assert result.returncode == 78 and "origin" in result.stdout + result.stderr, pattern


def test_a_pattern_is_in_force_as_soon_as_the_file_has_changed(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    page = "Origin: https://a.example.com"
    assert statuses(server, page) == STAY_OUT
    file.write_text("listen: 127.0.0.1:0\norigin: ['https://*.example.com']\n")
    eventually(lambda: statuses(server, page) == COME_IN, "the pattern is in force")
    file.write_text("listen: 127.0.0.1:0\norigin: ['https://*']\n")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("cannot reload a file" in line and "origin" in line for line in server.log), "it says what is wrong")
    assert statuses(server, page) == COME_IN


def test_patterns_and_null_for_the_echo_server(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--origin", "https://*.example.com", "--origin", "null")
    for origin, status in (("https://a.example.com", "101"), ("null", "101"), ("https://example.com", "403")):
        assert HTTPConnection(server).ask("/ws", headers=[*UPGRADE, f"Origin: {origin}"]).read_head()[0].split()[1] == status, origin


# Pages without an origin: files, and those of Electron and Cordova


def test_pages_without_an_origin_may_be_let_in(serve):
    server = serve("--origin", "null", "--log-level", "warning")
    assert statuses(server, "Origin: null") == COME_IN
    for origin in ("https://evil.example", "file://", "nullx"):
        assert statuses(server, f"Origin: {origin}") == STAY_OUT, origin
    eventually(lambda: any("null" in line and "warning" in line for line in server.log), "it says what that means")


def test_without_a_word_they_stay_out(serve):
    for arguments in ([], ["--origin", "https://good.example"]):
        server = serve(*arguments, "--log-level", "warning")
        assert statuses(server, "Origin: null") == STAY_OUT
        assert not any("null" in line for line in server.log)


def test_a_file_in_a_browser(serve, browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<title>a file</title>")
    for arguments, opened in (([], False), (["--origin", "null"], True)):
        server = serve(*arguments)
        browser.get(page.as_uri())
        assert browser.execute_async_script("""
            const [address, done] = arguments, socket = new WebSocket(`ws://${address}/ws`);
            socket.onopen = () => done(true);
            socket.onerror = () => done(false);""", server.address) is opened
        heard = browser.execute_async_script("""
            const [url, done] = arguments;
            fetch(url).then(answer => done(answer.status), error => done(`${error}`));""", f"http://{server.address}/poll?{query()}")
        assert heard == (200 if opened else 403)


# Names of this machine


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "LOCALHOST", "app.localhost", "a.b.localhost", "App.LocalHost", "127.0.0.1", "127.8.9.10", "[::1]"])
def test_names_of_this_machine(serve, host):
    server = serve()
    for name in (host, f"{host}:{server.port}"):
        assert statuses(server, host=name) == COME_IN, name
        assert statuses(server, f"Origin: http://{name}", host=name) == COME_IN, name
        assert statuses(server, f"Origin: http://{name.lower()}", host=name.upper()) == COME_IN, name
        for path in ("/", "/console/figures", "/demo/state"):
            assert HTTPConnection(server).ask(path, headers=[f"Host: {name}"], host=False).answer().status == 200, (path, name)


def test_names_of_other_machines(serve):
    server = serve()
    for host in ("evil.example", "localhost.evil.example", "evillocalhost", "localhost1", "127.0.0.1.evil.example", "1127.0.0.1", "app.localhost.evil",
                 "localhost-evil", "128.0.0.1", "[::2]"):
        # A push says its Origin only, and is no page's without one.
        assert statuses(server, host=host)[1:3] == [403, 403], host
        assert statuses(server, f"Origin: http://{host}", host=host) == STAY_OUT, host
        assert HTTPConnection(server).ask("/", headers=[f"Host: {host}"], host=False).answer().status == 403, host


def test_a_host_of_ones_own_in_any_case(serve, tmp_path):
    """With tokens and keys, pages of the same host may connect, whatever it is called."""
    tokens = tmp_path / "tokens"
    tokens.write_text("jack jack\n")
    server = serve("--token-file", str(tokens), env={"MARTLET_API_KEY": "a secret of the back end's"})
    key = "X-API-Key: a secret of the back end's"
    for host, origin in (("Push.Example.com", "http://push.example.com"), ("push.example.com", "http://PUSH.example.com"),
                         ("PUSH.EXAMPLE.COM:80", "http://push.example.com"), ("push.example.com", "HTTP://push.example.com:80")):
        assert statuses(server, f"Origin: {origin}", key, host=host) == COME_IN, (host, origin)
    for host, origin in (("push.example.com", "http://push.example.com:81"), ("push.example.com", "http://example.com"),
                         ("example.com", "http://push.example.com")):
        assert statuses(server, f"Origin: {origin}", key, host=host) == STAY_OUT, (host, origin)


def test_what_the_nginx_of_the_document_lets_through(serve, tmp_path):
    """A client does not choose the host with which its origin is compared, nothing for operators is public, and no token is logged."""
    tokens, log = tmp_path / "tokens", tmp_path / "access.log"
    tokens.write_text("jacks jack\n")
    server = serve("--trusted-proxies", "127.0.0.1", "--token-file", str(tokens), env={"MARTLET_API_KEY": "a secret of the back end's"})
    http, location = re.search(r"```nginx\n(.*?)server {(.*)}\n```", (ROOT / "docs/event-streams.md").read_text(), re.S).groups()
    location = location.replace("127.0.0.1:8080", server.address).replace("/var/log/nginx/access.log", str(log))
    nginx = Nginx(tmp_path / "nginx", f";{location}", free_port(), http=http)

    def status(path, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(f"http://{nginx.address}{path}", headers=named, timeout=PATIENCE).status_code

    try:
        poll = f"/poll?{query(token='jacks')}"
        assert status(poll, Origin=f"http://{nginx.address}") == 200
        assert status(poll, Origin="http://evil.example", X_Forwarded_Host="evil.example") == 403
        assert status(f"/poll?{query(token='no')}") == 401
        for path in ("/", "//", "/metrics", "/healthz", "/push", "/drop", "/api/info", "//api/info", "/console/overview.mjs", "/demo"):
            assert status(path) == 404, path
        assert status("/martlet.js") == 200
        eventually(lambda: "/martlet.js" in log.read_text(), "it is logged")
        assert "/poll" in log.read_text() and "token" not in log.read_text()
    finally:
        nginx.stop()
