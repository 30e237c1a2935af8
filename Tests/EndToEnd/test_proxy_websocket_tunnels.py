"""Bytes and ends of a tunnel through the proxy, bare sockets on both sides."""
import select
import socket
import struct
import threading

import pytest

from support.proxy import metric, run_proxy, to
from support.raw_client import SWITCHING, RawClient
from support.sockets import read_all
from support.waiting import PATIENCE, eventually


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
        server.sendall(SWITCHING + then)
        assert one.read_head().startswith(b"HTTP/1.1 101 ")
        return one, server


def test_bytes_glued_to_the_upgrade_arrive(start, tmp_path):
    pair = Pair(start, tmp_path)
    greeting = b"\x81\x05hello"
    one, server = pair.open(then=greeting)
    assert one.read_frame() == (0x81, b"hello")
    server.close()


@pytest.mark.parametrize("mode", ["tunnel", "aware"])
def test_half_close_in_both_directions(start, tmp_path, mode):
    pair = Pair(start, tmp_path, webSocket={"messageSize": "1MiB"} if mode == "aware" else {})
    for closer in ("client", "server"):
        one, server = pair.open()
        ends = {"client": one.socket, "server": server}
        other = ends["server" if closer == "client" else "client"]
        ends[closer].shutdown(socket.SHUT_WR)
        assert other.recv(1) == b""
        frame = b"\x81\x02ok" if closer == "client" else RawClient.frame(0x81, b"ok")
        other.sendall(frame)
        other.shutdown(socket.SHUT_WR)
        assert read_all(ends[closer]) == frame
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


@pytest.mark.timing
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
