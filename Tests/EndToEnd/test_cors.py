"""Pages of other origins: what they may send, what they can read, and that a page that may not connect does nothing."""
import json
import re

import pytest

from support.event_stream import Stream, push, query
from support.http_connection import HTTPConnection
from support.raw_client import RawClient
from support.waiting import eventually

GOOD, EVIL = "https://good.example", "https://evil.example"
SECRET = "a secret of the back end's"
KEY = {"X-API-Key": SECRET}
PUSH = {"userId": "jack", "event": "alerts", "message": "x"}
FOR_PAGES = ["/sse", "/poll", "/sse/", "//poll"]
FOR_BACK_ENDS = {"/push": PUSH, "/drop": {"userId": "jack", "event": "alerts"}, "/api/publish": {"channel": "alerts#jack", "data": "x"},
                 "/api/info": {}, "/api/batch": {"commands": []}, "/api/disconnect": {"user": "jack"}}


@pytest.fixture
def server(serve):
    return serve("--origin", GOOD, "--limits-body-size", "2KiB", env={"MARTLET_API_KEY": SECRET})


def ask(server, path, method="OPTIONS", body=None, **headers):
    """An answer; names of headers are written with _."""
    fields = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
    connection = HTTPConnection(server)
    answer = connection.ask(path, method, None if body is None else json.dumps(body).encode(), headers=fields).answer(method)
    connection.close()
    return answer


def names(text):
    """The names in a list, in lower case."""
    return {name.strip().lower() for name in (text or "").split(",")} - {""}


# Preflights

ASKED = ["traceparent", "Cache-Control", "X-Requested-With", "traceparent, tracestate, baggage, sentry-trace, cache-control, x-requested-with",
         "authorization,last-event-id", "AUTHORIZATION", "x-a,x-b ,\tx-c", "X_Under-score", "!#$%&'*+-.^_`|~", "0", "x" * 200,
         ",".join(f"x-{number}" for number in range(50))]
NO_LIST = ["a b", "a;b", "(a)", "a=b", 'a"b', "a\\b", "{x}", "a/b", "<script>", "x, a b", "é", "a:b", "[a]", "a@b", "a?b"]


@pytest.mark.parametrize("path", [*FOR_PAGES, *FOR_BACK_ENDS])
def test_what_a_preflight_asks_for_is_allowed(server, path):
    method = "GET" if path in FOR_PAGES else "POST"
    for asked in ASKED:
        answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method=method, Access_Control_Request_Headers=asked)
        assert (answer.status, answer.body) == (204, b"") and answer["Access-Control-Allow-Origin"] == GOOD, (asked, answer)
        assert names(asked) <= names(answer["Access-Control-Allow-Headers"]), (asked, answer)
        assert method in answer["Access-Control-Allow-Methods"] and "Origin" in answer["Vary"], answer
        assert answer["Access-Control-Allow-Credentials"] is None, "no cookie is sent from elsewhere"
    # Without a question, what the documents name is allowed.
    for asked in (None, ""):
        answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method=method, Access_Control_Request_Headers=asked)
        assert answer.status == 204 and "authorization" in names(answer["Access-Control-Allow-Headers"])
    wanted = {"authorization", "last-event-id"} if path in FOR_PAGES else {"authorization", "x-api-key", "content-type", "idempotency-key"}
    answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method=method, Access_Control_Request_Headers=",".join(sorted(wanted)))
    assert wanted <= names(answer["Access-Control-Allow-Headers"])


@pytest.mark.parametrize("path", [*FOR_PAGES, *FOR_BACK_ENDS])
def test_what_is_no_list_of_names_is_not_said_after_it(server, path):
    for asked in NO_LIST:
        answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method="GET", Access_Control_Request_Headers=asked)
        assert answer.status in (204, 400), (asked, answer)
        assert asked not in (answer["Access-Control-Allow-Headers"] or ""), (asked, answer)


