"""Connections that take places and memory, and give nothing."""
import select
import socket
import time

from support.attacks.target import status

PIPELINED = 65_536  # bytes of requests


class Unread:
    """A connection that asks for much and reads nothing."""

    def __init__(self, target, request):
        host, port = target.address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind((target.source, 0))
        self.socket.connect((host, int(port)))
        self.socket.setblocking(False)
        self.count = max(1, PIPELINED // len(request))
        try:
            self.socket.send(request * self.count)
        except OSError:
            pass

    def has_ended(self):
        """Whether the other end has given up; it shows although nothing is read, since bytes were left over."""
        poll = select.poll()
        poll.register(self.socket, 0)  # errors and the end are always told
        return bool(poll.poll(0))

    def close(self):
        self.socket.close()


def unread_answers(target, counts, most=60):
    """Connections that pipeline 64 KiB of requests and read no answer; when one is ended, another comes."""
    held = []
    while True:
        for one in [one for one in held if one.has_ended()]:
            held.remove(one)
            one.close()
            counts["ended"] += 1
        if len(held) < most:
            held.append(Unread(target, target.get("/metrics")))
            counts["connections"] += 1
        time.sleep(0.01)


class Idle:
    """A connection that asked for something small once, and stays."""

    def __init__(self, target):
        self.connection = target.connect()
        self.connection.socket.sendall(target.get("/healthz"))
        self.status = status(self.connection.read_head())
        self.connection.socket.setblocking(False)

    def has_ended(self):
        """Whether the other end has closed it. What was sent before that is read."""
        try:
            while self.connection.socket.recv(4096):
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True


def idle(target, counts, most=1200):
    """Kept connections that do nothing; when one is ended, another comes."""
    held = []
    while True:
        for one in [one for one in held if one.has_ended()]:
            held.remove(one)
            one.connection.close()
            counts["ended"] += 1
        for _ in range(min(10, most - len(held))):
            try:
                held.append(Idle(target))
                counts[held[-1].status] += 1
            except (OSError, EOFError):
                counts["refused"] += 1
        time.sleep(0.02)


def refused(target, counts):
    """A client whose handshake is refused. It comes back after 50 ms, and only then lets the old connection go."""
    last = None
    while True:
        try:
            client = target.connect()
            client.send_handshake(headers="Origin: http://elsewhere.example\r\n")
            counts[status(client.read_head())] += 1
        except (OSError, EOFError):
            counts["no answer"] += 1
        if last:
            last.close()
        last = client
        time.sleep(0.05)
