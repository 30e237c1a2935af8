"""Where the service listens: unix sockets, and several addresses."""
import contextlib
import json
import signal
import socket
import stat
import subprocess

import pytest

from support.command import run
from support.curl import curl
from support.event_stream import push, query
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


def test_the_line_to_try_works_over_a_unix_socket(tmp_path):
    path = tmp_path / "martlet.sock"
    process = subprocess.Popen([MARTLET, "serve", "--listen", f"unix:{path}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = []
        while not said or said[-1] and "curl" not in said[-1]:
            said.append(process.stdout.readline())
        assert f"--unix-socket {path}" in said[-1] and "http://:0" not in "".join(said)
        assert subprocess.run(said[-1], shell=True, capture_output=True, text=True, timeout=PATIENCE).stdout == "message sent to 0 clients"
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


def test_a_socket_that_is_too_busy_to_answer_is_not_replaced(tmp_path):
    path = tmp_path / "busy.sock"
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        with pytest.raises(BlockingIOError):
            while True:
                waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(path))
        inode = path.stat().st_ino
        taken = run("serve", "--listen", f"unix:{path}")
        assert taken.returncode == 69 and str(path) in taken.stderr
        assert path.stat().st_ino == inode, "it is still the other's"


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
