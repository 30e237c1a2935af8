"""Guesses of API keys, and text that is meant for the log."""
import itertools

from support.attacks.target import status

BIDI = "\u202e\u2066\u200f"
CONTROL = "\u009b2J\u0085"
LONG = 15_000  # bytes, below what a head may have


def wrong_keys(target, counts):
    """Guesses on one connection, as fast as they are answered."""
    connection = target.connect()
    for number in itertools.count():
        body = b'{"userId":"u","event":"e","message":"m"}'
        connection.socket.sendall(
            f"POST /push HTTP/1.1\r\nHost: a\r\nX-API-Key: guess-{number}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head, _ = connection.read_response()
        counts[status(head)] += 1
        if b"connection: close" in head.lower():
            connection.close()
            connection = target.connect()


def hostile_origin(length=LONG):
    """A header that would clear a terminal, turn its text round, and fill the log."""
    text = f"http://{CONTROL}{BIDI}"
    return text + "x" * (length - len(text.encode()))


def terminal_codes(target, counts):
    """Handshakes that are refused, each with an `Origin` of 15 KB."""
    while True:
        client = target.connect()
        client.send_handshake(headers=f"Origin: {hostile_origin()}\r\n")
        counts[status(client.read_head())] += 1
        client.close()
