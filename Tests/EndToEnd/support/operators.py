"""The listener for operators of a running service, asked as if it were a server of its own."""
import re
import socket

from support.server import Server
from support.waiting import eventually


def listens(server):
    """Whether anybody listens at its address."""
    try:
        socket.create_connection(("127.0.0.1", server.port), 1).close()
        return True
    except OSError:
        return False


class Operators:
    """What a service listens on besides its address for everybody; the service says where that is."""

    address, post, push, push_until, metric = Server.address, Server.post, Server.push, Server.push_until, Server.metric

    def __init__(self, server):
        def places():
            return re.findall(r"http://[^/]+:(\d+)/metrics", "".join(server.output))
        eventually(places, lambda: f"it says where its metrics are: {server.output}")
        self.port = int(places()[0])
