"""Server-sent events on a bare socket, and pushes to whoever hears them."""
import socket
import urllib.parse

from support.waiting import PATIENCE


def push(server, number, user="jack", event="alerts"):
    """How many clients a message is sent to, which is a number or a text."""
    return server.push(user, event, str(number))


def query(**values):
    """The query of a stream or a poll."""
    return urllib.parse.urlencode({"token": "jack", "event": "alerts", **values}, doseq=True)


class Stream:
    """Server-sent events on a bare socket; each event is a dictionary of its fields."""

    def __init__(self, server, last_id=None, headers="", **values):
        host, port = server.address.split(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(
            f"GET /sse?{query(**values)} HTTP/1.1\r\nHost: {server.address}\r\n{last}{headers}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))

    def next(self):
        fields = {}
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            if line == b"\n":
                if fields.keys() - {"retry"}:
                    return fields
                fields = {}
            elif not line.startswith(b":"):
                name, value = line.decode().rstrip("\n").split(": ", 1)
                fields[name] = fields[name] + "\n" + value if name in fields else value
