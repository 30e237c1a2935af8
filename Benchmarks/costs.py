#!/usr/bin/env python3
"""What one attempt of each attack of docs/security.md costs the server: processor time and memory.

Each row of the tables that can be driven from outside has a fresh server. After a few attempts, so that what is made once is
made, it takes some more, one after the other, or kept open all together. The processor time is that of the server until it is
idle again, divided by their number. The memory is the most that it had, less what it had before: for each of those that are
kept, and otherwise for all of them. Prints a table; --write puts the figures into docs/security.md, behind ≈, where there is no
figure or an older one of this kind, and behind bounds of so many bytes.

    .cache/venv/bin/python Benchmarks/costs.py --write
    MARTLET=../old/.build/release/martlet .cache/venv/bin/python Benchmarks/costs.py --only test_no_key_is_no_guess
"""
import argparse
import contextlib
import dataclasses
import itertools
import json
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

import jwt

from support.attacks import connections, json_bodies, messages, names
from support.attacks.back_end import poll
from support.attacks.keys import BIDI, CONTROL, hostile_origin
from support.attacks.target import Target, status
from support.event_stream import Stream, query
from support.http2 import HTTP2Connection
from support.jwt_keys import KEYS, OTHERS, SECRET, claims
from support.operator_service import Service
from support.processes import forget_peak, memory
from support.raw_client import RawClient
from support.server import Server
from support.waiting import eventually, wait_until_idle

DOCUMENT = ROOT / "docs/security.md"
KiB, MiB = 1 << 10, 1 << 20
KEY = "a key of more than 16 bytes"
PUSH = b'{"userId":"jack","event":"alerts","message":"x"}'
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
EVENTS = [f"event-{number}" for number in range(100)]
ROWS = []


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: how it is driven, and how often."""
    tests: tuple  # the tests, or titles of tests, that docs/security.md names in it
    drive: Callable  # starts a server in a place; what it returns makes an attempt, which may be something to keep open
    count: int
    kept: bool  # whether attempts stay open until all of them are there
    each: int  # in an attempt there are so many of what is counted
    after: float  # seconds until the server has done with the last one


def row(*tests, count, kept=False, each=1, after=0):
    def add(drive):
        ROWS.append(Row(tests, drive, count, kept, each, after))
        return drive
    return add


class Place:
    """Where a row is measured: a server, and what it needs."""

    def __init__(self, stack, folder):
        self.stack, self.folder, self.server = stack, folder, None

    def start(self, command, *arguments, log_file=None, **options):
        self.server = Server(command, "--listen", "127.0.0.1:0", *arguments, log_file=log_file or self.folder / "log", **options)
        self.stack.callback(self.server.process.wait)
        self.stack.callback(self.server.process.kill)
        return self.server

    def serve(self, *arguments, **options):
        return self.start("serve", *arguments, **options)

    def serve_tls(self, *arguments):
        certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return self.serve("--tls-certificate", str(certificate), "--tls-key", str(key), *arguments)

    def serve_with_key(self, *arguments, **options):
        return self.serve(*arguments, env={"MARTLET_API_KEY": KEY}, **options)

    def serve_with_back_end(self, answer, *arguments):
        back_end = Service(answer)
        self.stack.callback(back_end.server_close)
        self.stack.callback(back_end.shutdown)
        return self.serve("--auth-url", back_end.url, *arguments)

    def echo(self, *arguments):
        return self.start("echo", *arguments)

    def file(self, text):
        file = self.folder / "file"
        file.write_text(text)
        return str(file)


class Asker:
    """Asks on one connection, and on another when the server has ended it."""

    def __init__(self, server, *expected):
        self.target, self.expected, self.connection = Target(server.address), expected, None

    def __call__(self, request):
        if not self.connection:
            self.connection = self.target.connect()
        self.connection.socket.sendall(request)
        head, _ = self.connection.read_response()
        assert status(head) in self.expected, head
        if b"connection: close" in head.lower():
            self.connection.close()
            self.connection = None


@contextlib.contextmanager
def client(server, *arguments, **options):
    """A WebSocket, or a bare connection, that is closed at the end."""
    one = RawClient(server.address, *arguments, **options)
    try:
        yield one
    finally:
        one.close()


def beginning(server, data):
    """A connection that says no more than this."""
    one = RawClient(server.address, handshake=False)
    one.socket.sendall(data)
    return one


def refused(server, request, *expected):
    """A request on a connection of its own, whose answer need not wait for its end."""
    with client(server, handshake=False) as one:
        with contextlib.suppress(OSError):
            one.socket.sendall(request)
        head = one.read_head()
        assert status(head) in expected, head


def handshake(server, headers, expected="101", then=b""):
    """An opening handshake, and the head of its answer."""
    with client(server, handshake=False) as one:
        one.send_handshake(headers=headers, then=then)
        head = one.read_head()
        assert status(head) == expected, head


def is_done(one):
    """Waits until the server has read everything before: it answers a ping."""
    one.send(b"?", messages.PING)
    while one.read_frame() != (0x8A, b"?"):
        pass


def read_to_the_end(one):
    with contextlib.suppress(OSError):
        while one.socket.recv(65536):
            pass


def is_user(path, body):
    """A back end to which every token is a user's name."""
    return 200, json.dumps({"user": json.loads(body)["token"]})