@pytest.mark.parametrize("path", [*FOR_PAGES, *FOR_BACK_ENDS])
def test_headers_by_which_proxies_tell_who_a_client_is_are_not_for_pages(server, path):
    """A proxy that passes them on would have its service believe the page."""
    of_proxies = ["X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-FORWARDED-PORT", "Forwarded", "X-Real-IP", "x-real-ip"]
    for asked in (", ".join([*of_proxies, "traceparent"]), ",".join(["traceparent", *of_proxies])):
        answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method="POST", Access_Control_Request_Headers=asked)
        allowed = names(answer["Access-Control-Allow-Headers"])
        assert answer.status == 204 and "traceparent" in allowed, answer
        assert not allowed & names(",".join(of_proxies)) and "*" not in allowed, answer
    # What only begins like one is allowed.
    answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method="POST", Access_Control_Request_Headers="forwarded-x, x-real-ip-2")
    assert {"forwarded-x", "x-real-ip-2"} <= names(answer["Access-Control-Allow-Headers"])


def test_where_nobody_may_come_from_elsewhere_nothing_is_allowed(serve):
    server = serve()
    for path in FOR_BACK_ENDS:
        answer = ask(server, path, Origin=GOOD, Access_Control_Request_Method="POST", Access_Control_Request_Headers="content-type")
        assert answer.status >= 400, (path, answer)
        # Whoever is no page is answered as ever.
        answer = ask(server, path)
        assert (answer.status, answer["Allow"], answer["Access-Control-Allow-Origin"]) == (405, "POST", None)


# Requests of a page to what is meant for back ends


@pytest.fixture
def client(server):
    client = RawClient(server.address)
    client.register("jack", "alerts")
    eventually(lambda: server.post("/push", PUSH, KEY)[1] == "message sent to 1 clients", "it is there")
    client.read_frame()
    return client


@pytest.mark.parametrize("path", FOR_BACK_ENDS)
def test_a_page_that_may_reads_the_answer(server, client, path):
    body = FOR_BACK_ENDS[path]
    for _ in range(3):  # one head over and over
        answer = ask(server, path, "POST", body, Origin=GOOD, X_API_Key=SECRET)
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (200, GOOD) and "Origin" in answer["Vary"], answer
    for status, method, data, headers in ((401, "POST", body, {}), (401, "POST", body, {"X_API_Key": "wrong"}), (405, "PUT", body, {"X_API_Key": SECRET}),
                                          (413, "POST", {"x": "y" * 3000}, {"X_API_Key": SECRET}),
                                          (400, "POST", None if "api/info" in path else [], {"X_API_Key": SECRET})):
        if status == 400 and "api/info" in path:
            continue
        answer = ask(server, path, method, data, Origin=GOOD, **headers)
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (status, GOOD), answer


@pytest.mark.parametrize("path", FOR_BACK_ENDS)
@pytest.mark.parametrize("origin", [EVIL, "null", "http://good.example", "https://good.example:444", "https://good.example.evil", "nonsense"])
def test_a_page_that_may_not_does_nothing(server, client, path, origin):
    for accept in ("*/*", "application/json"):
        answer = ask(server, path, "POST", FOR_BACK_ENDS[path], Origin=origin, X_API_Key=SECRET, Accept=accept)
        assert answer.status == 403, answer
        assert ask(server, path, "POST", FOR_BACK_ENDS[path], Origin=origin).status in (401, 403)
        answer = ask(server, path, Origin=origin, Access_Control_Request_Method="POST", Access_Control_Request_Headers="x-api-key")
        assert answer.status >= 400, answer
    # Nothing came, and nobody has gone.
    assert server.post("/push", {**PUSH, "message": "still here"}, KEY)[1] == "message sent to 1 clients"
    assert client.read_frame() == (0x81, b"still here")


def test_a_limit_tells_a_page_when_to_come_back(serve):
    server = serve("--origin", GOOD, "--limits-push-rate", "1/h", "--limits-push-burst", "1")
    assert ask(server, "/push", "POST", PUSH, Origin=GOOD).status == 200
    for path, body in FOR_BACK_ENDS.items():
        if path == "/drop":
            continue
        answer = ask(server, path, "POST", body, Origin=GOOD)
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (429, GOOD) and answer["Retry-After"]
        assert "retry-after" in names(answer["Access-Control-Expose-Headers"])


@pytest.mark.parametrize("arguments, origins", [
    (["--origin", "*"], [GOOD, EVIL, "null"]), (["--origin", GOOD, "--origin", EVIL], [GOOD, EVIL]), (["--origin", GOOD.upper()], [GOOD])])
