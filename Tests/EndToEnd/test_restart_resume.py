"""A planned restart of one process by the next: clients that are up to date miss nothing, and are told of no gap."""
import concurrent.futures
import json
import re
import signal
import threading

import httpx
import pytest

from support.event_stream import Stream, push, query
from support.kept_connection import ask, connected
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

DRAIN = ["--drain-time", "200ms", "--log-level", "warning"]


class SSE:
    """A client of server-sent events; its items are those of a WebSocket."""

    def __init__(self, server, after=None, **values):
        self.stream = Stream(server, last_id=after, **values)

    def next(self):
        fields = self.stream.next()
        if fields.get("event") == "gap":
            return {"gap": json.loads(fields["data"])["events"]}
        return fields

    def close(self):
        self.stream.file.close()
        self.stream.socket.close()


class WebSocket:
    """A client of the event-stream dialect over a WebSocket."""

    def __init__(self, server, after=None, **values):
        after = {"after": after} if after else {}
        self.client = RawClient(server.address, f"/ws?{query(**values, **after)}", "Sec-WebSocket-Protocol: martlet\r\n")

    def next(self):
        while True:
            first, payload = self.client.read_frame()
            if first == 0x88:
                raise EOFError
            if item := json.loads(payload):
                return item

    def close(self):
        self.client.close()


class Polls:
    """A client that polls again and again."""

    def __init__(self, server, after=None, **values):
        self.server, self.after, self.values, self.items = server, after, values, []

    def next(self):
        while not self.items:
            after = {"after": self.after} if self.after else {}
            try:
                answer = httpx.get(f"http://{self.server.address}/poll?{query(**self.values, **after, wait=20)}", timeout=PATIENCE)
            except httpx.TransportError:
                raise EOFError from None
            if answer.status_code == 503:
                raise EOFError
            assert answer.status_code in (200, 204), answer.text
            if answer.content:
                got = answer.json()
                self.after = got.get("id", self.after)
                self.items += [{"gap": got["gap"]}] if "gap" in got else []
                self.items += got["publications"] or ([{"id": self.after}] if "gap" not in got else [])
        return self.items.pop(0)

    def close(self):
        pass


CLIENTS = {"sse": SSE, "websocket": WebSocket, "poll": Polls}


def read_to_the_end(client):
    """What else comes, until the service ends the session."""
    items = []
    try:
        while True:
            items.append(client.next())
    except (EOFError, OSError):
        return items


def next_data(client, count):
    """So many messages, and the gaps before and between them."""
    got = []
    while sum("data" in item for item in got) < count:
        item = client.next()
        if "data" in item or "gap" in item:
            got.append(item)
    return [item.get("data", item.get("gap")) for item in got]


@pytest.fixture
def restart(start, free_port):
    """Starts a service, and the next one on the same port after the one before has ended."""
    servers = []

    def restart(*arguments, by=signal.SIGTERM, while_it_ends=None):
        if servers:
            servers[-1].process.send_signal(by)
            result = while_it_ends and while_it_ends()
            servers[-1].process.wait(PATIENCE)
        servers.append(start("serve", "--listen", f"127.0.0.1:{free_port}", *DRAIN, *arguments))
        return (servers[-1], result) if while_it_ends else servers[-1]

    return restart


def up_to_date(server, kind, messages=3, **values):
    """A client that has got all there is, and its last id."""
    client = CLIENTS[kind](server, **values)
    last = client.next()["id"]
    for number in range(messages):
        push(server, number)
        item = client.next()
        assert item["data"] == str(number)
        last = item["id"]
    if kind == "poll":  # it waits for more
        threading.Thread(target=lambda: client.items.extend(read_to_the_end(client)), daemon=True).start()
    eventually(lambda: server.metric("martlet_sessions") == 1, "it listens")
    return client, last


def end(client, last):
    """The id that a client has at the end of its session."""
    if isinstance(client, Polls):
        eventually(lambda: client.after != last or client.server.process.poll() is not None, "its poll is answered")
        return client.after
    items = read_to_the_end(client)
    assert not any("gap" in item for item in items)
    return next((item["id"] for item in reversed(items) if "id" in item), last)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("messages", [0, 3])
def test_a_client_that_is_up_to_date_is_told_of_no_gap(restart, kind, messages):
    client, last = up_to_date(restart(), kind, messages)
    server, last = restart(while_it_ends=lambda: end(client, last))
    # Nothing was published: it stands where the stream begins.
    again = CLIENTS[kind](server, after=last)
    if kind != "poll":
        assert "gap" not in again.next()
        eventually(lambda: server.metric("martlet_sessions") == 1, "it listens")
    push(server, "first")
    assert next_data(again, 1) == ["first"]
    again.close()


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_the_next_process_published_before_it_came_back_is_delivered(restart, kind):
    client, last = up_to_date(restart(), kind)
    server, last = restart(while_it_ends=lambda: end(client, last))
    for number in range(10, 13):
        assert push(server, number) == 0
    again = CLIENTS[kind](server, after=last)
    assert next_data(again, 3) == ["10", "11", "12"]
    push(server, 13)
    assert next_data(again, 1) == ["13"]
    again.close()


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_history_that_was_cut_is_a_gap(restart, kind):
    client, last = up_to_date(restart(), kind)
    server, last = restart("--history-size", "2", while_it_ends=lambda: end(client, last))
    for number in range(10, 15):
        push(server, number)
    assert next_data(CLIENTS[kind](server, after=last), 2) == [["alerts"], "13", "14"]


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_channel_of_a_stream_goes_on(restart, kind):
    server = restart()
    events = {"event": ["alerts", "news", "never"]}
    client, last = up_to_date(server, kind, **events)
    server, last = restart(while_it_ends=lambda: end(client, last))
    for event, text in (("news", "n"), ("alerts", "a"), ("never", "x")):
        push(server, text, event=event)
    again = CLIENTS[kind](server, after=last, **events)
    assert sorted(next_data(again, 3), key=str) == ["a", "n", "x"]
    # One event more is one that was not heard before, and no gap.
    again = CLIENTS[kind](server, after=last, event=["alerts", "more"])
    assert next_data(again, 1) == ["a"]


