"""What clients, users and back ends may take, and what they are told when it is too much."""
import concurrent.futures
import http.client
import json
import re
import threading
import urllib.request

import httpx
import pytest

from support.command import run
from support.event_stream import Stream, query
from support.raw_client import RawClient
from support.request import request
from support.waiting import PATIENCE, eventually


def refused(server, path="/ws", headers=""):
    """Status, Retry-After and body of a handshake that must not succeed."""
    client = RawClient(server.address, handshake=False)
    client.send_handshake(path, headers)
    head, body = client.read_response()
    found = re.search(rb"retry-after: (\d+)", head, re.I)
    client.close()
    return int(head.split()[1]), int(found.group(1)) if found else None, body.decode()


def get(server, path):
    """Status and Retry-After."""
    status, headers = request(server, path)
    return status, headers["Retry-After"]


def test_connections_from_one_address(serve):
    server = serve("--limits-connections-per-address", "2")
    first, second = RawClient(server.address), Stream(server)
    status, wait, body = refused(server)
    assert (status, wait) == (429, 1) and "127.0.0.1" in body
    assert get(server, f"/sse?{query()}") == (429, "1")
    assert get(server, f"/poll?{query(wait=0)}") == (429, "1")
    assert server.push("jack", "alerts", "x") == 1  # requests are not clients
    first.close()
    eventually(lambda: server.metric("martlet_sessions") == 1, "one has gone")
    assert get(server, f"/poll?{query(wait=0)}")[0] == 200
    again = RawClient(server.address)
    again.close()


def test_a_poll_that_waits_is_a_connection(serve):
    server = serve("--limits-connections-per-address", "1")
    # It waits only where there is nothing to tell: at the position that it is told of now.
    with urllib.request.urlopen(f"http://{server.address}/poll?{query(wait=0)}", timeout=PATIENCE) as response:
        after = json.loads(response.read())["id"]
    held = threading.Thread(target=get, args=(server, f"/poll?{query(wait=60, after=after)}"))
    held.start()
    eventually(lambda: server.metric("martlet_sessions") == 1, "a poll waits")
    assert refused(server)[0] == 429
    server.push("jack", "alerts", "x")
    held.join(PATIENCE)
    RawClient(server.address).close()


def test_addresses_behind_a_proxy(serve):
    server = serve("--limits-connections-per-address", "1", "--trusted-proxies", "127.0.0.0/8")
    one = RawClient(server.address, headers="X-Forwarded-For: 192.0.2.1\r\n")
    other = RawClient(server.address, headers="X-Forwarded-For: 192.0.2.2\r\n")
    status, _, body = refused(server, headers="X-Forwarded-For: 192.0.2.1\r\n")
    assert status == 429 and "192.0.2.1" in body
    one.close()
    other.close()


def test_how_often_an_address_connects(serve):
    server = serve("--limits-connection-rate", "2/h", "--limits-connection-burst", "2")
    for _ in range(2):
        RawClient(server.address).close()
    status, wait, body = refused(server)
    assert status == 429 and 1700 < wait <= 1800 and "too many new connections" in body
    assert server.push("jack", "alerts", "x") == 0


def test_connections_in_all(serve):
    server = serve("--limits-connections", "1")
    one = RawClient(server.address)
    assert refused(server) == (503, 5, "too many connections")
    late = RawClient(server.address, handshake=False)
    late.send_handshake()
    assert b"connection: close" in late.read_response()[0].lower() and late.socket.recv(1) == b""
    assert server.push("jack", "alerts", "x") == 0  # whoever pushes gets through
    one.close()


