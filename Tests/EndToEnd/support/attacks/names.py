"""Requests that fill the tables of the service: long names, and a new key for each."""
import itertools
import json
import time

NAME = 8192  # bytes that a user's name may have
RATE = 2000  # requests a second, of attacks that go on


def push(target, user, headers="", message="x"):
    body = json.dumps({"userId": user, "event": "e", "message": message}).encode()
    return target.post("/push", body, headers)


def one_user(target):
    """Pushes to one user with a long name."""
    return itertools.repeat(push(target, "n" * NAME))


def many_users(target):
    """Pushes to users with long names, another one each time."""
    return (push(target, f"{number:0{NAME}}") for number in itertools.count())


def one_short_name(target):
    """Pushes to one user with an ordinary name."""
    return itertools.repeat(push(target, "jack"))


def many_keys(target):
    """Pushes to one user with a long name, with another idempotency key each time."""
    return (push(target, "k" * NAME, f"Idempotency-Key: {number:0255}\r\n") for number in itertools.count())


def send(target, requests, count=None, rate=None):
    """Sends requests, some of them behind each other, and reads the answers. It yields how many were answered with 200."""
    connection = target.connect()
    requests = iter(requests) if count is None else itertools.islice(requests, count)
    at_once, begin, done = 20, time.monotonic(), 0
    while batch := list(itertools.islice(requests, at_once)):
        connection.socket.sendall(b"".join(batch))
        good = 0
        for _ in batch:
            good += connection.read_response()[0].startswith(b"HTTP/1.1 200 ")
        done += len(batch)
        yield good
        if rate:
            time.sleep(max(0, begin + done / rate - time.monotonic()))


def long_names(target, counts):
    """Pushes to names of 8 KiB, 2,000 a second: to one user and to new ones in turns."""
    both = itertools.chain.from_iterable(zip(one_user(target), many_users(target)))
    for good in send(target, both, rate=RATE):
        counts["200"] += good


def idempotency_keys(target, counts):
    """Pushes with an idempotency key each, 2,000 a second."""
    for good in send(target, many_keys(target), rate=RATE):
        counts["200"] += good
