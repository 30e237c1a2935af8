"""`martlet proxy` and WebSockets: the chain of the tutorials, tunnels to the end, limits, tokens, drains."""
import base64
import hashlib
import hmac
import json
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
import websockets.sync.client
from conftest import MARTLET, PATIENCE, ROOT, RawClient, eventually
from proxying import Nginx, admin, descriptors, free_port, metric, run_proxy, to

SECOND = 1.0


def echo(start, *arguments):
    return start("echo", "--listen", "127.0.0.1:0", "--log-level", "warning", *arguments)


def client(proxy, path="/ws", **options):
    options = {"compression": None, "open_timeout": PATIENCE, **options}
    return websockets.sync.client.connect(f"ws://127.0.0.1:{proxy.port}{path}", **options)


class Pair:
    """A client's socket through the proxy and the server's end of it, both bare."""

    def __init__(self, start, tmp_path, **route):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{self.listener.getsockname()[1]}", **route))

    def open(self, then=b""):
        """`then` comes right behind the 101."""
        one = RawClient(self.proxy.address, handshake=False)
        one.send_handshake()
        server, _ = self.listener.accept()
        server.settimeout(PATIENCE)
        head = b""
        while b"\r\n\r\n" not in head:
            head += server.recv(65536)
        server.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" + then)
        assert one.read_head().startswith(b"HTTP/1.1 101 ")
        return one, server


