"""Tokens that are made to wear out the back end that is asked about them."""
import itertools
import json
import os
import selectors
import time
import urllib.parse

from support.attacks.target import status
from support.operator_service import Service

SLOW, BAD = "slow-", "bad-"  # what tokens begin with


def answer(_, body):
    """A back end that fails for some tokens, takes a second for others, and is quick for the rest."""
    token = json.loads(body)["token"]
    if token.startswith(BAD):
        return 500, ""
    if token.startswith(SLOW):
        time.sleep(1)
    return 200, json.dumps({"user": token})


def fragile_back_end():
    return Service(answer)


def poll(target, token, events):
    """The bytes of a poll that is answered at once, on a connection of its own."""
    query = urllib.parse.urlencode({"token": token, "event": events, "wait": 0}, doseq=True)
    return target.get(f"/poll?{query}", "Connection: close\r\n")


def ask(target, counts, request):
    connection = target.connect()
    try:
        connection.socket.sendall(request)
        counts[status(connection.read_head())] += 1
    except (OSError, EOFError):
        counts["no answer"] += 1
    finally:
        connection.close()


def failing_tokens(target, counts):
    """20 polls a second whose tokens make the back end answer 500."""
    for number in itertools.count():
        ask(target, counts, poll(target, f"{BAD}{number}", "e"))
        time.sleep(0.05)


def many_events(target, counts):
    """Polls for 100 events, one after the other."""
    events = [f"event-{number}" for number in range(100)]
    for number in itertools.count():
        ask(target, counts, poll(target, f"many-{os.getpid()}-{number}", events))


def crowd(target, counts, count=500):
    """500 clients at once, again and again; the back end takes a second for each."""
    while True:
        requests = [poll(target, f"{SLOW}{number}", "e") for number in range(count)]
        counts.update(answers_at_once(target, requests, counts=counts))
        time.sleep(0.05)  # where nobody is let in, a round takes no time


def answers_at_once(target, requests, patience=60, counts=None):
    """Sends each request on a connection of its own, all of them before any is answered; the statuses.

    `counts` gets the number of clients that have asked.
    """
    selector = selectors.DefaultSelector()
    statuses, heads = [], {}
    for request in requests:
        try:
            connection = target.connect()
        except OSError:
            statuses.append("no connection")
            continue
        connection.socket.sendall(request)
        heads[connection] = b""
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        if counts is not None:
            counts["clients"] += 1
    end = time.monotonic() + patience
    while heads and time.monotonic() < end:
        for key, _ in selector.select(1):
            connection = key.data
            try:
                part = connection.socket.recv(65536)
            except OSError:
                part = b""
            heads[connection] += part
            if part and b"\r\n\r\n" not in heads[connection]:
                continue
            head = heads.pop(connection)
            statuses.append(status(head) if b"\r\n" in head else "no answer")
            selector.unregister(connection.socket)
            connection.close()
    for connection in heads:
        statuses.append("no answer in time")
        connection.close()
    return statuses