@pytest.mark.parametrize("kind", CLIENTS)
def test_whoever_was_away_before_the_restart_is_told_of_a_gap(restart, kind):
    server = restart()
    client, last = up_to_date(server, "sse")
    client.close()
    eventually(lambda: server.metric("martlet_sessions") == 0, "it has gone")
    push(server, "missed")
    server = restart()
    push(server, "new")
    assert next_data(CLIENTS[kind](server, after=last), 1) == [["alerts"], "new"]


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_end_that_nobody_planned_is_a_gap(restart, kind):
    client, last = up_to_date(restart(), kind)
    server, last = restart(by=signal.SIGKILL, while_it_ends=lambda: end(client, last))
    push(server, "new")
    assert next_data(CLIENTS[kind](server, after=last), 1) == [["alerts"], "new"]


def test_while_clients_leave_nothing_that_is_accepted_is_lost(restart):
    """Some have left and others have not: what those who have left would miss is not accepted any more."""
    server = restart("--drain-time", "2s")
    clients = [SSE(server) for _ in range(20)] + [WebSocket(server) for _ in range(20)]
    for client in clients:
        client.next()
    back_end, got = connected(server), []
    assert ask(back_end, "/push", json.dumps({"userId": "jack", "event": "alerts", "message": "begin"}))[1] == "message sent to 40 clients"

    def push_all_the_time():
        accepted, refused, number = ["begin"], [], 0
        try:
            while True:
                number += 1
                back_end.request("POST", "/push", json.dumps({"userId": "jack", "event": "alerts", "message": str(number)}))
                answer = back_end.getresponse()
                text = answer.read().decode()
                if answer.status == 503:
                    assert int(answer.headers["Retry-After"]) >= 1, answer.headers
                    refused.append(number)
                else:
                    assert answer.status == 200 and not refused, "once they have begun to leave, they leave"
                    accepted.append(str(number))
        except OSError:
            return accepted, refused

    def drain():
        with concurrent.futures.ThreadPoolExecutor(len(clients) + 1) as pool:
            pushes = pool.submit(push_all_the_time)
            ends = [pool.submit(read_to_the_end, client) for client in clients]
            return pushes.result(), [one.result() for one in ends]

    server, ((accepted, refused), got) = restart(while_it_ends=drain)
    assert refused, "some were refused"
    for items in got:
        assert [item["data"] for item in items if "data" in item] == accepted
    # And all go on where the next process begins.
    push(server, "next")
    for items in got:
        last = next(item["id"] for item in reversed(items) if "id" in item)
        assert next_data(SSE(server, after=last), 1) == ["next"]


def test_the_id_is_what_the_documents_say(restart):
    client, last = up_to_date(restart(), "sse", event=["alerts", "a.b"])
    _, last = restart(while_it_ends=lambda: end(client, last))
    assert re.fullmatch(r"alerts~-[0-9a-z]+\.0,[^,]*~-[0-9a-z]+\.0", last)


@pytest.mark.parametrize("transport", CLIENTS)
def test_pages_see_no_gap(restart, browser, transport):
    server = restart("--retry", "300ms")
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const [transport, done] = arguments;
        import("/martlet.js").then(() => {
            window.got = []; window.gaps = [];
            window.martlet = new Martlet({ token: "jack", transports: [transport], share: false, delay: 50 });
            martlet.on("gap", events => gaps.push(events));
            martlet.on("state", state => { if (state === "open") done(true); });
            martlet.subscribe("alerts", data => got.push(data));
        });""", transport)
    for number in range(3):
        eventually(lambda: server.metric("martlet_sessions") == 1, "it listens")
        push(server, f"before {number}")
        eventually(lambda: browser.execute_script("return got.at(-1)") == f"before {number}", "it has come")
        eventually(lambda: server.metric("martlet_sessions") == 1, "it is up to date")
        server = restart("--retry", "300ms")
        push(server, f"after {number}")
        eventually(lambda: browser.execute_script("return got.at(-1)") == f"after {number}", "it has come")
    assert browser.execute_script("return got") == [f"{word} {number}" for number in range(3) for word in ("before", "after")]
    assert browser.execute_script("return gaps") == []
    browser.execute_script("martlet.close()")