def until_end(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


# The chain of the tutorials


def test_the_chain(start, tmp_path, browser):
    """An echo server with a heartbeat, the proxy in front, and through it a browser and `martlet connect`."""
    server = echo(start, "--path", "/wshandler", "--heartbeat", "300ms")
    proxy = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://{server.address}")
    done = subprocess.run([MARTLET, "connect", f"ws://{proxy.address}/wshandler", "--one-message"], input="hello\n",
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and ("hello" in done.stdout or "heart beat" in done.stdout), done.stdout + done.stderr
    browser.get(f"http://{proxy.address}/")  # the echo server's own page
    messages = browser.execute_async_script("""
        const done = arguments[0], got = [];
        const socket = new WebSocket(`ws://${location.host}/wshandler`);
        socket.onopen = () => socket.send("from the browser");
        socket.onmessage = event => {
            got.push(event.data);
            if (got.includes("from the browser") && got.filter(text => text === "heart beat").length >= 2) done(got);
        };
        socket.onerror = () => done("error");""")
    assert "from the browser" in messages and messages.count("heart beat") >= 2


# Bytes and ends


def test_bytes_glued_to_the_upgrade_arrive(start, tmp_path):
    pair = Pair(start, tmp_path)
    greeting = b"\x81\x05hello"
    one, server = pair.open(then=greeting)
    assert one.read_frame() == (0x81, b"hello")
    server.close()


@pytest.mark.parametrize("mode", ["tunnel", "aware"])
def test_half_close_in_both_directions(start, tmp_path, mode):
    pair = Pair(start, tmp_path, webSocket={"maximumMessageSize": "1MiB"} if mode == "aware" else {})
    for closer in ("client", "server"):
        one, server = pair.open()
        ends = {"client": one.socket, "server": server}
        other = ends["server" if closer == "client" else "client"]
        ends[closer].shutdown(socket.SHUT_WR)
        assert other.recv(1) == b""
        frame = b"\x81\x02ok" if closer == "client" else RawClient.frame(0x81, b"ok")
        other.sendall(frame)
        other.shutdown(socket.SHUT_WR)
        assert until_end(ends[closer]) == frame
    eventually(lambda: metric(pair.proxy, "proxy_websockets") == 0, "the tunnels have ended")


def test_a_reset_is_passed_on(start, tmp_path):
    pair = Pair(start, tmp_path)
    for resetter in ("client", "server"):
        one, server = pair.open()
        ends = {"client": one.socket, "server": server}
        ends[resetter].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends[resetter].close()
        with pytest.raises(ConnectionResetError):
            ends["server" if resetter == "client" else "client"].recv(1)


@pytest.mark.parametrize("direction", ["to the client", "to the server"])
def test_a_receiver_that_does_not_read_holds_the_sender_back(start, tmp_path, direction):
    pair = Pair(start, tmp_path)
    one, server = pair.open()
    sender, receiver = (server, one.socket) if direction == "to the client" else (one.socket, server)
    header = b"\x82\x7f" if sender is server else b"\x82\xff"
    length = 256 << 20
    sender.sendall(header + length.to_bytes(8, "big") + (b"" if sender is server else b"\0\0\0\0"))
    before, sent = pair.proxy.rss(), 0
    sender.setblocking(False)
    piece, writable = bytes(1 << 16), select.poll()
    writable.register(sender, select.POLLOUT)
    while sent < length and writable.poll(300):  # held back when there is no room for so many milliseconds
        try:
            sent += sender.send(piece[:length - sent])
        except BlockingIOError:
            pass
    assert sent < 64 << 20 and pair.proxy.rss() - before < 4 << 20
    # And all of it arrives once it is read.
    sender.setblocking(True)
    got = 0
    rest = threading.Thread(target=lambda: (sender.sendall(bytes(length - sent)), sender.shutdown(socket.SHUT_WR)))
    rest.start()
    while part := receiver.recv(1 << 20):
        got += len(part)
    rest.join()
    assert got == length + (10 if sender is server else 14)


def test_foreign_clients_and_servers(start, tmp_path):
    """gorilla and Python's websockets on either side, with compression end to end."""
    gorilla = subprocess.Popen([str(ROOT / ".cache/gorilla-echo"), "serve", "-", "-", "compress"], stdout=subprocess.PIPE, text=True)
    try:
        address = gorilla.stdout.readline().strip()
        proxy = run_proxy(start, tmp_path, to(address))
        for compression in (None, "deflate"):
            with client(proxy, compression=compression, max_size=None) as socket:
                for message in ("", "x", "ä" * 1000, b"\0" * 100_000, "y" * (4 << 20)):
                    socket.send(message)
                    assert socket.recv() == message
                assert (socket.protocol.extensions != []) == (compression is not None)
        done = subprocess.run([str(ROOT / ".cache/gorilla-echo"), "dial", f"ws://127.0.0.1:{proxy.port}/", "-", "compress"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    finally:
        gorilla.kill()
        gorilla.wait()


@pytest.mark.parametrize("mode", ["tunnel", "aware", "compressed"])
def test_tls_on_both_sides(start, tmp_path, certificates, mode):
    server = echo(start, "--tls-cert", certificates["cert"], "--tls-key", certificates["key"])
    policy = {"tunnel": {}, "aware": {"maximumMessageSize": "8MiB"}, "compressed": {"compression": True, "maximumMessageSize": "8MiB"}}[mode]
    proxy = run_proxy(start, tmp_path, {
        "listeners": [{"address": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}],
        "routes": [{"to": "app", "webSocket": policy}],
        "upstreams": {"app": {"endpoints": [f"https://localhost:{server.port}"], "tls": {"authorities": certificates["ca"]}}}})
    import ssl
    context = ssl.create_default_context(cafile=certificates["ca"])
    with websockets.sync.client.connect(f"wss://localhost:{proxy.port}/ws", ssl=context, max_size=None) as one:
        for message in ("hello", b"\1" * 1_000_000, "y" * 500_000):
            one.send(message)
            assert one.recv() == message
        assert (one.protocol.extensions != []) == (mode == "compressed")
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1000") == 1, "the close is counted")
    assert metric(proxy, "proxy_connections") == 0


def test_nginx_in_front_as_tls_terminator(start, tmp_path, certificates):
    proxy = run_proxy(start, tmp_path, to(echo(start)))
    nginx = Nginx(tmp_path / "nginx", f"""ssl;
        ssl_certificate {certificates["cert"]}; ssl_certificate_key {certificates["key"]};
        location / {{
            proxy_pass http://127.0.0.1:{proxy.port}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;
        }}""", free_port())
    import ssl
    context = ssl.create_default_context(cafile=certificates["ca"])
    with websockets.sync.client.connect(f"wss://localhost:{nginx.address.split(':')[1]}/ws", ssl=context) as one:
        one.send("through both")
        assert one.recv() == "through both"
    nginx.stop()


# An upstream dies


def test_killing_an_upstream_under_a_thousand_tunnels(start, tmp_path):
    doomed, other = echo(start), echo(start)
    # A fresh connection goes to the server that is left, whatever the balance says.
    proxy = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": {
        "endpoints": [f"http://{doomed.address}", {"url": f"http://{other.address}"}], "balance": "roundRobin"}}})
    RawClient(proxy.address).close()
    RawClient(proxy.address).close()
    eventually(lambda: metric(proxy, "proxy_websockets") == 0, "the first tunnels have ended")
    before = descriptors(proxy.process)
    clients = [RawClient(proxy.address) for _ in range(2000)]
    dead = metric(proxy, "proxy_endpoint_active", endpoint=f"http://{doomed.address}")
    assert dead == 1000
    began = time.monotonic()
    doomed.process.kill()
    closed, open_ones = 0, []
    poller = select.epoll()
    by_number = {one.socket.fileno(): one for one in clients}
    for number in by_number:
        poller.register(number, select.EPOLLIN | select.EPOLLRDHUP)
    seen = set()
    while len(seen) < 1000 and time.monotonic() - began < PATIENCE:
        seen |= {number for number, _ in poller.poll(0.1)}
    duration = time.monotonic() - began
    assert len(seen) == 1000 and duration < SECOND, (len(seen), duration)
    print(f"1,000 clients saw the end within {duration:.3f} s")
    survivors = [one for number, one in by_number.items() if number not in seen]
    survivors[0].send("still here")
    assert survivors[0].read_frame() == (0x81, b"still here")
    for _ in range(10):
        fresh = RawClient(proxy.address)
        fresh.send("elsewhere")
        assert fresh.read_frame() == (0x81, b"elsewhere")
        fresh.close()
    for one in clients:
        one.close()
    eventually(lambda: descriptors(proxy.process) <= before, "no descriptor is left")
    assert metric(proxy, "proxy_connections") == 0 and metric(proxy, "proxy_endpoint_active") == 0


