"""A WebSocket client on a bare socket, and what a server answers its handshake."""
import json
import re
import socket

from support.waiting import PATIENCE

# The answer to the key of every RawClient.
SWITCHING = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


class RawClient:
    """A WebSocket client on a bare socket, so that a test sees every byte."""

    def __init__(self, address, path="/ws", headers="", handshake=True, source=None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE, (source, 0) if source else None)
        self.received = b""
        if handshake:
            self.send_handshake(path, headers)
            head = self.read_head()
            assert head.startswith(b"HTTP/1.1 101 "), head

    def send_handshake(self, path="/ws", headers="", then=b""):
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {self.socket.getpeername()[0]}:{self.socket.getpeername()[1]}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n").encode() + then)

    def _fill(self):
        part = self.socket.recv(65536)
        if not part:
            raise EOFError(self.received)
        self.received += part

    def read_head(self):
        while b"\r\n\r\n" not in self.received:
            self._fill()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def read_response(self):
        """Head and body of an HTTP response with a Content-Length."""
        head = self.read_head()
        length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
        while len(self.received) < length:
            self._fill()
        body, self.received = self.received[:length], self.received[length:]
        return head, body

    def read_frame(self):
        """First byte and payload of an unmasked frame."""
        while len(self.received) < 2:
            self._fill()
        length, start = self.received[1] & 0x7F, 2
        if length == 126:
            start = 4
        elif length == 127:
            start = 10
        while len(self.received) < start:
            self._fill()
        if start > 2:
            length = int.from_bytes(self.received[2:start], "big")
        while len(self.received) < start + length:
            self._fill()
        first, payload = self.received[0], self.received[start:start + length]
        self.received = self.received[start + length:]
        return first, payload

    def read_close(self):
        """Code and reason of the close frame, whatever comes before it."""
        while True:
            first, payload = self.read_frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    @staticmethod
    def frame(first, payload):
        mask = b"\x01\x02\x03\x04"
        if len(payload) < 126:
            head = bytes([first, 0x80 | len(payload)])
        elif len(payload) < 65536:
            head = bytes([first, 0x80 | 126]) + len(payload).to_bytes(2, "big")
        else:
            head = bytes([first, 0x80 | 127]) + len(payload).to_bytes(8, "big")
        return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))

    def send(self, text, first=0x81):
        self.socket.sendall(self.frame(first, text if isinstance(text, bytes) else text.encode()))

    def register(self, token, event):
        self.send(json.dumps({"token": token, "event": event}))

    def close(self):
        self.socket.close()
