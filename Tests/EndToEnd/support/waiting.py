"""Waiting until something holds, with a limit to the patience."""
import pathlib
import socket
import time

PATIENCE = 20  # seconds until something that must happen counts as not happening


def eventually(condition, what, patience=PATIENCE):
    """Waits until a condition holds; what is missing otherwise is said by a text or by a function."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"did not happen: {what() if callable(what) else what}"
        time.sleep(0.01)


def wait_until_idle(server, patience=PATIENCE):
    """Until a server has nothing left to do: it computes next to nothing for a while."""
    end, last = time.monotonic() + patience, server.cpu()
    while True:
        time.sleep(0.2)
        now = server.cpu()
        if now - last < 0.002:
            return
        assert time.monotonic() < end, "the server goes on computing"
        last = now


def wait_until_read(connection):
    """Until the other end, on this machine, has read all that was sent."""
    def name(address):
        host, port = address
        return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
    ends = name(connection.getpeername()), name(connection.getsockname())

    def is_read():
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
            fields = line.split()
            if (fields[1], fields[2]) == ends:
                return int(fields[4].split(":")[1], 16) == 0
        return True

    eventually(is_read, "everything has been read")