def test_sessions_of_one_user(serve):
    server = serve("--limits-sessions-per-user", "2")
    first, stream = RawClient(server.address), Stream(server)
    first.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 2)
    late = RawClient(server.address)
    late.register("jack", "alerts")
    assert late.read_close() == (1013, "this user has too many connections")
    assert get(server, f"/sse?{query()}") == (429, "5")
    assert get(server, f"/poll?{query(wait=0)}") == (429, "5")
    socket = RawClient(server.address, f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")
    assert socket.read_close()[0] == 1013
    other = RawClient(server.address)
    other.register("jill", "alerts")
    server.push_until("jill", "alerts", "x", 1)
    # Who registers as somebody else makes room, however it came to be there.
    first.register("joe", "alerts")
    server.push_until("joe", "alerts", "x", 1)
    again = RawClient(server.address)
    again.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 2)
    assert server.metric("martlet_sessions_refused_total") == 4
    for one in (stream.file, stream.socket, first.socket, again.socket):
        one.close()
    eventually(lambda: server.metric("martlet_sessions") == 1, "they have gone")
    assert get(server, f"/poll?{query(wait=0)}")[0] == 200


CLOSE_OLDEST = ["--limits-sessions-per-user", "2", "--limits-excess-sessions", "close-oldest"]
REPLACED = 1008, "replaced by a newer session of this user"


def test_the_oldest_session_of_a_user_makes_room(serve):
    server = serve(*CLOSE_OLDEST)
    first, second, third = (RawClient(server.address) for _ in range(3))
    for count, client in ((1, first), (2, second)):
        client.register("jack", "alerts")
        server.push_until("jack", "alerts", f"{count}", count)
    other = RawClient(server.address)
    other.register("jill", "alerts")
    server.push_until("jill", "alerts", "x", 1)
    third.register("jack", "alerts")
    assert first.read_close() == REPLACED
    server.push_until("jack", "alerts", "3", 2)
    assert server.push("jill", "alerts", "x") == 1
    # Each kind replaces each.
    stream = Stream(server)
    assert second.read_close() == REPLACED
    martlet = RawClient(server.address, f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")
    assert third.read_close() == REPLACED
    after = stream.next()["id"]
    polls = []
    waiting = threading.Thread(target=lambda: polls.append(get(server, f"/poll?{query(wait=60, after=after)}")[0]))
    waiting.start()
    with pytest.raises(EOFError):
        while True:
            stream.next()
    fourth = RawClient(server.address)
    fourth.register("jack", "alerts")
    assert martlet.read_close() == REPLACED
    fifth = RawClient(server.address)
    fifth.register("jack", "alerts")
    waiting.join(PATIENCE)
    assert polls == [403], "with nothing it would come back at once"
    server.push_until("jack", "alerts", "end", 2)
    eventually(lambda: server.metric("martlet_sessions") == 3, "those that were closed have gone")
    assert server.metric("martlet_sessions_refused_total") == 0


@pytest.mark.parametrize("kind", ["websocket", "sse", "poll"])
def test_a_poll_that_was_replaced_is_told_to_stay_away(serve, kind):
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "close-oldest")
    after = httpx.get(f"http://{server.address}/poll?{query(wait=0)}", timeout=PATIENCE).json()["id"]
    url = f"http://{server.address}/poll?{query(after=after, wait=60)}"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(httpx.get, url, timeout=PATIENCE)
        eventually(lambda: server.metric("martlet_sessions") == 1, "it waits")
        newer = {"websocket": lambda: RawClient(server.address, f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n"),
                 "sse": lambda: Stream(server), "poll": lambda: pool.submit(httpx.get, url, timeout=PATIENCE)}[kind]()
        answer = waiting.result(PATIENCE)
        server.push_until("jack", "alerts", "to the newer one", 1)
        if kind == "poll":
            assert newer.result(PATIENCE).json()["publications"][0]["data"] == "to the newer one"
    assert (answer.status_code, answer.text) == (403, REPLACED[1]) and answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("values", [{}, {"encoding": "json"}], ids=["text", "JSON"])
def test_a_stream_that_was_replaced_is_told_why_and_comes_back_late(serve, values):
    """An EventSource comes back whatever it is told."""
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "close-oldest", "--retry", "1s")
    stream = Stream(server, **values)
    newer = Stream(server)
    told = stream.file.read().decode().split("\n\n")[-2]
    fields = dict(line.split(": ", 1) for line in told.split("\n"))
    assert fields.keys() == {"retry", "event", "data"} and (fields["retry"], fields["event"]) == ("60000", "closed")
    assert json.loads(fields["data"]) == {"code": 1008, "reason": REPLACED[1]}
    server.push_until("jack", "alerts", "x", 1)
    newer.file.close()