def takes_its_time(path, body):
    time.sleep(0.3)
    return is_user(path, body)


def bearer(target, token):
    return target.get("/poll?event=e&wait=0", f"Authorization: Bearer {token}\r\n")


# JSON


@row("test_json_of_more_than_64_levels_is_refused", count=400)
def deep_json(place):
    server = place.serve()
    ask, requests = Asker(server, "400"), list(json_bodies.deep_requests())
    return lambda number: ask(ask.target.post(*requests[number % len(requests)]))


@row("test_a_register_message_of_more_than_64_levels_is_refused", count=400)
def deep_register(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            one.send('{"token":"u","event":"e","more":%s}' % json_bodies.arrays(json_bodies.DEPTH))
            assert b'"error"' in one.read_frame()[1]
    return attempt


@row("test_a_jwt_of_more_than_64_levels_is_refused", count=1000)
def deep_jwt(place):
    server = place.serve("--jwt-secret-file", place.file(SECRET + "\n"))
    ask = Asker(server, "401")
    more = {"more": json.loads(json_bodies.arrays(400))}
    tokens = jwt.encode({"sub": "jack", **more}, SECRET, "HS256"), jwt.encode({"sub": "jack"}, SECRET, "HS256", headers=more)
    return lambda number: ask(bearer(ask.target, tokens[number % 2]))


@row("test_answers_of_back_ends_of_more_than_64_levels_say_nothing", count=300)
def deep_answers(place):
    server = place.serve_with_back_end(lambda path, body: (200, '{"user":"jack","more":%s}' % json_bodies.arrays(400)))
    ask = Asker(server, "503")
    return lambda number: ask(bearer(ask.target, f"user-{number}"))


@row("test_the_cost_of_json_grows_with_its_bytes_and_not_with_its_depth", count=20)
def long_json(place):
    server = place.serve()
    ask = Asker(server, "200")
    body = json_bodies.publish(json_bodies.groups(json_bodies.DEPTH - 2, 1_000_000))
    return lambda number: ask(ask.target.post("/api/publish", body))


# Connections


@row("test_answers_that_nobody_reads_take_little_memory", count=40, kept=True)
def unread(place):
    target = Target(place.serve().address)
    return lambda number: connections.Unread(target, target.get("/metrics"))


@row("test_an_answer_that_does_not_move_ends_its_connection", count=40, kept=True, after=2)
def unmoved(place):
    target = Target(place.serve("--limits-answer-timeout", "1s").address)
    return lambda number: connections.Unread(target, target.get("/metrics"))


@row("test_an_answer_that_moves_slowly_is_waited_for", count=20)
def slow_reader(place):
    target = Target(place.serve().address)

    def attempt(number):
        """300 answers, of which 100 KB are read in small pieces."""
        one = connections.Unread(target, target.get("/martlet.js"))
        one.socket.settimeout(5)
        for _ in range(50):
            one.socket.recv(2048)
            time.sleep(0.001)
        one.close()
    return attempt


@row("test_connections_that_prove_nothing_keep_nobody_out", count=400, kept=True)
def hogs(place):
    server = place.serve_with_key(descriptors=1024)
    kinds = [lambda: connections.Idle(Target(server.address)).connection, lambda: beginning(server, b""),
             lambda: beginning(server, b"GET /ws HTTP/1.1\r\nHost: "),
             lambda: beginning(server, b"POST /push HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")]
    return lambda number: kinds[number % len(kinds)]()


@row("test_refused_clients_that_come_back_keep_nobody_out", count=500)
def refused_clients(place):
    server = place.serve_with_key("--limits-connections", "1")
    place.held = RawClient(server.address)
    return lambda number: handshake(server, "", "503")


@row("test_a_silent_connection_over_tls_ends_after_ten_seconds", count=200, kept=True)
def silent_tls(place):
    server = place.serve_tls()
    return lambda number: beginning(server, b"")


@row("a request that comes one byte a second is 408 after ten seconds", count=200, kept=True)
def one_byte_after_the_other(place):
    server = place.serve()

    def attempt(number):
        one = RawClient(server.address, handshake=False)
        one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /ws HT":
            one.socket.sendall(bytes([byte]))
        return one
    return attempt


@row("test_ten_thousand_connections_that_say_nothing", count=2000, kept=True)
def silent(place):
    server = place.serve()
    return lambda number: beginning(server, b"")


@row("test_ten_thousand_come_and_go", count=1000)
def come_and_go(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            one.register(f"user-{number}", "e")
            is_done(one)
    return attempt


@row("test_the_answer_and_its_events", count=2000, kept=True)
def streams(place):
    server = place.serve()

    def attempt(number):
        stream = Stream(server, token=f"user-{number}")
        stream.next()
        return stream.socket
    return attempt


@row("test_a_thousand_pushes_and_ten_cuts", count=300)
def catching_up(place):
    server = place.serve()
    first = Stream(server)
    position = first.next()["id"]
    for number in range(10):
        server.push("jack", "alerts", f"{number}")

    def attempt(number):
        """A stream that comes back, and gets the ten messages that it has missed."""
        stream = Stream(server, last_id=position)
        while stream.next().get("data") != "9":
            pass
        stream.socket.close()
    return attempt


# Back ends


@row("test_one_who_makes_the_back_end_fail_shuts_nobody_else_out", count=300)
def failing_tokens(place):
    server = place.serve_with_back_end(lambda path, body: (500, ""))
    ask = Asker(server, "503")
    return lambda number: ask(bearer(ask.target, f"bad-{number}"))


def at_once(place, token, *arguments):
    """Polls that are sent without waiting for their answers."""
    server = place.serve_with_back_end(takes_its_time, *arguments)
    target = Target(server.address)
    return lambda number: beginning(server, poll(target, token(number), EVENTS[:1]))


@row("test_the_time_in_the_queue_of_the_service_is_not_the_back_ends", count=300, kept=True, after=2.5)
def crowd(place):
    return at_once(place, lambda number: f"user-{number}")


@row("test_those_who_wait_for_the_same_answer_share_the_question", count=300, kept=True, after=1)
def same_question(place):
    return at_once(place, lambda number: "jack")


@row("test_one_question_for_all_events_of_a_request", count=300)
def many_events(place):
    server = place.serve_with_back_end(is_user)
    return lambda number: refused(server, poll(Target(server.address), f"user-{number}", EVENTS), "200")


@row("test_answers_are_kept_when_asked_for", count=1000)
def kept_answers(place):
    server = place.serve_with_back_end(is_user, "--auth-cache", "1h")
    ask = Asker(server, "200")
    return lambda number: ask(bearer(ask.target, "jack"))


# Keys, names and the log


@row("test_pushes_take_no_more_memory_than_the_limit_says", count=3000)
def new_users(place):
    ask = Asker(place.serve(), "200")
    requests = names.many_users(ask.target)
    return lambda number: ask(next(requests))


@row("test_wrong_keys_slow_their_address_down", "test_guesses_fill_no_log", count=2000)
def guesses(place):
    ask = Asker(place.serve_with_key(), "401", "429")
    return lambda number: ask(ask.target.post("/push", PUSH, f"X-API-Key: a guess, which is number {number}\r\n"))


@row("test_no_key_is_no_guess", count=2000)
def no_key(place):
    ask = Asker(place.serve_with_key(), "401")
    return lambda number: ask(ask.target.post("/push", PUSH))


@row("test_a_refused_origin_is_cut_and_escaped", count=500)
def hostile_origins(place):
    server = place.serve()
    headers = f"Origin: {hostile_origin()}\r\n"
    return lambda number: handshake(server, headers, "403")


def logged(place, user):
    """Register messages, each of which makes a line in the log."""
    server = place.serve("--log-level", "debug")

    def attempt(number):
        with client(server) as one:
            one.register(user, "e")
            is_done(one)
    return attempt


@row("test_names_of_strangers_are_cut_and_escaped", count=500)
def hostile_names(place):
    return logged(place, CONTROL + BIDI + "\n\x1b[31m\u2028" + "x" * 5000)


@row("test_a_text_in_the_log_forges_no_field", count=500)
def names_with_quotes(place):
    return logged(place, 'jack" forged="1')


@row("test_a_disk_that_is_full_stops_the_log_and_nothing_else", count=1000)
def full_disk(place):
    ask = Asker(place.serve("--log-level", "debug", log_file="/dev/full"), "400")
    return lambda number: ask(ask.target.post("/push", b"nonsense"))


# Messages


def never_ends(place, begin, *arguments):
    target = Target(place.echo(*arguments).address)
    return lambda number: begin(target)


@row("test_a_message_that_does_not_end_is_not_waited_for", count=100, kept=True, after=2)
def unfinished(place):
    return never_ends(place, messages.begin_register, "--limits-message-timeout", "1s")


@row("test_unfinished_compressed_messages_have_a_budget_in_common", count=170, kept=True)
def unfinished_compressed(place):
    return never_ends(place, messages.begin_compressed, "--compress")


@row("test_a_message_that_ends_in_time_is_taken", count=3000)
def in_parts(place):
    one = RawClient(place.echo().address)
    one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def attempt(number):
        for first, part in ((0x01, "a"), (0x00, "b"), (0x80, "c")):
            one.send(part, first)
        assert one.read_frame() == (0x81, b"abc")
    return attempt


def violation(server, data, code, headers=""):
    """A WebSocket that is closed with this code because of what it sends."""
    with client(server, headers=headers) as one:
        with contextlib.suppress(OSError):
            one.socket.sendall(data)
        assert one.read_close()[0] == code


@row("the sign bit of the length", count=500)
def sign_bit(place):
    server = place.echo()
    return lambda number: violation(server, b"\x82\xff" + b"\xff" * 8 + b"mask", 1002)


@row("test_a_deflate_bomb_costs_no_more_than_the_limit", count=50)
def bomb(place):
    server = place.echo("--compress")
    frame = RawClient.frame(0xC2, (messages.compressed(MiB) * 1024)[:-4])  # parts that do not refer to each other
    return lambda number: violation(server, frame, 1009, DEFLATE)


@row("test_a_message_in_a_hundred_thousand_fragments_is_refused", count=200)
def fragments(place):
    server = place.serve()
    data = RawClient.frame(0x01, b"x") + RawClient.frame(0x00, b"x") * 2000
    return lambda number: violation(server, data, 1009)


@row("a bad byte is found at every position of a long text, wherever the text is cut", count=500)
def bad_text(place):
    server = place.echo()

    def attempt(number):
        text = bytearray(b"x" * 1000)
        text[number % 1000] = 0xFF
        violation(server, RawClient.frame(0x81, bytes(text)), 1007)
    return attempt


@row("test_a_flood_of_pings_takes_no_memory", count=100, each=1000)
def pings(place):
    one = RawClient(place.serve().address)
    flood = RawClient.frame(messages.PING, b"x" * 125) * 1000

    def attempt(number):
        one.socket.sendall(flood)
        is_done(one)
    return attempt


@row("test_a_flood_of_close_frames_is_answered_once", count=200, each=1000)
def close_frames(place):
    server = place.serve()
    flood = RawClient.frame(0x88, b"\x03\xe8") * 1000

    def attempt(number):
        with client(server) as one:
            with contextlib.suppress(OSError):
                one.socket.sendall(flood)
            read_to_the_end(one)
    return attempt


@row("test_a_message_that_comes_byte_by_byte", count=50)
def byte_by_byte(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in RawClient.frame(0x81, b'{"token":"jack","event":"e"}'):
                one.socket.sendall(bytes([byte]))
            is_done(one)
    return attempt


@row("test_random_bytes_behind_the_handshake_end_their_connection_alone", count=300)
def noise(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            with contextlib.suppress(OSError):
                one.socket.sendall(random.Random(number).randbytes(4000))
                one.socket.shutdown(socket.SHUT_WR)
            read_to_the_end(one)
    return attempt


@row("test_a_token_of_100_kilobytes_is_refused", count=200)
def long_token(place):
    server = place.serve()
    frame = RawClient.frame(0x81, json.dumps({"token": "t" * 100_000, "event": "e"}).encode())
    return lambda number: violation(server, frame, 1009)


@row("test_unbound_however_the_connection_ends", count=500)
def resets(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            one.register("jack", "alerts")
            is_done(one)
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return attempt


@row("test_registering_as_another_user_moves_the_connection", count=500)
def moves(place):
    server = place.serve()

    def attempt(number):
        with client(server) as one:
            one.register("jack", "alerts")
            one.register("jill", "alerts")
            is_done(one)
    return attempt


@row("test_a_slow_client_delays_nobody_and_is_told_1013", count=10)
def slow_client(place):
    server = place.serve()

    def attempt(number):
        """It reads nothing while it is pushed to, until it takes no more."""
        user = f"user-{number}"
        with client(server) as one:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.register(user, "e")
            is_done(one)
            while server.push(user, "e", "x" * 60_000):
                pass
    return attempt


# Handshakes


@row("the server accepts the first offer that it can", count=500)
def window_bits(place):
    server = place.echo("--compress")
    return lambda number: handshake(server, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n")


@row("lists with quoted strings are read as RFC 9110 has them", count=500)
def long_list(place):
    server = place.echo("--compress")
    headers = "Sec-WebSocket-Extensions: " + ", ".join(['x; a="b"; c'] * 1000) + "\r\n"
    return lambda number: handshake(server, headers)


@row("test_compression_is_off_unless_it_is_asked_for", count=500)
def no_compression(place):
    server = place.serve()
    return lambda number: handshake(server, DEFLATE)


@row("test_hostile_beginnings_are_refused", count=300)
def long_heads(place):
    server = place.serve()
    heads = [b"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
             b"GET /ws HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"]
    return lambda number: refused(server, heads[number % 2], "431")


@row("test_pages_of_other_hosts_may_not_connect", count=1000)
def other_origin(place):
    server = place.serve()
    return lambda number: handshake(server, "Origin: http://evil.example\r\n", "403")


@row("test_a_handshake_with_a_body_is_refused", count=500)
def body_behind_handshake(place):
    server = place.serve()
    return lambda number: handshake(server, "Content-Length: 5\r\n", "400", b"hello")


@row("test_a_request_behind_a_handshake_is_no_request", count=500)
def request_behind_handshake(place):
    server = place.serve()
    request = Target(server.address).post("/push", PUSH)
    return lambda number: violation(server, request, 1002)


# Requests


@row("test_what_is_for_operators_is_answered_by_their_listener_alone", count=2000)
def for_operators(place):
    ask = Asker(place.serve_with_key("--admin-listen", "127.0.0.1:0"), "404")
    return lambda number: ask(ask.target.get("/metrics"))


@row("test_clients_connect_to_the_public_listener", count=2000)
def for_clients(place):
    ask = Asker(place.serve_with_key("--admin-listen", "127.0.0.1:0"), "200")
    return lambda number: ask(ask.target.get("/poll?token=u&event=e&wait=0"))


@row("test_headers_by_which_proxies_tell_who_a_client_is_are_not_for_pages", count=2000)
def preflights(place):
    server = place.serve("--origin", "https://good.example")
    target = Target(server.address)
    one = target.connect()
    request = target.get("/poll", "").replace(b"GET", b"OPTIONS", 1)[:-2] + (
        b"Origin: https://good.example\r\nAccess-Control-Request-Method: GET\r\n"
        b"Access-Control-Request-Headers: traceparent, x-forwarded-for, x-forwarded-host, forwarded, x-real-ip\r\n\r\n")

    def attempt(number):
        one.socket.sendall(request)
        assert status(one.read_head()) == "204"
    return attempt


@row("test_matrix_of_signed_tokens", count=500)
def wrong_signatures(place):
    algorithms = ["RS256", "PS256", "ES256", "EdDSA"]
    keys = json.dumps({"keys": [KEYS[algorithm].jwk() for algorithm in algorithms]})
    ask = Asker(place.serve("--jwks-file", place.file(keys)), "401")
    tokens = [OTHERS[algorithm].sign(claims()) for algorithm in algorithms]
    return lambda number: ask(bearer(ask.target, tokens[number % len(tokens)]))


@row("test_a_body_of_100_megabytes_is_refused_and_harms_nothing", count=500)
def long_body(place):
    server = place.serve()
    request = f"POST /push HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 100000000\r\n\r\n".encode() + b"x" * 100_000
    return lambda number: refused(server, request, "413")


@row("test_push_answers_byte_for_byte", count=2000)
def bad_push(place):
    ask = Asker(place.serve(), "400")
    return lambda number: ask(ask.target.post("/push", PUSH.replace(b'"x"', b'"\xff"')))


# HTTP/2


@row("test_answers_that_nobody_reads_take_little_memory_over_http2", count=10, kept=True)
def unread_http2(place):
    server = place.serve_tls()

    def attempt(number):
        connection = HTTP2Connection(server, window=0)
        for _ in range(200):
            connection.begin("/metrics")
        eventually(lambda: connection.count_heads() >= 8, "some are answered")
        return connection.socket
    return attempt


@row("test_an_answer_that_does_not_move_ends_its_stream", count=50, kept=True, after=1)
def unmoved_http2(place):
    server = place.serve_tls("--limits-answer-timeout", "500ms")

    def attempt(number):
        connection = HTTP2Connection(server, window=0)
        connection.begin("/metrics")
        return connection.socket
    return attempt


@row("test_a_connection_of_http2_without_a_request_ends", count=100, kept=True)
def silent_http2(place):
    server = place.serve_tls()
    return lambda number: HTTP2Connection(server).socket


def asked_over_http2(place, expected, **request):
    connection = HTTP2Connection(place.serve_tls())

    def attempt(number):
        assert connection.ask(f"/sse?{query()}", **request)[0] == expected
    return attempt


@row("test_too_many_headers_over_http2", count=300)
def many_headers_http2(place):
    return asked_over_http2(place, 431, headers={f"x-{number}": "x" for number in range(101)})


@row("test_a_page_that_may_not_connect_is_told_over_http2", count=500)
def other_origin_http2(place):
    return asked_over_http2(place, 403, headers={"origin": "https://evil.example"})


@row("test_a_flood_of_resets_ends_its_connection", count=10)
def resets_http2(place):
    server = place.serve_tls()

    def attempt(number):
        connection = HTTP2Connection(server)
        with contextlib.suppress(OSError):
            while not (connection.was_told_to_go or connection.is_closed):
                for _ in range(100):
                    connection.begin("/metrics").reset()
                connection.count_heads()
        connection.socket.close()
    return attempt


@row("test_a_slow_client_over_http2_loses_its_stream_alone", count=20)
def slow_http2(place):
    server = place.serve_tls("--limits-queue-size", "64KiB")
    other = HTTP2Connection(server)

    def attempt(number):
        """It is pushed to until it is too slow."""
        connection, user = HTTP2Connection(server, window=1000), f"user-{number}"
        connection.open(f"/sse?{query(token=user)}")
        body = json.dumps({"userId": user, "event": "alerts", "message": "x" * 10_000})
        while other.ask("/push", "POST", body)[2] != b"message sent to 0 clients":
            pass
        connection.socket.close()
    return attempt


# Measuring


def several(row, attempt, numbers, server):
    """Makes attempts until the server has done with all of them; what is kept is closed by the caller."""
    held = [attempt(number) for number in itertools.islice(numbers, row.count)]
    time.sleep(row.after)
    wait_until_idle(server)
    return held if row.kept else []


def measure(row):
    """Bytes and seconds that a row takes, each of it or, of bytes that are not kept, in all."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        place = Place(stack, pathlib.Path(folder))
        attempt, numbers = row.drive(place), itertools.count()
        server = place.server
        few = dataclasses.replace(row, count=max(2, min(20, row.count // 20)))
        for one in several(few, attempt, numbers, server):
            one.close()
        wait_until_idle(server)
        forget_peak(server.process)
        before, begin = server.rss(), server.cpu()
        held = several(row, attempt, numbers, server)
        seconds, took = server.cpu() - begin, memory(server.process, "VmHWM") - before
        for one in held:
            one.close()
        return max(0, took) / (row.count if row.kept else 1), seconds / row.count / row.each


def rounded(number):
    """Two digits that mean something; the others are chance."""
    return f"{float(f'{number:.2g}'):g}"


def size(count):
    return f"{rounded(count / MiB)} MiB" if count >= MiB else f"{rounded(count / KiB)} KiB"


def duration(seconds):
    return f"{rounded(seconds * 1e3)} ms" if seconds >= 0.995e-3 else f"{rounded(seconds * 1e6)} µs"


def cells(row):
    """The figures, as they stand in the table."""
    took, seconds = measure(row)
    return f"≈ {size(took)} {'each' if row.kept else 'more'}", f"≈ {duration(seconds)} each"


def placed(cell, figure, is_bound):
    """A cell with a figure: instead of none or of an older one, and behind a bound of the same kind."""
    known = re.sub(r"(^|, )≈ .*", "", cell)
    return figure if known in ("", "–") else f"{known}, {figure}" if is_bound(known) else cell


def write(figures):
    """Puts figures into the document, each row's from the first of its tests that has one."""
    lines = DOCUMENT.read_text().split("\n")
    for index, line in enumerate(lines):
        parts = line.strip("| ").split(" | ")
        if not line.startswith("| ") or len(parts) != 5:
            continue
        known = re.findall(r'::(\w+)`|\.swift` "([^"]+)"', parts[4])
        found = [figures[name] for pair in known for name in pair if name in figures]
        if found:
            parts[2] = placed(parts[2], found[0][0], lambda bound: bound.startswith("≤") and "iB" in bound)
            parts[3] = placed(parts[3], found[0][1], bool)
            lines[index] = f"| {' | '.join(parts)} |"
    DOCUMENT.write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="the test of a row; may be given several times")
    parser.add_argument("--write", action="store_true", help="puts the figures into docs/security.md")
    options = parser.parse_args()
    figures, missed = {}, []
    print("| test | memory | CPU |\n| --- | --- | --- |")
    for row in ROWS:
        if options.only and not set(options.only) & set(row.tests):
            continue
        try:
            found = cells(row)
        except (AssertionError, OSError, EOFError) as error:
            missed.append(f"{row.tests[0]}: {type(error).__name__} {str(error)[:300]}")
            continue
        for test in row.tests:
            figures[test] = found
            print(f"| {test} | {found[0]} | {found[1]} |", flush=True)
    if options.write:
        write(figures)
    for line in missed:
        print(f"not measured: {line}", file=sys.stderr)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