# What a tunnel does not do by itself


def test_origin_and_subprotocols(start, tmp_path):
    seen = []
    import websockets.sync.server

    def handler(connection):
        seen.append(connection.request.headers.get("Sec-WebSocket-Protocol"))
        connection.send(str(connection.subprotocol))

    with websockets.sync.server.serve(handler, "127.0.0.1", 0, subprotocols=["chat", "other"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = run_proxy(start, tmp_path, to(
            f"127.0.0.1:{server.socket.getsockname()[1]}",
            webSocket={"origins": ["https://example.com"], "subprotocols": ["chat"]}))
        with client(proxy, origin="https://example.com", subprotocols=["other", "chat"]) as one:
            assert one.recv() == "chat" and one.subprotocol == "chat"
        assert seen == ["chat"]
        for options, status in (({"origin": "https://evil.example"}, 403), ({"subprotocols": ["other"]}, 400)):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                client(proxy, **options)
            assert refused.value.response.status_code == status
        server.shutdown()


@pytest.mark.parametrize("compression", [False, True], ids=["tunnel", "compressed"])
def test_limits_on_messages(start, tmp_path, compression):
    proxy = run_proxy(start, tmp_path, to(
        echo(start), webSocket={"maximumMessageSize": 1000, "messageRate": 5, "messageBurst": 3, "compression": compression}))
    with client(proxy) as one:
        one.send("x" * 1000)
        assert one.recv() == "x" * 1000
        one.send(["y" * 600, "y" * 600])
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            one.recv()
        assert closed.value.rcvd.code == 1009
    with client(proxy) as one:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            for number in range(100):
                one.send(str(number))
            while True:
                one.recv()
        assert closed.value.rcvd.code == 1008
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1009") == 1, "1009 is counted")
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1008") == 1, "1008 is counted")


def test_a_message_in_parts_beyond_the_rate(start, tmp_path):
    """The first part is refused; the others come all the same."""
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"messageRate": 1, "messageBurst": 1, "compression": True}))
    one = RawClient(proxy.address)
    frames = [RawClient.frame(0x81, b"one"), RawClient.frame(0x01, b"two")] + [RawClient.frame(0x00, b"...")] * 50
    one.socket.sendall(b"".join(frames) + RawClient.frame(0x80, b"!"))
    first, payload = one.read_frame()
    if first == 0x81:
        first, payload = one.read_frame()
    assert first == 0x88 and payload[:2] == (1008).to_bytes(2, "big")
    with client(proxy) as alive:
        alive.send("alive")
        assert alive.recv() == "alive"


