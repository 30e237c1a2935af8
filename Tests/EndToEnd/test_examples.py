"""Every program under Examples/ does what its first lines say."""
import asyncio
import json
import signal
import socket
import subprocess
import threading
import urllib.request

import pytest
import websockets
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from support.paths import BINARIES, ROOT
from support.ports import free_port
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

@pytest.fixture
def example():
    """Starts an example server on a free port; its address."""
    started = []

    def example(name):
        port = free_port()
        started.append(subprocess.Popen([BINARIES / name, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def listens():
            assert started[-1].poll() is None, f"{name} ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False

        eventually(listens, f"{name} listens")
        return f"127.0.0.1:{port}"

    yield example
    for process in started:
        process.kill()
        process.wait()


def test_echo_server(example):
    client = RawClient(example("EchoServer"), "/echo")
    client.send("hi")
    assert client.read_frame() == (0x81, b"hi")


@pytest.mark.timing
def test_heartbeat(example):
    client = RawClient(example("Heartbeat"))
    client.send("hi")
    assert [client.read_frame()[1] for _ in range(2)] == [b"hi", b"heart beat"]


def test_queued_connection(example):
    client = RawClient(example("QueuedConnection"))
    assert client.read_frame() == (0x81, b"message 1")
    last = b""
    while last != b"message 100000":
        first, last = client.read_frame()
    first, payload = client.read_frame()
    assert (first, payload) == (0x88, b"\x03\xe8")


def test_origin_check(example):
    address = example("OriginCheck")
    for headers, status in (("Origin: http://evil.example\r\n", b"403"), ("Origin: https://example.com\r\n", b"401")):
        client = RawClient(address, handshake=False)
        client.send_handshake(headers=headers)
        assert client.read_head().split()[1] == status
    client = RawClient(address, headers="Origin: https://example.com\r\nCookie: session=1\r\n")
    assert client.read_frame() == (0x81, b"welcome to /ws")


def test_push_service(example):
    address = example("PushService")
    client = RawClient(address)
    client.register("user-jack", "alerts")

    def push():
        request = urllib.request.Request(
            f"http://{address}/push", data=json.dumps({"userId": "jack", "event": "alerts", "message": "hi"}).encode(),
            headers={"Authorization": "Bearer secret"})
        return urllib.request.urlopen(request, timeout=PATIENCE).read() == b"message sent to 1 clients"

    eventually(push, "the hooks let both in")
    assert client.read_frame() == (0x81, b"hi")


def test_hummingbird_push(example):
    address = example("HummingbirdPush")
    client = RawClient(address)
    client.register("jack", "orders")

    def order():
        request = urllib.request.Request(f"http://{address}/orders/jack", data=b"")
        return urllib.request.urlopen(request, timeout=PATIENCE).read() == b"told 1"

    eventually(order, "the page is registered")
    martlet = RawClient(address, "/ws?event=orders&token=jill", "Sec-WebSocket-Protocol: martlet\r\n")
    assert martlet.read_frame() == (0x81, b"{}")
    assert client.read_frame() == (0x81, b"Your order is on its way")
    code = (ROOT / "Examples/HummingbirdPush/main.swift").read_text()
    assert f"```swift\n{code.split('NIOPosix', 1)[1].strip()}\n```" in (ROOT / "docs/embedding.md").read_text()


class PingNoting(ServerConnection):
    """A connection that says when the client has pinged."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.pinged = asyncio.Event()

    def process_event(self, event):
        if getattr(event, "opcode", None) is Opcode.PING:
            self.pinged.set()
        super().process_event(event)


def run_against(name, serve):
    """Runs an example client against a Python server; what it printed."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    port = None

    async def start():
        nonlocal port
        server = await websockets.serve(serve, "127.0.0.1", 0, create_connection=PingNoting)
        port = server.sockets[0].getsockname()[1]
        ready.set()

    def run():
        loop.create_task(start())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    assert ready.wait(PATIENCE)
    client = subprocess.Popen([BINARIES / name, f"ws://127.0.0.1:{port}/feed"], stdout=subprocess.PIPE, text=True)
    return client, loop


def test_feed_client():
    async def serve(connection):
        assert json.loads(await connection.recv()) == {"name": "a"}
        await connection.pinged.wait()  # who closes before has no pong to give
        for title in ("one", "two"):
            await connection.send(json.dumps({"title": title}))

    client, loop = run_against("FeedClient", serve)
    output, _ = client.communicate(timeout=PATIENCE)
    lines = output.splitlines()
    assert lines[0].startswith("the server is ") and lines[1:3] == ["one", "two"] and lines[3].startswith("closed: 1000")
    loop.call_soon_threadsafe(loop.stop)


def test_time_client():
    got = threading.Event()

    async def serve(connection):
        await connection.send("hello")
        await connection.recv()
        got.set()
        await connection.wait_closed()

    client, loop = run_against("TimeClient", serve)
    assert got.wait(PATIENCE)
    client.send_signal(signal.SIGINT)
    output, _ = client.communicate(timeout=PATIENCE)
    assert "hello" in output and "closed: 1000" in output
    loop.call_soon_threadsafe(loop.stop)
