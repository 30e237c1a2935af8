"""Where the service listens: unix sockets, several addresses, and HTTP/2 over TLS."""
import json
import signal
import socket
import stat
import subprocess

import pytest

from support.command import run
from support.curl import curl
from support.event_stream import push, query
from support.http2 import HTTP2Connection
from support.http_connection import HTTPConnection
from support.paths import MARTLET
from support.ports import free_port
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

PUSH = json.dumps({"userId": "jack", "event": "alerts", "message": "x"})
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


@pytest.fixture
def both(serve, tmp_path):
    """A service on a port and on a unix socket, and the path of the socket."""
    path = tmp_path / "martlet.sock"
    return serve("--listen", f"unix:{path}"), path


# Unix sockets


def test_everything_is_there_over_a_unix_socket(both):
    server, path = both
    assert stat.S_ISSOCK(path.stat().st_mode)
    for place, method, body, status in (
            ("/healthz", "GET", None, 200), ("/metrics", "GET", None, 200), ("/push", "POST", PUSH.encode(), 200), ("/api/info", "POST", b"", 200),
            ("/drop", "POST", PUSH.encode(), 200), (f"/poll?{query()}", "GET", None, 200), ("/", "GET", None, 200), ("/nowhere", "GET", None, 404)):
        assert HTTPConnection(server, path=path).ask(place, method, body).answer(method).status == status, place
    assert curl("--unix-socket", path, "-d", PUSH, "http://localhost/push") == "message sent to 0 clients"


def test_clients_and_back_ends_come_from_either_side(both):
    server, path = both
    stream = HTTPConnection(server, path=path).ask(f"/sse?{query()}")
    assert "200" in stream.read_head()[0]
    websocket = HTTPConnection(server, path=path).ask("/ws", headers=UPGRADE)
    assert "101" in websocket.read_head()[0]
    websocket.send(RawClient.frame(0x81, b'{"token":"jack","event":"alerts"}'))
    eventually(lambda: push(server, "over TCP") == 2, "both are there")
    assert websocket.file.read(2 + len("over TCP"))[2:] == b"over TCP"
    assert b"data: over TCP\n" in iter(stream.file.readline, b"")
    client = RawClient(server.address)
    client.register("jill", "alerts")
    server.push_until("jill", "alerts", "x", 1)
    client.read_frame()
    answer = HTTPConnection(server, path=path).ask("/push", "POST", b'{"userId":"jill","event":"alerts","message":"over a unix socket"}').answer()
    assert answer.text == "message sent to 1 clients" and client.read_frame() == (0x81, b"over a unix socket")


def test_a_unix_socket_alone(start, tmp_path):
    """It has no port: what it prints says where it is."""
    path = tmp_path / "martlet.sock"
    process = subprocess.Popen([MARTLET, "serve", "--listen", f"unix:{path}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: path.exists() or process.poll() is not None, "the socket is there")
        assert process.poll() is None, process.stderr.read()
        eventually(lambda: subprocess.run(["curl", "-sf", "--unix-socket", path, "http://x/healthz"]).returncode == 0, "it answers")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert str(path) in process.stdout.read() + process.stderr.read()
        assert not path.exists(), "it takes its socket away"
    finally:
        process.kill()
        process.wait()


def test_a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not(both, serve, tmp_path):
    server, path = both
    taken = run("serve", "--listen", f"unix:{path}")
    assert taken.returncode == 69 and str(path) in taken.stderr
    assert HTTPConnection(server, path=path).ask("/healthz").answer().status == 200
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(PATIENCE)
    assert path.exists(), "nobody took it away"
    again = serve("--listen", f"unix:{path}")
    assert HTTPConnection(again, path=path).ask("/healthz").answer().status == 200
    # What is no socket is not touched.
    file = tmp_path / "file"
    file.write_text("mine")
    assert run("serve", "--listen", f"unix:{file}").returncode == 69 and file.read_text() == "mine"


def test_a_drain_ends_connections_of_a_unix_socket(both):
    server, path = both
    stream = HTTPConnection(server, path=path).ask(f"/sse?{query()}")
    stream.read_head()
    eventually(lambda: server.metric("martlet_sessions") == 1, "it is there")
    assert server.stop() == 0
    assert b"retry: " in stream.file.read()
    with pytest.raises(OSError):
        HTTPConnection(server, path=path)


@pytest.mark.parametrize("address", ["unix:", "unix:" + "x" * 200, "unix:/nowhere/martlet.sock"])
def test_paths_that_cannot_be(address):
    result = run("serve", "--listen", address)
    assert result.returncode in (64, 69, 78) and result.stderr, result


def test_the_echo_server_over_a_unix_socket(start, tmp_path):
    path = tmp_path / "echo.sock"
    server = start("echo", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    connection = HTTPConnection(server, path=path).ask("/echo", headers=UPGRADE)
    assert "101" in connection.read_head()[0]
    connection.send(RawClient.frame(0x81, b"hi"))
    assert connection.file.read(4) == b"\x81\x02hi"


# Several addresses


def test_several_addresses_are_one_service(start, tmp_path):
    port = free_port()
    server = start("serve", "--listen", "127.0.0.1:0", "--listen", f"127.0.0.2:{port}", "--listen", f"unix:{tmp_path}/one")
    def push_at(address):
        return curl("-d", PUSH, f"http://{address}/push")
    clients = [RawClient(address) for address in (server.address, f"127.0.0.2:{port}")]
    for client in clients:
        client.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 2)
    assert push_at(f"127.0.0.2:{port}") == push_at(server.address) == "message sent to 2 clients"
    assert server.stop() == 0
    for address in (("127.0.0.1", server.port), ("127.0.0.2", port)):
        with pytest.raises(OSError):
            socket.create_connection(address, 1)


def test_several_addresses_in_a_file_and_in_the_environment(start, tmp_path):
    ports = [free_port() for _ in range(2)]
    file = tmp_path / "martlet.yaml"
    file.write_text(f"listen: ['127.0.0.1:{ports[0]}', '127.0.0.1:{ports[1]}']\n")
    for server in (start("serve", "--config", str(file)), None):
        server = server or start("serve", env={"MARTLET_LISTEN": f"127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"})
        for port in ports:
            eventually(lambda: subprocess.run(["curl", "-sf", f"http://127.0.0.1:{port}/healthz"], capture_output=True).returncode == 0, "it listens")
        assert server.stop() == 0


def test_one_address_that_is_taken_is_enough(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--listen", "127.0.0.1:0", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 69


def test_one_address_that_everybody_reaches_is_enough():
    result = run("serve", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0")
    assert result.returncode == 78 and "can be reached from other machines" in result.stderr


# HTTP/2 over TLS

HTTP2_OFF = ["--no-tls-http2"]


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
    server = serve(*tls, *HTTP2_OFF)
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


def test_names_of_other_machines_over_http2(secure):
    assert HTTP2Connection(secure).ask(f"/poll?{query()}", authority="evil.example")[0] in (403, 421)


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
    assert b"retry: " in stream.read_all()
    connection.read_to_the_end()
    assert connection.was_told_to_go
    assert secure.process.wait(PATIENCE) == 0
