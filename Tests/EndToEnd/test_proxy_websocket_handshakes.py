"""Handshakes that the proxy checks: origins, subprotocols, tokens; and refusals that it passes on."""
import socket
import threading

import jwt
import pytest
import websockets.exceptions
import websockets.sync.server

from support.proxy import run_proxy, to
from support.raw_client import RawClient
from support.sockets import read_all
from support.tunnel import client
from support.waiting import eventually


def test_origin_and_subprotocols(start, tmp_path):
    seen = []

    def handler(connection):
        seen.append(connection.request.headers.get("Sec-WebSocket-Protocol"))
        connection.send(str(connection.subprotocol))

    with websockets.sync.server.serve(handler, "127.0.0.1", 0, subprotocols=["chat", "other"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = run_proxy(start, tmp_path, to(
            f"127.0.0.1:{server.socket.getsockname()[1]}",
            webSocket={"origin": ["https://example.com"], "subprotocols": ["chat"]}))
        with client(proxy, origin="https://example.com", subprotocols=["other", "chat"]) as one:
            assert one.recv() == "chat" and one.subprotocol == "chat"
        assert seen == ["chat"]
        for options, status in (({"origin": "https://evil.example"}, 403), ({"subprotocols": ["other"]}, 400)):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                client(proxy, **options)
            assert refused.value.response.status_code == status
        server.shutdown()


def test_tokens(start, tmp_path):
    seen = []

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
        good = jwt.encode({"sub": "jack"}, secret, "HS256")
        with client(proxy, "/ws?a=1&token=" + good):
            pass
        with client(proxy, additional_headers={"Authorization": "Bearer " + good, "X-User": "forged"}):
            pass
        with client(proxy, subprotocols=["chat", "bearer." + good]) as one:
            assert one.subprotocol == "chat"
        eventually(lambda: len(seen) == 3, "the server saw all three")
        assert seen == [("/ws?a=1", "jack", None), ("/ws", "jack", None), ("/ws", "jack", "chat")]
        wrong, expired = jwt.encode({"sub": "jack"}, "x" * 32, "HS256"), jwt.encode({"sub": "jack", "exp": 1}, secret, "HS256")
        for bad in ("", "nonsense", wrong, expired):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                client(proxy, "/ws?token=" + bad)
            assert refused.value.response.status_code == 401
        assert len(seen) == 3
        eventually(lambda: log.read_text().count("\n") >= 7, "the access log is written")
        assert good not in log.read_text() and good not in "".join(proxy.log)
        assert '"user":"jack"' in log.read_text()
        server.shutdown()


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


@pytest.mark.timing
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
    answer = read_all(one.socket)
    assert answer.startswith(b"HTTP/1.1 403 ") and answer.endswith(b"\r\n\r\nno")
