"""JSON that is made to be expensive: deep, wide, and as long as a body may be."""
import itertools

from support.attacks.target import status

DEPTH = 64  # levels that a document may have, its outermost object being the first


def arrays(depth):
    """An array in an array, so many of them."""
    return "[" * depth + "]" * depth


def objects(depth):
    """An object in an object, so many of them."""
    return '{"a":' * depth + "1" + "}" * depth


def groups(depth, size):
    """An array of about so many bytes, whose elements are arrays in arrays; it has one level more than they have."""
    return "[" + ",".join([arrays(depth)] * max(1, size // (2 * depth + 1))) + "]"


def publish(data):
    return f'{{"channel":"alerts#somebody","data":{data}}}'.encode()


def deep_requests():
    """Path and body of requests that are deeper than is allowed."""
    four = "[" + ",".join([arrays(400)] * 4) + "]"
    for data in (arrays(400), arrays(500), four, objects(400)):
        yield "/api/publish", publish(data)
    yield "/api/batch", b'{"commands":[{"publish":%s}]}' % publish(arrays(400))
    yield "/api/broadcast", f'{{"channels":["alerts#somebody"],"data":{arrays(400)}}}'.encode()
    yield "/push", f'{{"userId":"u","event":"e","message":"m","more":{arrays(100_000)}}}'.encode()
    yield "/drop", f'{{"userId":"u","more":{objects(100_000)}}}'.encode()


def deep(target, counts):
    """Requests that are deeper than is allowed, one after the other."""
    repeat(target, counts, deep_requests())


def at_the_limit(target, counts):
    """Bodies of nearly 1 MiB that break no rule: as deep as they may be, and as wide."""
    size = 1_000_000
    repeat(target, counts, [
        ("/api/publish", publish(groups(DEPTH - 2, size))), ("/api/publish", publish(groups(1, size))),
        ("/api/publish", publish("[" + ",".join(['{"b":1,"a":2}'] * (size // 14)) + "]"))])


def repeat(target, counts, requests):
    connection = target.connect()
    for path, body in itertools.cycle(list(requests)):
        connection.socket.sendall(target.post(path, body))
        counts["requests"] += 1
        counts[status(connection.read_response()[0])] += 1