def test_a_session_does_not_make_room_for_itself(serve):
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "close-oldest")
    client = RawClient(server.address)
    for event in ("a", "b", "c", "a"):
        client.register("jack", event)
    server.push_until("jack", "c", "x", 1)
    # One that becomes a user's is that user's newest, and makes room where it was.
    moving = RawClient(server.address)
    moving.register("jill", "a")
    server.push_until("jill", "a", "x", 1)
    moving.register("jack", "a")
    assert client.read_close() == REPLACED
    server.push_until("jack", "a", "x", 1)
    late = RawClient(server.address)
    late.register("jill", "a")
    server.push_until("jill", "a", "x", 1)
    assert server.push("jack", "a", "x") == 1


def test_many_sessions_of_one_user_at_once(serve):
    """The newest are left, whichever they are, and nobody else."""
    server = serve(*CLOSE_OLDEST)
    clients = [RawClient(server.address) for _ in range(50)]
    for client in clients:
        client.register("jack", "alerts")
    eventually(lambda: server.metric("martlet_sessions") == 2 and server.push("jack", "alerts", "x") == 2, "two are left")


def test_policies_of_sessions(serve):
    assert run("serve", "--listen", "127.0.0.1:0", "--limits-excess-sessions", "nonsense").returncode == 64
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "refuse")
    client = RawClient(server.address)
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 1)
    late = RawClient(server.address)
    late.register("jack", "alerts")
    assert late.read_close() == (1013, "this user has too many connections")


def test_a_page_that_was_replaced_stays_away(serve, browser):
    """Two pages would take the place from each other for ever."""
    server = serve("--limits-sessions-per-user", "1", "--limits-excess-sessions", "close-oldest", "--retry", "100ms")
    browser.get(f"http://{server.address}/martlet.js")
    browser.execute_script("""
        import("/martlet.js").then(() => {
            window.pages = []; window.errors = [];
            const open = number => {
                const martlet = new Martlet({ token: "jack", transports: ["websocket"], share: false, delay: 10 });
                martlet.on("error", error => errors.push(`${number}: ${error.message}`));
                martlet.on("state", state => { if (state === "open" && number === 1) open(2); });
                martlet.subscribe("alerts", () => {});
                pages.push(martlet);
            };
            open(1);
        });""")
    eventually(lambda: browser.execute_script("return (window.errors ?? []).length") > 0, "the first is told")
    states = lambda: browser.execute_script("return pages.map(page => page.state)")
    eventually(lambda: states() == ["closed", "open"], lambda: f"the second stays: {states()}")
    [error] = browser.execute_script("return errors")
    assert error.startswith("1: ") and "replaced" in error
    browser.execute_script("pages.forEach(page => page.close())")


def test_events_of_one_session(serve):
    server = serve("--limits-events-per-session", "2")
    client = RawClient(server.address)
    for event in ("a", "b", "c"):
        client.register("jack", event)
    assert json.loads(client.read_frame()[1])["error"]["code"] == 106
    assert get(server, f"/sse?{query(event=['a', 'b', 'c'])}")[0] == 400


