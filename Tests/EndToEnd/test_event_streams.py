"""Server-sent events, polls and `martlet.js`: the clients of others, resuming after cuts, gaps."""
import http.client
import json
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import httpx
import httpx_sse
import pytest
import sseclient
from conftest import PATIENCE, ROOT, RawClient, eventually
from proxying import Nginx, free_port

DOCUMENT = (ROOT / "docs/event-streams.md").read_text()


def push(server, number, user="jack", event="alerts"):
    return server.push(user, event, str(number))


def query(**values):
    return urllib.parse.urlencode({"token": "jack", "event": "alerts", **values}, doseq=True)


def poll(server, **values):
    """Status and the answer's JSON; of a refusal, its text."""
    answer = httpx.get(f"http://{server.address}/poll?{query(**values)}", timeout=PATIENCE)
    if answer.is_error:
        return answer.status_code, answer.text
    return answer.status_code, answer.json() if answer.content else None


def data(answer):
    return [item["data"] for item in answer["publications"]]


class Stream:
    """Server-sent events on a bare socket; each event is a dictionary of its fields."""

    def __init__(self, server, last_id=None, headers="", **values):
        host, port = server.address.split(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(
            f"GET /sse?{query(**values)} HTTP/1.1\r\nHost: {server.address}\r\n{last}{headers}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))

    def next(self):
        fields = {}
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError
            if line == b"\n":
                if fields.keys() - {"retry"}:
                    return fields
                fields = {}
            elif not line.startswith(b":"):
                name, value = line.decode().rstrip("\n").split(": ", 1)
                fields[name] = fields[name] + "\n" + value if name in fields else value


# Bytes


def test_the_answer_and_its_events(serve):
    server = serve()
    stream = Stream(server, event=["alerts", "news"])
    assert stream.head.startswith(b"HTTP/1.1 200 ")
    for header in (b"Content-Type: text/event-stream; charset=utf-8", b"X-Accel-Buffering: no", b"Cache-Control: no-store"):
        assert header in stream.head
    first = stream.next()
    assert first.keys() == {"id"} and re.fullmatch(r"alerts~\w+\.0,news~\w+\.0", first["id"])
    assert push(server, "a\nb\r\nc\rd") == 1
    assert stream.next() | {"id": ""} == {"event": "alerts", "data": "a\nb\nc\nd", "id": ""}
    push(server, "n", event="news")
    event = stream.next()
    assert (event["event"], event["data"]) == ("news", "n") and re.fullmatch(r"alerts~\w+\.1,news~\w+\.1", event["id"])
    exact = Stream(server, encoding="json")
    exact.next()
    push(server, 'a\r"\\\n\t\u2028é')
    assert json.loads(exact.next()["data"]) == 'a\r"\\\n\t\u2028é'


def test_padding_and_retry_come_first(serve):
    stream = Stream(serve())
    assert len(stream.file.readline()) > 2048 and stream.file.readline() == b"\n"
    assert 1000 <= int(re.fullmatch(rb"retry: (\d+)\n", stream.file.readline()).group(1)) <= 3000


def test_an_id_resumes_every_channel(serve):
    server = serve()
    stream = Stream(server, event=["alerts", "news"])
    stream.next()
    push(server, 1)
    last = stream.next()["id"]
    stream.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: server.metric("martlet_sessions") == 0, "the stream has ended")
    assert push(server, 2) == push(server, "n", event="news") == push(server, 3) == 0
    again = Stream(server, last_id=last, event=["alerts", "news"])
    assert [(event["event"], event["data"]) for event in (again.next() for _ in range(3))] == [
        ("alerts", "2"), ("news", "n"), ("alerts", "3")]
    push(server, 4)
    assert again.next()["data"] == "4"
    # In another order, and with one that it has not heard before.
    other = Stream(server, after=last, event=["more", "news", "alerts"])
    assert [other.next().get("data") for _ in range(4)] == ["2", "n", "3", "4"]


def test_a_gap_is_told(serve):
    server = serve("--history-size", "3")
    stream = Stream(server)
    first = stream.next()["id"]
    for number in range(5):
        push(server, number)
    again = Stream(server, last_id=first)
    gap = again.next()
    assert gap["event"] == "gap" and json.loads(gap["data"]) == {"events": ["alerts"]}
    assert [again.next()["data"] for _ in range(3)] == ["2", "3", "4"]
    for wrong in ("nonsense", "alerts~1.1", first.split(".")[0] + ".99"):
        assert Stream(server, last_id=wrong).next()["event"] == "gap"
    status, answer = poll(server, after=first)
    assert status == 200 and answer["gap"] == ["alerts"] and data(answer) == ["2", "3", "4"]
    # A client that is cut off between a gap and what follows keeps its id, and an empty one is none.
    assert "id" not in gap
    assert "gap" not in poll(server, after="")[1]


def test_without_history_nothing_is_kept(serve):
    server = serve("--history-size", "0")
    stream = Stream(server)
    eventually(lambda: server.metric("martlet_sessions") == 1, "it is there")
    push(server, 1)
    assert stream.next() == {"event": "alerts", "data": "1"}
    assert Stream(server, last_id="alerts~a.1").next()["event"] == "gap"
    assert poll(server, wait=0) == (204, None)


def test_nobody_hears_another_users_events(serve):
    server = serve()
    jack, jill = Stream(server), Stream(server, token="jill")
    jack.next(), jill.next()
    assert push(server, "for jill", user="jill") == 1 and push(server, "for jack") == 1
    assert jack.next()["data"] == "for jack" and jill.next()["data"] == "for jill"


def test_polls(serve):
    server = serve()
    status, answer = poll(server)
    assert status == 200 and answer["publications"] == []  # where it stands, at once
    push(server, 1)
    push(server, 2)
    status, answer = poll(server, after=answer["id"])
    assert data(answer) == ["1", "2"]
    assert poll(server, after=answer["id"], wait=0) == (204, None)
    got = []
    waiting = threading.Thread(target=lambda: got.append(poll(server, after=answer["id"], wait=20)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 1, "it waits")
    assert push(server, 3) == 1
    waiting.join(PATIENCE)
    assert got[0][0] == 200 and data(got[0][1]) == ["3"]
    assert server.metric("martlet_sessions") == 0


def test_shutdown_answers_polls_and_ends_streams(serve):
    server = serve()
    stream = Stream(server)
    after = stream.next()["id"]
    got = []
    waiting = threading.Thread(target=lambda: got.append(poll(server, after=after, wait=60)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 2, "both are there")
    assert server.stop() == 0
    waiting.join(PATIENCE)
    [(status, text)] = got
    assert status == 503 and re.fullmatch(r"the server restarts; retry: [123]\d\d\d", text)
    with pytest.raises(EOFError):
        stream.next()


def refusal(server, path, headers=None, method="GET"):
    request = urllib.request.Request(f"http://{server.address}{path}", headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize("path", ["/sse", "/poll"])
def test_refusals(serve, tmp_path, path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens), "--origin", "https://good.example")
    assert refusal(server, f"{path}?event=a")[0] == 401
    assert refusal(server, f"{path}?event=a")[1]["WWW-Authenticate"] == "Bearer"
    assert refusal(server, f"{path}?event=a&token=wrong")[0] == 401
    for wrong in ("", "?token=secret", "?token=secret&event=", f"?token=secret&event={'a' * 256}", "?event=%zz",
                  "?event=a&wait=61", "?event=a&wait=x", "?event=a&encoding=xml",
                  "?token=secret&" + "&".join(f"event={n}" for n in range(129))):
        assert refusal(server, path + wrong)[0] == 400, wrong
    assert refusal(server, f"{path}?event=a&token=")[0] == 401
    # A page that may not connect can read why: browsers ask first whether it may send a token.
    evil = {"Origin": "https://evil.example"}
    for method, expected in (("OPTIONS", 204), ("GET", 403)):
        status, headers = refusal(server, f"{path}?event=a&token=secret", evil, method)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, "https://evil.example")
    assert refusal(server, f"{path}?event=a", {"Authorization": "Basic abc"})[0] == 400
    assert refusal(server, f"{path}?token=secret&event=a%0Ab")[0] == 400
    long = "&".join(f"event={number}{'n' * 100}" for number in range(60))  # whose id would not fit into a request
    assert refusal(server, f"{path}?token=secret&{long}")[0] == 400
    cookie = {"Cookie": "martlet_token=secret", "Origin": "https://good.example"}
    assert refusal(server, f"{path}?event=a", cookie)[0] == 401  # cookies are for pages of the same host
    for method in ("POST", "PUT", "DELETE"):
        status, headers = refusal(server, path, method=method)
        assert status == 405 and headers["Allow"] == "GET, OPTIONS"
    status, headers = refusal(server, path, {"Origin": "https://good.example"}, "OPTIONS")
    assert status == 204 and "Authorization" in headers["Access-Control-Allow-Headers"]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert not any("secret" in line for line in server.log + server.output)
    assert server.metric("martlet_registrations_refused_total") >= 15


@pytest.mark.parametrize("path", ["/sse", "/poll"])
def test_a_page_of_another_origin_can_read_when_to_come_back(serve, path):
    server = serve("--limits-connections-per-address", "1", "--origin", "https://good.example")
    stream = Stream(server)
    stream.next()
    status, headers = refusal(server, f"{path}?event=a&token=jack", {"Origin": "https://good.example"})
    assert status == 429 and headers["Retry-After"]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"


def test_a_host_name_that_was_made_to_point_here(serve):
    """DNS rebinding: a browser says no Origin with a GET of the same host."""
    server = serve()
    for path in ("/sse", "/poll"):
        assert refusal(server, f"{path}?{query()}&after=alerts~1.1", {"Host": "evil.example"})[0] == 403
        assert refusal(server, f"{path}?{query()}&after=alerts~1.1", {"Host": "localhost:1"})[0] == 200


def test_requests_to_many_events_at_once_do_not_reorder(serve):
    server = serve("--history-size", "2000")
    first = Stream(server, event=["alerts", "news"])
    last = first.next()["id"]
    first.socket.close()

    def work(part):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        for number in range(200):
            connection.request("POST", "/push", json.dumps({"userId": "jack", "event": "alerts", "message": f"{part} {number}"}))
            connection.getresponse().read()

    threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status, answer = poll(server, event=["alerts", "news"], after=last)
    assert "gap" not in answer and len(answer["publications"]) == 1600


def test_polls_without_history_do_not_spin(serve, browser):
    server = serve("--history-size", "0")
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        import("/martlet.js").then(() => {
            window.gaps = []; window.got = [];
            window.martlet = new Martlet({ token: "jack", transports: ["poll"], share: false, after: "alerts~1.1" });  // of before a restart
            martlet.on("gap", events => gaps.push(events));
            martlet.subscribe("alerts", data => got.push(data));
            martlet.on("state", state => { if (state === "open") done(true); });
        });""")
    eventually(lambda: server.metric("martlet_sessions") == 1, "it waits")
    assert push(server, 1) == 1
    eventually(lambda: browser.execute_script("return got") == ["1"], "it came")
    assert browser.execute_script("return gaps") == [["alerts"]]


def test_a_better_transport_gets_another_chance(serve, browser):
    """Also while polls are answered all the time."""
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        import("/martlet.js").then(() => {
            window.got = [];
            window.martlet = new Martlet({
                token: "jack", transports: ["websocket", "poll"], share: false, delay: 50, patience: 500, paths: { websocket: "/nowhere" } });
            martlet.on("state", (state, transport) => { if (state === "open" && transport === "poll") done(true); });
            martlet.subscribe("alerts", data => got.push(+data));
        });""")
    browser.execute_script("martlet.paths.websocket = '/ws'")
    count = 0

    def is_back():
        nonlocal count
        push(server, count)
        count += 1
        return browser.execute_script("return martlet.state === 'open' && martlet.transport === 'websocket'")

    eventually(is_back, "it is a WebSocket again")
    eventually(lambda: browser.execute_script("return got.length") == count, "all have come")
    assert browser.execute_script("return got") == list(range(count))


def test_a_connection_that_falls_silent_is_noticed(serve, browser):
    """The network is gone and nobody said so; the browser's clock runs fast here."""
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0], later = setTimeout;
        window.setTimeout = (work, time, ...rest) => later(work, time / 100, ...rest);
        window.states = [];
        import("/martlet.js").then(() => {
            window.martlet = new Martlet({ token: "jack", share: false });
            martlet.on("state", state => { states.push(state); if (states.filter(s => s === "open").length === 2) done(true); });
            martlet.subscribe("alerts", () => {});
        });""")


def test_where_a_token_may_stand(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\nother jill\n")
    server = serve("--token-file", str(tokens))
    for headers, in_query in (({"Authorization": "Bearer secret"}, "other"), ({}, "secret"),
                              ({"Cookie": "a=b; martlet_token=secret"}, None), ({"Cookie": "martlet_token=other"}, "secret")):
        url = f"http://{server.address}/sse?event=alerts" + (f"&token={in_query}" if in_query else "")
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE):
            eventually(lambda: push(server, 1) == 1, "it is jack's")
        eventually(lambda: server.metric("martlet_sessions") == 0, "it has ended")


def test_a_stream_behind_other_requests_of_its_connection(serve):
    server = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"
    connection.request("GET", f"/sse?{query()}")
    response = connection.getresponse()
    assert response.status == 200 and response.read(1) == b":"
    connection.request  # the socket is the stream's now
    assert push(server, "here") == 1
    assert b"data: here\n" in iter(response.readline, b"")
    connection.close()


def test_a_stream_that_is_not_read_is_ended_and_resumes(serve):
    server = serve()
    stream = Stream(server)
    first = stream.next()["id"]
    text = "x" * 100_000
    count = 0
    while server.metric("martlet_slow_consumers_total") == 0:
        push(server, f"{count} {text}")
        count += 1
        assert count < 500
    numbers = []
    with pytest.raises(EOFError):
        while True:
            event = stream.next()
            numbers.append(int(event["data"].split()[0]))
            first = event["id"]
    again = Stream(server, last_id=first)
    while not numbers or numbers[-1] < count - 1:
        event = again.next()
        if event.get("event") == "gap":
            break
        numbers.append(int(event["data"].split()[0]))
    assert numbers == list(range(len(numbers)))


# The clients of others


def test_curl(serve):
    server = serve()
    curl = subprocess.Popen(["curl", "-sN", f"http://{server.address}/sse?{query()}"], stdout=subprocess.PIPE, text=True)
    eventually(lambda: push(server, "hello") == 1, "curl is there")
    assert "data: hello\n" in iter(curl.stdout.readline, "")
    curl.kill()
    curl.wait()


def test_httpx_sse(serve):
    server = serve()
    with httpx.Client(timeout=PATIENCE) as client:
        with httpx_sse.connect_sse(client, "GET", f"http://{server.address}/sse?{query()}") as source:
            events = (event for event in source.iter_sse() if event.data)
            eventually(lambda: push(server, "hello") == 1, "it is there")
            event = next(events)
            assert (event.event, event.data) == ("alerts", "hello") and event.id.startswith("alerts~")


def test_sseclient_py(serve):
    server = serve()
    with httpx.Client(timeout=PATIENCE) as client:
        with client.stream("GET", f"http://{server.address}/sse?{query()}") as response:
            eventually(lambda: push(server, "hello") == 1, "it is there")
            event = next(event for event in sseclient.SSEClient(response.iter_bytes()).events() if event.data)
            assert (event.event, event.data) == ("alerts", "hello")


# Through nginx, in a browser


class Cutter:
    """Passes connections on to a server, until they are cut."""

    def __init__(self, port):
        self.target, self.pairs, self.is_open = port, [], True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.is_open:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


@pytest.fixture(params=["direct", "nginx with its defaults", "nginx as documented"])
def chain(request, start, tmp_path):
    """A service, and a cutter in front of it: perhaps with nginx between."""
    listener = free_port()
    cutter = Cutter(listener)
    server = start("serve", "--listen", f"127.0.0.1:{listener if request.param == 'direct' else free_port()}",
                   "--origin", f"http://{cutter.address}", "--retry", "300ms", "--log-level", "warning")
    nginx = None
    if "nginx" in request.param:
        location, http = f"location / {{ proxy_pass http://{server.address}; }}", ""
        if "documented" in request.param:
            http, location = re.search(r"```nginx\n(.*?)server {(.*)}\n```", DOCUMENT, re.S).groups()
            location = location.replace("127.0.0.1:8080", server.address)
        nginx = Nginx(tmp_path / "nginx", f";{location}", listener, http=http)
    yield server, cutter, request.param
    if nginx:
        nginx.stop()


LISTEN = """
    const [transports, done] = arguments;
    import("/martlet.js").then(() => {
        window.got = []; window.gaps = []; window.states = [];
        window.martlet = new Martlet({ token: "jack", transports, share: false, delay: 200 });
        martlet.on("gap", events => gaps.push(events));
        martlet.on("state", (state, transport) => states.push(`${state} ${transport}`));
        martlet.on("error", error => states.push(`error ${error.message}`));
        martlet.subscribe("alerts", data => { got.push(+data); });
        martlet.on("state", state => { if (state === "open") done(true); });
    });"""


@pytest.mark.parametrize("transports", [["websocket"], ["sse"], ["poll"], ["websocket", "sse", "poll"]], ids="-".join)
def test_a_thousand_pushes_and_ten_cuts(chain, browser, transports):
    server, cutter, between = chain
    if transports == ["websocket"] and between == "nginx with its defaults":
        pytest.skip("nginx does not pass an upgrade on by default")
    browser.get(f"http://{cutter.address}/martlet.js")
    assert browser.execute_async_script(LISTEN, transports)
    expected = "sse" if between == "nginx with its defaults" and len(transports) > 1 else transports[0]
    assert browser.execute_script("return martlet.transport") == expected

    def count():
        return browser.execute_script("return got.length")

    eventually(lambda: server.metric("martlet_sessions") == 1 or transports == ["poll"], "one session")
    for part in range(10):
        for number in range(part * 100, part * 100 + 100):
            push(server, number)
            if number % 100 == 30:
                cutter.cut()
        eventually(lambda: count() >= part * 100 + 100, "all have come")
    assert browser.execute_script("return got") == list(range(1000))
    assert browser.execute_script("return gaps") == []
    # More than is kept, while nobody listens: the page is told, and has the rest.
    cutter.is_open = False
    cutter.cut()
    eventually(lambda: server.metric("martlet_sessions") == 0, "the connection is gone")
    for number in range(1000, 1150):
        push(server, number)
    cutter.is_open = True
    eventually(lambda: browser.execute_script("return got.at(-1)") == 1149, "the rest has come")
    assert browser.execute_script("return gaps") == [["alerts"]]
    assert browser.execute_script("return got") == list(range(1000)) + list(range(1050, 1150))
    browser.execute_script("martlet.close()")


def test_the_browsers_own_eventsource(chain, browser):
    server, cutter, _ = chain
    browser.get(f"http://{cutter.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        window.got = []; window.source = new EventSource("/sse?token=jack&event=alerts");
        source.addEventListener("alerts", event => got.push(+event.data));
        source.onopen = () => done(true);""")
    eventually(lambda: server.metric("martlet_sessions") == 1, "one session")
    for number in range(60):
        push(server, number)
        if number == 20:
            cutter.cut()
    eventually(lambda: browser.execute_script("return got.length") >= 60, "all have come")
    assert browser.execute_script("return got") == list(range(60))
    browser.execute_script("source.close()")