def test_every_origin_that_may_is_named(serve, arguments, origins):
    server = serve(*arguments)
    for origin in origins:
        for path, body in FOR_BACK_ENDS.items():
            answer = ask(server, path, "POST", body, Origin=origin)
            assert answer.status == 200 and answer["Access-Control-Allow-Origin"] in (origin, "*"), answer
            assert ask(server, path, Origin=origin, Access_Control_Request_Method="POST").status == 204


def test_pages_of_the_same_host_and_programs_are_answered_as_ever(serve):
    server = serve()
    for path, body in FOR_BACK_ENDS.items():
        for headers in ({}, {"Origin": f"http://{server.address}"}):
            assert ask(server, path, "POST", body, **headers).status == 200
        assert ask(server, path, "POST", body)["Access-Control-Allow-Origin"] is None
    assert ask(server, "/console/drop", "POST", {"id": "1", "user": "x"}, Origin=GOOD).status == 403


def test_streams_and_polls_of_other_origins_are_as_before(server):
    for path in ("/sse", "/poll"):
        answer = ask(server, path, Origin=EVIL, Access_Control_Request_Method="GET", Access_Control_Request_Headers="traceparent")
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (204, EVIL), "so that it can read why it may not"
        assert "traceparent" in names(answer["Access-Control-Allow-Headers"])
        answer = ask(server, f"{path}?{query()}", "GET", Origin=EVIL)
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (403, EVIL)


# A browser


FETCH = """
    const [url, options, done] = arguments;
    fetch(url, options).then(async answer => done(`${answer.status} ${await answer.text()}`), error => done(`${error}`));"""


def test_pages_in_a_browser(serve, browser):
    page = serve()  # any page of another port is one of another origin
    server = serve("--origin", f"http://{page.address}", env={"MARTLET_API_KEY": SECRET})
    other = serve(env={"MARTLET_API_KEY": SECRET})
    browser.get(f"http://{page.address}/martlet.js")

    def fetch(server, path, body=None, **headers):
        options = {"headers": headers, "method": "POST" if body else "GET", **({"body": json.dumps(body)} if body else {})}
        return browser.execute_async_script(FETCH, f"http://{server.address}{path}", options)

    more = {"traceparent": "00-1-1-01", "Cache-Control": "no-cache", "X-Requested-With": "XMLHttpRequest"}
    for headers in ({"X-API-Key": SECRET}, {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}, {"X-API-Key": SECRET, **more}):
        assert fetch(server, "/push", PUSH, **headers) == "200 message sent to 0 clients"
        assert fetch(server, "/drop", PUSH, **headers) == '200 {"dropped":0}'
        assert fetch(server, "/api/info", {"x": 1}, **headers).startswith('200 {"result"')
    assert fetch(server, "/push", PUSH).startswith("401 ") and fetch(server, "/api/info", {"x": 1}).startswith("401 ")
    assert fetch(server, f"/poll?{query()}", **more).startswith('200 {"id"')
    # With and without a question before it.
    for headers in ({"X-API-Key": SECRET}, {}):
        assert re.fullmatch("TypeError: Failed to fetch|40[13] .*", fetch(other, "/push", PUSH, **headers))
    assert other.metric("martlet_pushes_total") == 0 and server.metric("martlet_pushes_total") == 3


def test_a_page_of_another_origin_with_tracing_listens(serve, browser):
    page = serve()
    server = serve("--origin", f"http://{page.address}")
    browser.get(f"http://{page.address}/martlet.js")
    browser.execute_script("""
        window.got = [];
        (async url => {
            const headers = { Accept: "text/event-stream", traceparent: "00-1-1-01", "Cache-Control": "no-cache" };
            const reader = (await fetch(url, { headers })).body.getReader();
            for (let part; !(part = await reader.read()).done;) got.push(new TextDecoder().decode(part.value));
        })(arguments[0]).catch(error => got.push(`${error}`));""", f"http://{server.address}/sse?{query()}")
    eventually(lambda: push(server, "traced") == 1 or browser.execute_script("return got.join('')").startswith("TypeError"), "it is there")
    eventually(lambda: "data: traced" in browser.execute_script("return got.join('')"), lambda: browser.execute_script("return got"))