def test_limits_that_come_later_count_for_those_who_are_there(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    first, second = RawClient(server.address), RawClient(server.address)
    for client in (first, second):
        client.register("jack", "a")
    server.push_until("jack", "a", "x", 2)
    file.write_text("limits: {sessionsPerUser: 2, messageRate: 1/h, messageBurst: 2}\n")
    eventually(lambda: any("read a file again" in line for line in server.log), "it is read")
    third = RawClient(server.address)
    third.register("jack", "a")
    assert third.read_close() == (1013, "this user has too many connections")
    for _ in range(3):
        first.register("jack", "a")
    assert first.read_close() == (1008, "too many messages")


@pytest.mark.parametrize("path, headers, text", [
    ("/ws", "", json.dumps({"token": "jack", "event": "a"})), ("/ws?" + query(), "Sec-WebSocket-Protocol: martlet\r\n", "x")])
def test_messages_of_one_client(serve, path, headers, text):
    server = serve("--limits-message-rate", "1/h", "--limits-message-burst", "3")
    client = RawClient(server.address, path, headers)
    for _ in range(4):
        client.send(text)
    assert client.read_close() == (1008, "too many messages")
    assert server.metric("martlet_rate_limited_total") == 1


def test_pushes_with_one_key(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("a-key one\nanother-key other\nyet-another one\n")
    server = serve("--api-key-file", str(keys), "--limits-push-rate", "1/h", "--limits-push-burst", "3")
    message = {"userId": "jack", "event": "alerts", "message": "x"}

    def push(key, path="/push", body=message):
        status, body, headers = server.post(path, body, {"X-API-Key": key})
        return status, body, headers["Retry-After"]

    for key in ("a-key", "a-key", "yet-another"):  # two keys of one name count together
        assert push(key)[0] == 200
    status, body, wait = push("a-key")
    assert status == 429 and body == "too many requests with this API key" and 3000 < int(wait) <= 3600
    assert push("wrong")[0] == 401
    # Each message of a batch and of a broadcast counts; what has begun is finished, and owed.
    batch = {"commands": [{"publish": {"channel": "e#u", "data": 1}}, {"broadcast": {"channels": ["a#1", "a#2"], "data": 1}}]}
    assert push("another-key", "/api/batch", batch)[0] == 200
    status, _, wait = push("another-key", "/api/info", {})
    assert status == 429 and 3000 < int(wait) <= 3600
    assert server.metric("martlet_rate_limited_total") == 2


def test_a_push_is_counted_once_whichever_way_it_takes(serve):
    server = serve("--limits-push-rate", "1/h", "--limits-push-burst", "2")
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("POST", "/push", iter([b'{"userId":"jack","event":"alerts",', b'"message":"x"}']), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        assert connection.getresponse().status == 200
    assert server.post("/push", {"userId": "jack", "event": "alerts", "message": "x"})[0] == 429


def test_a_body_that_is_too_long(serve):
    server = serve("--limits-body-size", "1KiB")
    assert server.post("/push", {"userId": "jack", "event": "alerts", "message": "x" * 900})[0] == 200
    assert server.post("/push", {"userId": "jack", "event": "alerts", "message": "x" * 1024})[0] == 413


def test_the_oldest_messages_of_a_slow_client(serve):
    server = serve("--limits-slow-clients", "drop-oldest", "--limits-queue-size", "64KiB")
    slow = RawClient(server.address)
    slow.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 1)
    text = "y" * 10_000
    count = 0
    while server.metric("martlet_messages_dropped_total") == 0:
        server.push("jack", "alerts", f"{count} {text}")
        count += 1
        assert count < 10_000
    server.push("jack", "alerts", "last")
    numbers = []
    while True:
        message = slow.read_frame()[1].decode()
        if message == "last":
            break
        if message != "x":
            numbers.append(int(message.split()[0]))
    assert numbers == sorted(numbers) and len(numbers) < count, "some are missing, and the rest is in order"


def test_a_slow_client_of_an_event_stream_is_closed_all_the_same(serve):
    """It comes back, and is sent what it missed: nothing may be left out behind its back."""
    server = serve("--limits-slow-clients", "drop-oldest")
    slow = RawClient(server.address, f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")
    slow.read_frame()
    text = "y" * 10_000
    server.push_until("jack", "alerts", text, 1)
    eventually(lambda: server.push("jack", "alerts", text) == 0, "it is closed")
    assert server.metric("martlet_slow_consumers_total") == 1
    assert server.metric("martlet_messages_dropped_total") == 0
