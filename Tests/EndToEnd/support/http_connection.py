"""An HTTP/1 connection of which a test sees every byte: interim answers, what ends it, over TCP, TLS or a unix socket."""
import socket
import ssl
import time

from support.waiting import PATIENCE


def insecure():
    """TLS without a look at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Answer:
    """An answer, with the interim ones before it."""

    def __init__(self, interim, line, fields, body):
        self.interim, self.version, self.status = interim, line.split(" ")[0], int(line.split(" ")[1])
        self.fields, self.body = fields, body

    def __getitem__(self, name):
        """The values of a header, joined; None without it."""
        values = [value for field, value in self.fields if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"{self.interim} {self.version} {self.status} {self.fields} {self.body[:200]!r}"


class HTTPConnection:
    """A connection to a server, which need not live on."""

    def __init__(self, server, is_tls=False, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(str(path))
        else:
            self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.host = "localhost" if path else server.address
        if is_tls:
            self.socket = insecure().wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, path, method="GET", body=None, version="1.1", headers=(), host=True):
        """Sends a request; a body is sent with its length."""
        fields = [*((f"Host: {self.host}",) if host else ()), *headers]
        if body is not None:
            fields.append(f"Content-Length: {len(body)}")
        self.send("".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/{version}", *fields, "")).encode() + (body or b""))
        return self

    def read_head(self):
        """The status line and the fields."""
        head = []
        while (line := self.file.readline()) != b"\r\n":
            if not line:
                raise EOFError(head)
            head.append(line.decode("latin-1").rstrip("\r\n"))
        return head[0], [tuple(part.strip() for part in line.split(":", 1)) for line in head[1:]]

    def answer(self, method="GET"):
        """The next answer, to its end, which may be that of the connection."""
        interim = []
        while True:
            line, fields = self.read_head()
            if line.split(" ")[1][0] != "1" or line.split(" ")[1] == "101":
                break
            interim.append(int(line.split(" ")[1]))
        answer = Answer(interim, line, fields, b"")
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        if answer["Transfer-Encoding"]:
            while size := int(self.file.readline().split(b";")[0], 16):
                answer.body += self.file.read(size)
                self.file.readline()
            self.file.readline()
        elif answer["Content-Length"]:
            answer.body = self.file.read(int(answer["Content-Length"]))
        else:
            answer.body = self.file.read()
        return answer

    def has_ended(self, deadline=None):
        """Whether the server ends the connection, and says nothing before; it has until then, or for as long as we are patient."""
        self.socket.settimeout(PATIENCE if deadline is None else max(0.01, deadline - time.monotonic()))
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True
        except (TimeoutError, ssl.SSLError):
            return False

    def lives(self):
        """Whether the server answers another request."""
        self.socket.settimeout(PATIENCE)
        try:
            return self.ask("/nowhere").answer().status == 404
        except (EOFError, OSError):
            return False

    def close(self):
        self.socket.close()
