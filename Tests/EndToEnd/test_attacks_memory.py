"""Requests that fill tables, and messages that never end: the memory that they take has a limit."""
import time

import pytest

from support.attacks import messages, names
from support.attacks.target import Target
from support.raw_client import RawClient
from support.waiting import PATIENCE

MiB = 1 << 20
OF_HISTORY = 64 * MiB  # what all channels together may keep
OVERHEAD = 40 * MiB  # of the memory allocator, for what comes and goes

# Requests, their number, and the bytes that they may take for good.
FILLINGS = {
    # One channel keeps 100 publications, and nothing of those that it has forgotten.
    "one user with a long name": (names.one_user, 20_000, OVERHEAD),
    "users with long names": (names.many_users, 20_000, OF_HISTORY + OVERHEAD),
    "one user with an ordinary name": (names.one_short_name, 150_000, 16 * MiB),
    "idempotency keys": (names.many_keys, 20_000, OF_HISTORY + OVERHEAD),
}


@pytest.mark.parametrize("filling", FILLINGS)
def test_pushes_take_no_more_memory_than_the_limit_says(serve, filling):
    requests, count, most = FILLINGS[filling]
    server = serve("--log-level", "warning")
    target = Target(server.address)
    assert sum(names.send(target, requests(target), 200)) == 200
    before = server.rss()
    assert sum(names.send(target, requests(target), count)) == count
    assert server.rss() - before < most, f"{(server.rss() - before) / MiB:.0f} MiB"


def keep_alive_until_closed(client):
    """Sends pings until the other end closes the WebSocket; the code and the reason."""
    end = time.monotonic() + PATIENCE
    client.socket.settimeout(0.1)
    while time.monotonic() < end:
        client.socket.sendall(client.frame(messages.PING, b"alive"))
        try:
            return client.read_close()
        except TimeoutError:
            pass
    raise AssertionError("it is not closed")


BEGINNINGS = {
    "a fragment": lambda target: messages.begin_register(target),
    "empty fragments": lambda target: messages.begin(target, 0x01, b""),
}


@pytest.mark.parametrize("command", ["serve", "echo"])
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_message_that_does_not_end_is_not_waited_for(start, command, beginning):
    """However alive its sender is."""
    server = start(command, "--listen", "127.0.0.1:0", "--limits-message-timeout", "1s")
    client = BEGINNINGS[beginning](Target(server.address))
    assert keep_alive_until_closed(client)[0] == 1008


@pytest.mark.parametrize("command", ["serve", "echo"])
def test_a_frame_that_does_not_end_is_not_waited_for(start, command):
    server = start(command, "--listen", "127.0.0.1:0", "--limits-message-timeout", "1s")
    client = RawClient(server.address)
    client.socket.sendall(RawClient.frame(0x81, b" " * 60_000)[:100])
    end = time.monotonic() + 10
    client.socket.settimeout(0.2)
    while True:
        assert time.monotonic() < end, "it is not closed"
        try:
            client.socket.sendall(b"x")  # a byte now and then
            assert client.read_close()[0] == 1008
            break
        except TimeoutError:
            pass


def test_a_message_that_ends_in_time_is_taken(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--limits-message-timeout", "5s")
    client = RawClient(server.address)
    for first, part in ((0x01, "a"), (0x00, "b"), (0x80, "c")):
        client.send(part, first)
        time.sleep(0.1)
    assert client.read_frame() == (0x81, b"abc")


def test_unfinished_compressed_messages_have_a_budget_in_common(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--compress", "--log-level", "warning")
    target = Target(server.address)
    for _ in range(2):  # whatever is made once is made now
        RawClient(server.address, headers="Sec-WebSocket-Extensions: permessage-deflate\r\n").close()
    before, most, held = server.rss(), 0, []
    for _ in range(170):
        held.append(messages.begin_compressed(target))
        most = max(most, server.rss() - before)
    # The honest are served all the while.
    honest = RawClient(server.address)
    honest.send("hello")
    assert honest.read_frame() == (0x81, b"hello")
    most = max(most, server.rss() - before)
    assert most < 96 * MiB, f"{most / MiB:.0f} MiB"
    for one in held:
        one.close()