def test_a_refused_token_is_told_and_not_tried_again(serve, tmp_path, browser):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    browser.get(f"http://{server.address}/martlet.js")
    for transport in ("websocket", "sse", "poll"):
        state, message = browser.execute_async_script("""
            const [transport, done] = arguments;
            import("/martlet.js").then(() => {
                const martlet = new Martlet({ token: "wrong", transports: [transport] });
                martlet.on("error", error => done([martlet.state, error.message]));
                martlet.subscribe("alerts", () => {});
            });""", transport)
        assert state == "closed" and "token" in message
    assert server.metric("martlet_registrations_refused_total") == 3


def test_a_fresh_token_for_every_connection(serve, tmp_path, browser):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0], tokens = ["old", "secret"];
        import("/martlet.js").then(() => {
            const martlet = new Martlet({ token: async () => tokens.shift() });
            martlet.on("state", state => { if (state === "open") done(true); });
            martlet.subscribe("alerts", () => {});
        });""")


def test_tabs_share_one_connection(serve, browser):
    server = serve()
    first = browser.current_window_handle
    browser.get(f"http://{server.address}/martlet.js")
    script = """
        const [events, done] = arguments;
        import("/martlet.js").then(() => {
            window.got = [];
            window.martlet = new Martlet({ token: "jack" });
            martlet.on("state", state => { if (state === "open") done(true); });
            for (const event of events) martlet.subscribe(event, data => got.push(`${event} ${data}`));
        });"""
    assert browser.execute_async_script(script, ["alerts"])
    browser.switch_to.new_window("tab")
    second = browser.current_window_handle
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script(script, ["alerts", "news"])

    def got(handle):
        browser.switch_to.window(handle)
        return browser.execute_script("return got")

    try:
        eventually(lambda: push(server, 0, event="news") == 1, "the connection hears for both tabs")
        assert server.metric("martlet_sessions") == 1
        assert push(server, 1) == 1
        eventually(lambda: got(second)[-1:] == ["alerts 1"] and got(first) == ["alerts 1"], "both have it")
        # The leader goes: the other takes over where it was.
        browser.switch_to.window(first)
        browser.close()
        push(server, 2)
        push(server, 3, event="news")
        eventually(lambda: got(second)[-2:] == ["alerts 2", "news 3"], "nothing is lost")
        eventually(lambda: server.metric("martlet_sessions") == 1, "it has a connection")
    finally:
        browser.switch_to.window(second)


TABS = """
    const [token, options, done] = arguments;
    import("/martlet.js").then(() => {
        window.got = []; window.gaps = [];
        window.martlet = new Martlet({ token, ...options });
        window.hear = event => martlet.subscribe(event, data => got.push(`${event} ${data}`));
        martlet.on("gap", events => gaps.push(events));
        martlet.on("error", error => got.push(error.message));
        done(true);
    });"""


@pytest.fixture
def tab(browser):
    """Opens pages in tabs of their own; each is asked by running a script in it."""
    first, opened = browser.current_window_handle, []

    def open_tab(server, token="jack", **options):
        browser.switch_to.window(first)
        browser.switch_to.new_window("tab")
        handle = browser.current_window_handle
        opened.append(handle)
        browser.get(f"http://{server.address}/martlet.js?page={len(opened)}")
        assert browser.execute_async_script(TABS, token, options)

        def ask(script, *arguments):
            browser.switch_to.window(handle)
            if script == "close":
                opened.remove(handle)
                browser.close()
                return None
            return browser.execute_script(script, *arguments)
        return ask

    yield open_tab
    for handle in opened:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(first)


def test_a_tab_hears_only_what_it_asked_for(serve, tab):
    """And from when on it asked, whatever the tab heard that had the connection before."""
    server = serve("--history-size", "2")
    leader, follower = tab(server), tab(server)
    leader("hear('a')")
    follower("hear('b')")
    eventually(lambda: push(server, 1, event="b") == 1 and push(server, 1, event="a") == 1, "the connection hears for both")
    eventually(lambda: leader("return got").count("a 1") and follower("return got").count("b 1"), "both have it")
    leader("close")
    eventually(lambda: push(server, 2, event="b") == 1 and push(server, 2, event="a") == 0, "the other took over")
    for number in range(3, 7):
        push(server, number, event="a")
    fresh = tab(server)
    fresh("hear('a')")
    eventually(lambda: push(server, 7, event="a") == 1, "it is heard again")
    eventually(lambda: "a 7" in fresh("return got"), "it came")
    assert all(text == "a 7" for text in fresh("return got"))
    assert fresh("return gaps") == follower("return gaps") == []
    # What a tab misses concerns no other.
    follower("martlet.close()")
    eventually(lambda: push(server, 8, event="b") == 0, "it has gone")


def test_a_tab_that_knows_where_it_was_is_sent_the_rest(serve, tab):
    server = serve()
    leader = tab(server)
    leader("hear('a')")
    eventually(lambda: push(server, 0, event="a") == 1, "it is connected")
    for number in range(1, 4):
        push(server, number, event="a")
    id = poll(server, event="a")[1]["id"]
    push(server, 4, event="a")
    push(server, 5, event="a")
    again = tab(server, after=id, share="together")
    again("hear('a')")
    eventually(lambda: again("return got") == ["a 4", "a 5"], "it has what it missed")


def test_a_tab_that_wants_many_events_reconnects_the_others_once(serve, tab):
    server = serve()
    leader, follower = tab(server), tab(server)
    leader("""
        window.count = 0;
        window.WebSocket = class extends WebSocket { constructor(...values) { super(...values); count++; } };
        hear('a');""")
    eventually(lambda: push(server, 0, event="a") == 1, "it is connected")
    follower("for (let number = 0; number < 40; number++) hear(`event ${number}`)")
    eventually(lambda: push(server, 0, event="event 39") == 1 and push(server, 0, event="a") == 1, "all are heard")
    eventually(lambda: "event 39 0" in follower("return got"), "it came")
    assert leader("return count") == 2


def test_what_a_page_does_wrong_is_told_to_that_page(serve, tab, browser):
    server = serve()
    leader, other = tab(server), tab(server)
    leader("hear('a')")
    for wrong in ("hear('')", "hear('x\\ny')", "hear('ä'.repeat(128))", "new Martlet({ transports: ['ws'] })",
                  "new Martlet({ transports: [] })", "new Martlet({ url: 'http://' })"):
        assert other(f"try {{ {wrong} }} catch (error) {{ return true }}") is True, wrong
    assert other("return martlet.state") != "closed" and leader("return martlet.state") != "closed"
    eventually(lambda: push(server, 1, event="a") == 1, "the other tab is none the worse")
    # A token that cannot be had is not the transport's fault.
    assert browser.execute_async_script("""
        const done = arguments[0], told = [];
        let count = 0;
        const martlet = new Martlet({ token: () => { if (++count <= 4) throw new Error("no token"); return "jill"; }, delay: 1 });
        martlet.on("error", error => told.push(error.message));
        martlet.on("state", (state, transport) => { if (state === "open") done([told.length, told[0], transport]); });
        martlet.subscribe("alerts", () => {});""") == [4, "no token", "websocket"]


def test_a_page_of_another_origin_learns_that_it_may_not_connect(serve, browser):
    server, other = serve(), serve()
    browser.get(f"http://{other.address}/martlet.js")
    state, message = browser.execute_async_script("""
        const [url, done] = arguments;
        import("/martlet.js").then(() => {
            const martlet = new Martlet({ url, token: "jack", delay: 1 });
            martlet.on("error", error => done([martlet.state, error.message]));
            martlet.subscribe("alerts", () => {});
        });""", f"http://{server.address}")
    assert state == "closed" and "403" in message and "origin" in message


def test_tabs_in_random_histories():
    """Tabs open, close, crash, hang and take over: nothing is lost or comes twice, and gaps are told."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    script = ROOT / "Sources/MartletServer/Transports/martlet.js"
    result = subprocess.run(["node", clients / "tabs.mjs", script, "1", "400"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_script_is_small():
    script = ROOT / "Sources/MartletServer/Transports/martlet.js"
    small = subprocess.run(["esbuild", "--minify", str(script)], check=True, capture_output=True).stdout
    assert len(small) < 6 * 1024, len(small)