def test_the_long_answer_to_a_refused_handshake_is_not_kept(start, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    length = 256 << 20

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
        for _ in range(length >> 20):
            connection.sendall(bytes(1 << 20))

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    before = proxy.rss()
    one = RawClient(proxy.address, handshake=False)
    one.send_handshake()
    head, got = b"", 0
    while got < length:
        part = one.socket.recv(1 << 20)
        if b"\r\n\r\n" not in head:
            head += part
            if b"\r\n\r\n" in head:
                got = len(head.split(b"\r\n\r\n", 1)[1])
        else:
            got += len(part)
    assert head.startswith(b"HTTP/1.1 200 ") and proxy.rss() - before < 16 << 20


def test_a_refusal_that_stalls_is_cut_off_and_not_answered_twice(start, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def serve():
        connection, _ = listener.accept()
        held.append(connection)
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno")

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}", responseTimeout="500ms"))
    one = RawClient(proxy.address, handshake=False)
    one.send_handshake()
    answer = until_end(one.socket)
    assert answer.startswith(b"HTTP/1.1 403 ") and answer.endswith(b"\r\n\r\nno")


def test_dead_clients_are_found(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"pingInterval": "1s", "pingTimeout": "1s"}))
    silent = RawClient(proxy.address)
    assert silent.read_frame()[0] == 0x89
    with client(proxy) as alive:
        with pytest.raises((ConnectionResetError, EOFError)):
            silent.read_frame()
        alive.send("alive")
        assert alive.recv() == "alive"
    eventually(lambda: metric(proxy, "proxy_websocket_ends_total", reason="the client did not answer a ping in time") == 1, "it is counted")


def test_idle_tunnels_are_closed(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"idleTimeout": "1s"}))
    one = RawClient(proxy.address)
    first, payload = one.read_frame()
    assert first == 0x88 and payload[:2] == (1001).to_bytes(2, "big")


def token(secret, **claims):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    body = encode(b'{"alg":"HS256"}') + b"." + encode(json.dumps(claims).encode())
    return (body + b"." + encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())).decode()


