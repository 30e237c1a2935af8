"""Compression by choice: permessage-deflate for WebSockets, gzip for polls."""
import gzip
import json
import zlib

import pytest
import websockets.sync.client

from support.command import run
from support.curl import curl
from support.event_stream import push, query
from support.http_connection import HTTPConnection
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

# The settings, as options.
WEBSOCKETS = ["--compression-web-socket"]
HTTP = ["--compression-http"]
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
TEXT = "grüße 😀 " * 2000


def test_nothing_is_compressed_unless_it_is_wanted(serve):
    server = serve()
    client = RawClient(server.address, handshake=False)
    client.send_handshake(headers=OFFER)
    assert b"permessage-deflate" not in client.read_head().lower()
    assert HTTPConnection(server).ask(f"/poll?{query()}", headers=["Accept-Encoding: gzip"]).answer()["Content-Encoding"] is None


@pytest.mark.parametrize("path, headers", [("/ws", ""), (f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")], ids=["register", "martlet"])
def test_pushes_are_compressed(serve, path, headers):
    server = serve(*WEBSOCKETS)
    client = RawClient(server.address, path, handshake=False)
    client.send_handshake(path, OFFER + headers)
    head = client.read_head()
    assert head.startswith(b"HTTP/1.1 101 ") and b"permessage-deflate" in head.lower(), head
    plain = RawClient(server.address, path, headers)
    if not headers:
        for one in (client, plain):
            one.register("jack", "alerts")
    server.push_until("jack", "alerts", TEXT, 2)
    window = zlib.decompressobj(-15)

    def inflated(first, payload):
        return window.decompress(payload + b"\0\0\xff\xff") if first & 0x40 else payload

    def frame_with(client, text):
        while True:
            first, payload = client.read_frame()
            message = inflated(first, payload).decode()
            if text in message or headers and json.loads(message).get("data") == text:
                return first, payload, message

    first, payload, message = frame_with(client, TEXT)
    assert first == 0xC1 and len(payload) < len(TEXT) / 10, "it is compressed"
    first, payload, message = frame_with(plain, TEXT)
    assert first == 0x81 and len(payload) > len(TEXT), "who does not want it gets it as it is"
    # The next goes on where the first ended, or anew: either is a message of its own.
    push(server, "short")
    assert frame_with(client, "short") and frame_with(plain, "short")
    # What a client sends may be compressed as well.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    message = json.dumps({"token": "jill", "event": "alerts"}).encode()
    packed = (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    if not headers:
        client.send(packed, 0xC1)
        server.push_until("jill", "alerts", "moved", 1)
        assert frame_with(client, "moved")


def test_foreign_clients_and_compression(serve):
    server = serve(*WEBSOCKETS)
    for offer in ("deflate", None):
        with websockets.sync.client.connect(f"ws://{server.address}/ws", compression=offer, open_timeout=PATIENCE) as client:
            assert bool(client.protocol.extensions) == (offer is not None)
            client.send(json.dumps({"token": "jack", "event": "alerts"}))
            server.push_until("jack", "alerts", TEXT, 1)
            assert client.recv(timeout=PATIENCE) == TEXT
        eventually(lambda: server.metric("martlet_sessions") == 0, "it has gone")


def test_a_bomb_of_a_client_takes_no_memory(serve):
    server = serve(*WEBSOCKETS)
    client = RawClient(server.address, headers=OFFER)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(60)) + packer.flush(zlib.Z_SYNC_FLUSH)
    before = server.rss()
    client.send(bomb[:-4], 0xC1)
    assert client.read_close()[0] == 1009
    assert server.rss() < before + (16 << 20)


def test_a_browser_and_compression(serve, browser):
    server = serve(*WEBSOCKETS, *HTTP)
    browser.get(f"http://{server.address}/martlet.js")
    for transport in ("websocket", "poll", "sse"):
        assert browser.execute_async_script("""
            const [transport, done] = arguments;
            import("/martlet.js").then(() => {
                window.got = [];
                window.martlet = new Martlet({ token: "jack", transports: [transport], share: false });
                martlet.on("state", state => { if (state === "open") done(true); });
                martlet.subscribe("alerts", data => got.push(data));
            });""", transport)
        eventually(lambda: push(server, TEXT) == 1, "it is there")
        eventually(lambda: browser.execute_script("return got.at(-1)") == TEXT, "it came")
        browser.execute_script("martlet.close()")
        eventually(lambda: server.metric("martlet_sessions") == 0, "it has gone")
    extensions = browser.execute_async_script("""
        const done = arguments[0], socket = new WebSocket(`ws://${location.host}/ws`);
        socket.onopen = () => { done(socket.extensions); socket.close(); };""")
    assert "permessage-deflate" in extensions


@pytest.mark.parametrize("accept, is_compressed", [
    ("gzip", True), ("gzip, deflate, br", True), ("deflate, GZIP;q=0.5", True), ("identity", False), ("br", False), ("gzip;q=0", False),
    ("deflate, gzip;q=0.000", False), ("", False), (None, False)])
def test_polls_are_compressed_for_whoever_reads_it(serve, accept, is_compressed):
    server = serve(*HTTP)
    headers = [] if accept is None else [f"Accept-Encoding: {accept}"]

    def poll(**values):
        """The answer, and what is in it."""
        answer = HTTPConnection(server).ask(f"/poll?{query(**values)}", headers=headers).answer()
        return answer, json.loads(gzip.decompress(answer.body) if answer["Content-Encoding"] == "gzip" else answer.body)

    _, content = poll()
    for _ in range(3):
        push(server, TEXT)
    answer, content = poll(after=content["id"])
    assert [item["data"] for item in content["publications"]] == [TEXT] * 3
    assert answer["Content-Encoding"] == ("gzip" if is_compressed else None), answer
    assert (len(answer.body) < len(TEXT) / 10) == is_compressed


def test_curl_and_compressed_polls(serve):
    server = serve(*HTTP)
    after = json.loads(curl("--compressed", f"http://{server.address}/poll?{query()}"))["id"]
    push(server, "x" * 10_000)
    heard = curl("--compressed", "-i", f"http://{server.address}/poll?{query(after=after)}")
    assert "content-encoding: gzip" in heard.lower() and "x" * 10_000 in heard
    # A poll without an answer has nothing to compress.
    after = json.loads(heard.split("\r\n\r\n", 1)[1])["id"]
    answer = HTTPConnection(server).ask(f"/poll?{query(after=after, wait=0)}", headers=["Accept-Encoding: gzip"]).answer()
    assert (answer.status, answer["Content-Encoding"]) == (204, None)
    stream = HTTPConnection(server).ask(f"/sse?{query()}", headers=["Accept-Encoding: gzip"])
    assert not any(name.lower() == "content-encoding" for name, _ in stream.read_head()[1]), "a stream is sent as it comes"


def test_settings_of_compression(tmp_path):
    for option in (WEBSOCKETS[0], HTTP[0]):
        assert run("serve", "--listen", "127.0.0.1:0", option, "nonsense").returncode == 64
    file = tmp_path / "martlet.yaml"
    file.write_text("compression:\n  webSocket: true\n  http: true\n")
    assert run("check-config", str(file)).returncode == 0
