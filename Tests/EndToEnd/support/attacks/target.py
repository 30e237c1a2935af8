"""Where an attack goes, and from where."""
import dataclasses

from support.raw_client import RawClient


@dataclasses.dataclass(frozen=True)
class Target:
    """A service, as one who attacks it knows it."""
    address: str
    key: str = ""  # the API key, for what a careless back end does
    source: str = "127.0.0.1"

    def connect(self, **options):
        """A bare connection, without a handshake unless it is asked for."""
        options.setdefault("handshake", False)
        return RawClient(self.address, source=self.source, **options)

    def post(self, path, body, headers=""):
        """The bytes of a POST with the API key."""
        shown = f"X-API-Key: {self.key}\r\n" if self.key else ""
        return (f"POST {path} HTTP/1.1\r\nHost: {self.address}\r\nContent-Length: {len(body)}\r\n{shown}{headers}\r\n").encode() + body

    def get(self, path, headers=""):
        """The bytes of a GET."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.address}\r\n{headers}\r\n".encode()


def status(head):
    """The status of an answer, as text."""
    return head.split()[1].decode()