def test_tokens(start, tmp_path):
    seen = []
    import websockets.sync.server

    def handler(connection):
        seen.append((connection.request.path, connection.request.headers.get("X-User"), connection.request.headers.get("Sec-WebSocket-Protocol")))

    secret = "s" * 32
    (tmp_path / "secret").write_text(secret + "\n")
    with websockets.sync.server.serve(
            handler, "127.0.0.1", 0, select_subprotocol=lambda _, offered: "chat" if "chat" in offered else None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        log = tmp_path / "access.log"
        proxy = run_proxy(start, tmp_path, {**to(
            f"127.0.0.1:{server.socket.getsockname()[1]}", webSocket={"jwt": {"secretFile": str(tmp_path / "secret")}}),
            "accessLog": {"file": str(log)}})
        good = token(secret, sub="jack")
        with client(proxy, "/ws?a=1&token=" + good):
            pass
        with client(proxy, additional_headers={"Authorization": "Bearer " + good, "X-User": "forged"}):
            pass
        with client(proxy, subprotocols=["chat", "bearer." + good]) as one:
            assert one.subprotocol == "chat"
        eventually(lambda: len(seen) == 3, "the server saw all three")
        assert seen == [("/ws?a=1", "jack", None), ("/ws", "jack", None), ("/ws", "jack", "chat")]
        for bad in ("", "nonsense", token("x" * 32, sub="jack"), token(secret, sub="jack", exp=1)):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                client(proxy, "/ws?token=" + bad)
            assert refused.value.response.status_code == 401
        assert len(seen) == 3
        eventually(lambda: log.read_text().count("\n") >= 7, "the access log is written")
        assert good not in log.read_text() and good not in "".join(proxy.log)
        assert '"user":"jack"' in log.read_text()
        server.shutdown()


def test_compression_towards_the_client_only(start, tmp_path):
    server = echo(start, "--max-message-size", str(4 << 20))
    proxy = run_proxy(start, tmp_path, to(server, webSocket={"compression": True, "maximumMessageSize": "4MiB"}))
    with client(proxy, compression="deflate", max_size=None) as one:
        assert one.protocol.extensions != []
        for message in ("x" * 100_000, b"\0" * (2 << 20), "", "short"):
            one.send(message)
            assert one.recv() == message
        one.close(4000, "bye")
    with client(proxy) as one:
        one.send("without")
        assert one.recv() == "without"
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="4000") == 1, "the close code is counted")
    assert metric(proxy, "proxy_websocket_messages_total", **{"from": "client"}) == 5


# Operations


def test_messages_and_closes_are_logged_and_counted(start, tmp_path):
    log = tmp_path / "access.log"
    proxy = run_proxy(start, tmp_path, {**to(echo(start)), "accessLog": {"file": str(log)}})
    with client(proxy) as one:
        for _ in range(3):
            one.send("hello")
            one.recv()
        one.close(4001)
    eventually(lambda: log.exists() and log.read_text().endswith("\n"), "the tunnel is logged")
    entry = json.loads(log.read_text())
    assert entry["status"] == 101 and entry["messagesReceived"] == entry["messagesSent"] == 3
    assert entry["closeCode"] == 4001 and entry["bytesReceived"] == 3 * 11 + 8 and entry["route"] == "/"
    log.rename(tmp_path / "rotated.log")
    proxy.process.send_signal(signal.SIGHUP)
    eventually(log.exists, "the log is opened anew")


@pytest.mark.parametrize("compression", [False, True], ids=["tunnel", "compressed"])
def test_a_drain_closes_with_1001_over_its_time(start, tmp_path, compression):
    proxy = run_proxy(start, tmp_path, {
        **to(echo(start), webSocket={"compression": compression}), "drainTimeout": "2s"})
    clients = [RawClient(proxy.address) for _ in range(200)]
    proxy.process.send_signal(signal.SIGTERM)
    began, times = time.monotonic(), []
    poller = select.poll()
    waiting = {one.socket.fileno(): one for one in clients}
    for number in waiting:
        poller.register(number, select.POLLIN)
    while waiting:
        for number, _ in poller.poll(PATIENCE * 1000):
            one = waiting.pop(number)
            poller.unregister(number)
            first, payload = one.read_frame()
            assert first == 0x88 and payload[:2] == (1001).to_bytes(2, "big")
            times.append(time.monotonic() - began)
            one.send(payload[:2], first=0x88)
            assert until_end(one.socket) == b""
    assert proxy.process.wait(PATIENCE) == 0
    # Spread: no tenth of the time closes more than a third of them.
    counts = [0] * 40
    for moment in times:
        counts[min(int(moment / 0.2), 39)] += 1
    assert max(counts) < 70, counts


def test_a_reload_cuts_no_tunnel(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start)))
    with client(proxy) as one:
        configuration = json.loads(proxy.file.read_text())
        configuration["routes"] = [{"to": f"http://{echo(start).address}", "path": "/ws"}]
        proxy.file.write_text(json.dumps(configuration))
        proxy.process.send_signal(signal.SIGHUP)
        eventually(lambda: any("took a new" in line for line in proxy.log), "the reload")
        one.send("still here")
        assert one.recv() == "still here"
