"""Messages that never end, over WebSockets that stay alive."""
import time
import zlib

PING = 0x89
TEXT, COMPRESSED_TEXT = 0x01, 0x41  # the first frame of several
MEGABYTE = 1_000_000


def compressed(size):
    """So many zero bytes, as one compressed part of a message."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH)


def begin(target, first, payload, headers=""):
    """A WebSocket on which a message has begun."""
    client = target.connect(handshake=True, headers=headers)
    client.socket.sendall(client.frame(first, payload))
    client.socket.setblocking(False)
    return client


def begin_compressed(target, size=MEGABYTE):
    return begin(target, COMPRESSED_TEXT, compressed(size), "Sec-WebSocket-Extensions: permessage-deflate\r\n")


def begin_register(target, size=60_000):
    return begin(target, TEXT, b" " * size)


def has_ended(client):
    """Whether the server ended a WebSocket. A ping shows that this end lives."""
    try:
        client.socket.sendall(client.frame(PING, b""))
        while part := client.socket.recv(65536):
            if b"\x88" in part:  # answers to empty pings have no such byte
                return True
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def hold(target, counts, begin, most):
    held = []
    while True:
        for client in [client for client in held if has_ended(client)]:
            held.remove(client)
            client.close()
            counts["ended"] += 1
        for _ in range(min(50, most - len(held))):
            try:
                held.append(begin(target))
                counts["messages begun"] += 1
            except (OSError, EOFError, AssertionError):
                counts["refused"] += 1
        time.sleep(0.1)


def unfinished_compressed(target, counts):
    """170 messages of 1 MB that never end, each 1 KB on the wire."""
    hold(target, counts, begin_compressed, 170)


def unfinished_registers(target, counts):
    """400 register messages of 60 KB that never end."""
    hold(target, counts, begin_register, 400)
