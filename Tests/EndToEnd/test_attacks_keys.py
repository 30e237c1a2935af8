"""Guesses of API keys: they are slowed down wherever a key is shown, and fill no log."""
import collections
import re
import time

import pytest

from support.attacks.target import Target, status
from support.raw_client import RawClient
from support.waiting import eventually

KEY = "a key of more than 16 bytes"
BODIES = {
    "/push": b'{"userId":"u","event":"e","message":"m"}',
    "/drop": b'{"userId":"u"}',
    "/api/publish": b'{"channel":"e#u","data":"x"}',
}
HEADERS = {"X-API-Key": "X-API-Key: %s\r\n", "Bearer": "Authorization: Bearer %s\r\n"}


class BackEnd:
    """Requests with keys, on a connection that is kept as long as the service keeps it."""

    def __init__(self, server, source="127.0.0.1", path="/push", header=HEADERS["X-API-Key"], more=""):
        self.target, self.path, self.header, self.more = Target(server.address, source=source), path, header, more
        self.connection = None

    def show(self, key):
        """The status of a request with a key, and the time after which to come back."""
        if not self.connection:
            self.connection = self.target.connect()
        self.connection.socket.sendall(self.target.post(self.path, BODIES[self.path], self.header % key + self.more))
        head, _ = self.connection.read_response()
        if b"connection: close" in head.lower():
            self.connection.close()
            self.connection = None
        wait = re.search(rb"retry-after: (\d+)", head, re.I)
        return status(head), int(wait.group(1)) if wait else None

    def guess(self, count):
        """How many guesses are answered with each status."""
        return collections.Counter(self.show(f"a guess, which is number {number}")[0] for number in range(count))


@pytest.fixture
def server(serve):
    return serve(env={"MARTLET_API_KEY": KEY})


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("path", BODIES)
def test_wrong_keys_slow_their_address_down(server, path, header):
    one = BackEnd(server, path=path, header=HEADERS[header])
    assert one.guess(10) == {"401": 10}
    assert one.guess(50)["429"] >= 48  # a guess or two may be regained meanwhile
    code, wait = one.show("another guess, of some length")
    assert code == "429" and 1 <= wait <= 60
    # While it is slowed down, the right key is not looked at either: otherwise a guess would tell.
    assert one.show(KEY)[0] == "429"
    # On every path, and on every connection.
    for other in BODIES:
        assert BackEnd(server, path=other).show("another guess, of some length")[0] == "429"
    assert BackEnd(server, source="127.0.0.2", path=path).show(KEY)[0] == "200", "another address is not concerned"


def test_who_has_shown_the_right_key_goes_on_working(server):
    one, other = BackEnd(server), BackEnd(server)
    assert one.show(KEY)[0] == "200"
    assert other.guess(60)["429"] >= 45
    assert [one.show(KEY)[0] for _ in range(5)] == ["200"] * 5
    assert BackEnd(server).show(KEY)[0] == "200", "on a new connection, too"
    assert other.guess(5)["429"] >= 4, "which gives the others of its address no more guesses"


def test_no_key_is_no_guess(server):
    one = BackEnd(server, header="X-Other: %s\r\n")
    assert one.guess(50) == {"401": 50}
    assert one.show("") == ("401", None)
    assert BackEnd(server).show(KEY)[0] == "200"


def test_addresses_behind_a_trusted_proxy_are_slowed_down_each(serve):
    server = serve("--trusted-proxies", "127.0.0.1", env={"MARTLET_API_KEY": KEY})
    one, other = (BackEnd(server, more=f"X-Forwarded-For: 192.0.2.{number}\r\n") for number in (1, 2))
    assert one.guess(30)["429"] >= 18
    assert other.show(KEY)[0] == "200" and other.guess(10) == {"401": 10}


def test_guesses_fill_no_log(server):
    one = BackEnd(server)
    begin, count = time.monotonic(), 2000
    one.guess(count)
    lines = [line for line in server.log if "refused" in line]
    assert 1 <= len(lines) <= 12 + 2 * (time.monotonic() - begin), len(lines)
    assert server.metric("martlet_pushes_refused_total") == count, "each is counted"

    def says_how_many():
        one.show("one more guess, of some length")
        return any(int(number) > 100 for line in server.log for number in re.findall(r"(?:repeated|suppressed)=(\d+)", line))
    eventually(says_how_many, lambda: f"a line says how many there were: {server.log}")


def test_short_keys_are_warned_of(serve, tmp_path):
    def warnings(server):
        return [line for line in server.log if " warning " in line and "16 bytes" in line]

    keys = tmp_path / "keys"
    keys.write_text(f"fifteen-bytes-k shop\nsixteen-bytes-ke desk\n")
    from_file = serve("--api-key-file", str(keys))
    eventually(lambda: len(warnings(from_file)) == 1, lambda: f"one is warned of: {from_file.log}")
    assert "shop" in warnings(from_file)[0]
    from_environment = serve(env={"MARTLET_API_KEY": "secret"})
    eventually(lambda: len(warnings(from_environment)) == 1, lambda: f"it is warned of: {from_environment.log}")
    long_enough = serve(env={"MARTLET_API_KEY": KEY})
    long_enough.stop()
    assert not warnings(long_enough)
    for server in (from_file, from_environment):
        server.stop()
        assert not any("fifteen-bytes" in line or "secret" in line for line in server.log)
