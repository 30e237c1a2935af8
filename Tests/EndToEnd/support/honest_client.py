"""An honest client, and how long it waits: `python -m support.honest_client serve ADDRESS …` says that it is
connected, waits for a line, and writes what it saw as JSON.

Its back end pushes at regular times; the delay is the time from the push to its arrival over a WebSocket. Somebody asks
`/healthz` every 200 ms, each time on a new connection, and once a second a new client connects.
"""
import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time

from support.paths import ROOT
from support.raw_client import RawClient
from support.waiting import PATIENCE

EVENT = "e"


class PushedTo:
    """A WebSocket of the eventstream dialect, and the back end that pushes to it on a kept connection."""

    def __init__(self, address, key, token):
        self.address, self.key, self.token = address, key, token
        self.back_end = RawClient(address, handshake=False)
        self.client = self.newcomer(address, token)

    @staticmethod
    def newcomer(address, token):
        """A client that knows its position: what is pushed from now on comes."""
        client = RawClient(address, f"/ws?token={token}&event={EVENT}", "Sec-WebSocket-Protocol: martlet\r\n")
        while True:
            first, message = client.read_frame()
            assert first == 0x81, (first, message)
            if "id" in json.loads(message):
                return client

    def send(self, number):
        """Sends a message and waits until it arrives."""
        body = json.dumps({"userId": self.token, "event": EVENT, "message": str(number)}).encode()
        self.back_end.socket.sendall(
            f"POST /push HTTP/1.1\r\nHost: {self.address}\r\nX-API-Key: {self.key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body)
        while json.loads(self.client.read_frame()[1]).get("data") != str(number):
            pass

    def finish(self):
        """Reads the answer, which need not be there before the message."""
        head, body = self.back_end.read_response()
        assert head.startswith(b"HTTP/1.1 200 "), (head, body)


class Echoed:
    """A WebSocket whose messages come back."""

    def __init__(self, address, key, token):
        self.client = self.newcomer(address, token)

    @staticmethod
    def newcomer(address, token):
        return RawClient(address)

    def send(self, number):
        self.client.send(str(number))
        while self.client.read_frame() != (0x81, str(number).encode()):
            pass

    def finish(self):
        pass


KINDS = {"serve": PushedTo, "echo": Echoed}


class Record:
    """What the client saw."""

    def __init__(self):
        self.delays, self.health, self.newcomers, self.mishaps = [], [], [], []
        self.under_way = {}  # what was begun and has not ended, with the time of its beginning

    def mishap(self, what, error):
        self.mishaps.append(f"{what}: {error!r}"[:300])


def watch(record, stop, every, what, act):
    """Does something at regular times, and notes how long it takes."""
    times = getattr(record, what)
    while not stop.wait(every):
        begin = record.under_way[what] = time.perf_counter()
        try:
            act()
            times.append(time.perf_counter() - begin)
        except Exception as error:
            record.mishap(what, error)
        del record.under_way[what]


def ask_health(address):
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
    finally:
        connection.close()


def measure(kind, address, key, token, seconds, interval):
    """Everything that an honest client saw in a time."""
    record, stop = Record(), threading.Event()
    honest = KINDS[kind](address, key, token)
    for number in range(5):  # whatever is made once is made now
        honest.send(-number - 1)
        honest.finish()
    print("connected", flush=True)
    sys.stdin.readline()  # until it is time
    watchers = [(1, "newcomers", lambda: KINDS[kind].newcomer(address, token).close())]
    if kind == "serve":
        watchers.append((0.2, "health", lambda: ask_health(address)))
    for every, what, act in watchers:
        threading.Thread(target=watch, args=(record, stop, every, what, act), daemon=True).start()
    begin = due = time.perf_counter()
    number = 0
    while due < begin + seconds:
        if (pause := due - time.perf_counter()) > 0:
            time.sleep(pause)
            due = time.perf_counter()  # what the sleep is late by is no fault of the service
        # A message that waits for a connection, or for the one before it, is late from the time at which it was due.
        if not honest and not (honest := connected(record, kind, address, key, token)):
            if time.perf_counter() < begin + seconds:
                continue
            record.delays.append(time.perf_counter() - due)
            break
        try:
            honest.send(number)
            record.delays.append(time.perf_counter() - due)
            honest.finish()
        except Exception as error:
            record.delays.append(time.perf_counter() - due)
            record.mishap("delivery", error)
            honest = None
        number += 1
        due += interval
    stop.set()
    for what, since in list(record.under_way.items()):
        getattr(record, what).append(time.perf_counter() - since)  # it takes that long at least
    return record


def connected(record, kind, address, key, token):
    """A client with its back end; `None` if the service does not take them."""
    try:
        return KINDS[kind](address, key, token)
    except Exception as error:
        record.mishap("connecting", error)
        time.sleep(0.1)
        return None


class HonestProcess:
    """An honest client in a process of its own, so that nothing but the service makes it wait."""

    def __init__(self, kind, address, seconds, interval, key="", token="honest"):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.honest_client", kind, address, "--key", key, "--token", token,
             "--seconds", str(seconds), "--interval", str(interval)],
            cwd=ROOT / "Tests/EndToEnd", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "connected\n"

    def begin(self):
        self.process.stdin.write("begin\n")
        self.process.stdin.flush()

    def result(self, patience=600):
        """What it saw, as a dictionary; `p99` is in seconds."""
        try:
            saw = json.loads(self.process.communicate(timeout=patience)[0])
        finally:
            self.kill()
        return {**saw, "p99": p99(saw["delays"])}

    def kill(self):
        """Ends it, whatever it does."""
        self.process.kill()
        self.process.wait()


def p99(values):
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else max(values, default=float("inf"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("address")
    parser.add_argument("--key", default="")
    parser.add_argument("--token", default="honest")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--interval", type=float, default=0.1)
    options = parser.parse_args()
    print(json.dumps(vars(measure(**vars(options)))), flush=True)
    os._exit(0)  # one of its threads may still wait for an answer
