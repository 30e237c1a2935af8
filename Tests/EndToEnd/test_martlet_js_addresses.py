"""`martlet.js` finds the service where its `url` says, and says so when something else is there; a token is in no address."""
import base64
import threading

import pytest
from websockets.sync.server import serve as serve_websockets

from support.event_stream import push
from support.martlet_js import NODE
from support.nginx import Nginx
from support.ports import free_port
from support.waiting import eventually

CONNECT = """
    const [options, done] = arguments;
    import(document.URL).then(() => {
        window.told = []; window.got = [];
        window.martlet = new Martlet({ token: "jack", share: false, ...options });
        martlet.on("error", error => told.push([error.message, error.final]));
        martlet.on("state", (state, transport) => { if (state === "open") done(transport); });
        martlet.on("state", (state, transport, wait) => { if (state === "waiting") window.wait = wait; });
        martlet.subscribe("alerts", data => got.push(data));
    });"""


@pytest.fixture
def prefixed(serve, tmp_path):
    """A service behind an nginx that takes away a prefix of the path."""
    port = free_port()
    server = serve("--origin", f"http://127.0.0.1:{port}")
    nginx = Nginx(tmp_path / "nginx", f"""; location /live/ {{
        proxy_pass http://{server.address}/; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }}""", port,
        http="map $http_upgrade $connection_upgrade { default upgrade; '' ''; }")
    yield server, nginx.address
    nginx.stop()


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
@pytest.mark.parametrize("path", ["/live/", "/live", "/live?query#fragment"])
def test_paths_are_relative_to_the_url(prefixed, browser, transport, path):
    server, address = prefixed
    browser.get(f"http://{address}/live/martlet.js")
    browser.set_script_timeout(10)
    assert browser.execute_async_script(
        CONNECT, {"url": f"http://{address}{path}", "transports": [transport], "delay": 1}) == transport
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "1", "the message comes")


def test_without_a_url_the_service_is_at_the_root_of_the_pages_origin(serve, browser):
    server = serve()
    browser.get(f"http://{server.address}/console/../martlet.js")
    assert browser.execute_async_script(CONNECT, {}) == "websocket"
    assert browser.execute_script("return martlet.url") == f"http://{server.address}/"


@pytest.mark.parametrize("transports", [["sse"], ["poll"], ["websocket", "sse", "poll"]], ids="-".join)
def test_an_address_without_a_service_is_told_once(serve, browser, transports):
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    browser.execute_script(
        CONNECT.replace("arguments;", "[arguments[0], () => {}];"), {"url": "/nowhere", "transports": transports, "delay": 1})
    eventually(lambda: browser.execute_script("return window.told?.length && martlet.state === 'waiting' && wait > 14999"),
               "it is told, and waits")
    # Whoever is back at the page makes it try at once: nothing is told again.
    states = browser.execute_script("""
        window.states = []; martlet.on("state", state => states.push(state));
        document.dispatchEvent(new Event("visibilitychange"));""")
    eventually(lambda: browser.execute_script("return states.includes('connecting') && martlet.state === 'waiting'"),
               lambda: f"it tries again {states}")
    [[message, final]] = browser.execute_script("return told")
    assert final is False and f"http://{server.address}/nowhere/" in message and "404" in message


@pytest.mark.parametrize("status, kind, body", [
    (200, "text/html", "<h1>Welcome</h1>"), (200, "text/plain", "ok"), (404, "text/html", "not here"), (405, "text/plain", "GET it not"),
    (426, "text/plain", "upgrade"), (410, "application/json", "{}"),
    (401, "text/html", "<h1>Log in</h1>"), (403, "text/html; charset=utf-8", "<h1>Forbidden</h1>"), (400, "text/html", "<h1>Bad</h1>")])
def test_what_is_no_push_service_is_told(double, runtime, status, kind, body):
    other = double(lambda path: (status, kind, body))
    for transport in ("sse", "poll"):
        client = runtime(NODE, {"url": other.url, "token": "secret", "transports": [transport], "delay": 1})
        client.until(lambda: client.of("error") and client.of("state")[-1][0] == "waiting", "it is told")
        (message, final, *_), = client.of("error")
        assert final is False and f"{status} {kind}" in message and body not in message
        assert client.of("state")[-1][2] >= 15000, "it waits long"
    assert not any("secret" in path for path, _ in other.requests)
    assert all(headers["Authorization"] == "Bearer secret" for _, headers in other.requests)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_not_told(double, runtime, status):
    other = double(lambda path: (status, "text/html", "<h1>Later</h1>"))
    client = runtime(NODE, {"url": other.url, "transports": ["sse", "poll"], "delay": 1})
    client.until(lambda: len(other.requests) > 6, "it tries again soon")
    assert client.of("error") == []


@pytest.mark.parametrize("token", ["secret", "a.b-c_d=/+", "jäck ☃", "x" * 3000], ids=["short", "signs", "Unicode", "long"])
def test_a_token_is_in_no_address(serve, browser, token):
    seen = []

    def answer(connection):
        seen.append((connection.request.path, connection.request.headers["Sec-WebSocket-Protocol"]))
        connection.send("{}")
        for _ in connection:
            pass

    server = serve()
    with serve_websockets(answer, "127.0.0.1", 0, subprotocols=["martlet"]) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        port = other.socket.getsockname()[1]
        browser.get(f"http://{server.address}/martlet.js")
        assert browser.execute_async_script(
            CONNECT, {"url": f"http://127.0.0.1:{port}", "transports": ["websocket"], "token": token}) == "websocket"
        browser.execute_script("martlet.close()")
        other.shutdown()
    [(path, protocols)] = seen
    assert path == "/ws?event=alerts"
    encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    assert protocols.replace(" ", "") == f"martlet,martlet.bearer.{encoded}"
