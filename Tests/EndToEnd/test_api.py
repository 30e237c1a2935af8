"""The API for servers: what each command does, what is wrong with it, and that docs/openapi.yaml is true."""
import concurrent.futures
import json

import httpx
import jsonschema_rs
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks as openapi_checks

from support.paths import ROOT
from support.raw_client import RawClient
from support.server import Server
from support.waiting import PATIENCE, eventually

KEY = {"X-API-Key": "secret"}


@pytest.fixture
def server(serve):
    return serve(env={"MARTLET_API_KEY": "secret"})


def call(server, method, body=None, headers=KEY):
    text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    status, answer, answer_headers = server.post(f"/api/{method}", text, headers)
    assert answer_headers["Content-Type"] == "application/json" or status == 401
    return status, json.loads(answer) if answer else None


def listen(server, user, event):
    one = RawClient(server.address)
    one.register(user, event)
    eventually(lambda: call(server, "info")[1]["result"]["nodes"][0]["num_channels"] >= 1, "registered")
    return one


def test_publish(server):
    one = listen(server, "42", "alerts")
    _, first = call(server, "publish", {"channel": "alerts#42", "data": "It rains"})
    assert one.read_frame() == (0x81, b"It rains")
    assert first["result"]["offset"] == 1 and first["result"]["epoch"]
    # Anything but a text arrives as JSON, as it was written but for blanks.
    data = {"b": [1, 2.5, 12345678901234567890, True, None], "a": {"é": "/"}}
    _, second = call(server, "publish", {"channel": "alerts#42", "data": data})
    assert second["result"] == {**first["result"], "offset": 2}
    assert one.read_frame() == (0x81, '{"b":[1,2.5,12345678901234567890,true,null],"a":{"é":"/"}}'.encode())
    for data, text in ((0, b"0"), (False, b"false"), (None, b"null"), ([], b"[]"), ({}, b"{}")):
        assert "result" in call(server, "publish", {"channel": "alerts#42", "data": data})[1]
        assert one.read_frame() == (0x81, text)


def test_a_user_may_have_a_hash(server):
    """A channel is split at its first; what has one in its event is told by its user and event."""
    one, other, with_event = listen(server, "bob#1234", "alerts"), listen(server, "1234", "alerts#bob"), listen(server, "42", "a#b")
    eventually(lambda: call(server, "info")[1]["result"]["nodes"][0]["num_channels"] == 3, "all are there")
    assert call(server, "publish", {"channel": "alerts#bob#1234", "data": "1"})[1]["result"]["offset"] == 1
    assert call(server, "publish", {"user": "bob#1234", "event": "alerts", "data": "2"})[1]["result"]["offset"] == 2
    assert server.post("/push", {"userId": "bob#1234", "event": "alerts", "message": "3"}, KEY)[1] == "message sent to 1 clients"
    assert [one.read_frame() for _ in range(3)] == [(0x81, b"1"), (0x81, b"2"), (0x81, b"3")]
    assert call(server, "publish", {"user": "1234", "event": "alerts#bob", "data": "4"})[1]["result"]["offset"] == 1
    assert other.read_frame() == (0x81, b"4")
    assert call(server, "batch", {"commands": [{"publish": {"user": "42", "event": "a#b", "data": "5"}}]})[1]["replies"][0]["publish"]["result"]
    assert with_event.read_frame() == (0x81, b"5")
    # It is the same channel: what resumes there gets all of it, and a key of one is a key of the other.
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        after = client.get("/poll", params={"token": "bob#1234", "event": "alerts"}).json()["id"]
        command = {"user": "bob#1234", "event": "alerts", "data": "6", "idempotency_key": "k"}
        first = call(server, "publish", command)[1]
        assert first["result"]["offset"] == 4
        assert call(server, "publish", {"channel": "alerts#bob#1234", "data": "6", "idempotency_key": "k"})[1] == first
        answer = client.get("/poll", params={"token": "bob#1234", "event": "alerts", "after": after}).json()
        assert [item["data"] for item in answer["publications"]] == ["6"]
    assert call(server, "disconnect", {"user": "bob#1234"})[0] == 200
    assert one.read_frame() == (0x81, b"6") and one.read_close()[0] == 1000


@pytest.mark.parametrize("body, field", [
    ({"user": "jack"}, "event"), ({"event": "e"}, "user"), ({"user": "", "event": "e"}, "user"), ({"user": "jack", "event": ""}, "event"),
    ({"user": "jack", "event": 1}, "event"), ({"user": [], "event": "e"}, "user"), ({"user": "jack", "event": "e" * 256}, "event"),
    ({"user": "u" * 9000, "event": "e"}, "user")])
def test_a_user_and_an_event_that_are_wrong(server, body, field):
    _, answer = call(server, "publish", {**body, "data": "x"})
    assert answer["error"]["code"] in (102, 107) and field in answer["error"]["message"], answer


def test_broadcast_and_batch(server):
    one, other = listen(server, "1", "e"), listen(server, "2", "e")
    eventually(lambda: call(server, "info")[1]["result"]["nodes"][0]["num_users"] == 2, "both are there")
    _, answer = call(server, "broadcast", {"channels": ["e#1", "nonsense", "e#2"], "data": "x"})
    first, second, third = answer["result"]["responses"]
    assert first["result"]["offset"] == third["result"]["offset"] == 1 and second["error"]["code"] == 102
    assert one.read_frame() == other.read_frame() == (0x81, b"x")
    status, answer = call(server, "batch", {"commands": [
        {"publish": {"channel": "e#1", "data": "y"}}, {"publish": {"channel": "e#1"}}, {"nonsense": {}}, {"info": {}},
        {"broadcast": {"channels": ["e#2"], "data": "y"}}, {"disconnect": {"user": "1"}}]})
    assert status == 200
    replies = answer["replies"]
    assert [list(reply) for reply in replies] == [["publish"], ["publish"], ["nonsense"], ["info"], ["broadcast"], ["disconnect"]]
    assert [next(iter(reply.values())).get("error", {}).get("code") for reply in replies] == [None, 107, 104, None, None, None]
    assert one.read_frame() == other.read_frame() == (0x81, b"y")
    assert one.read_close() == (1000, "dropped by the server")


def test_info(server):
    clients = listen(server, "42", "a"), listen(server, "42", "b")
    eventually(lambda: call(server, "info")[1]["result"]["nodes"][0]["num_channels"] == 2, "both are there")
    node = call(server, "info", {})[1]["result"]["nodes"][0]
    assert (node["name"], node["num_clients"], node["num_users"]) == ("martlet", len(clients), 1) and node["uptime"] >= 0
    assert node["uid"] == call(server, "info")[1]["result"]["nodes"][0]["uid"]


def test_what_is_sent_again_is_published_once(server):
    one = listen(server, "42", "e")
    command = {"channel": "e#42", "data": "x", "idempotency_key": "k"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(server, "publish", command)[1], range(40)))
    assert answers == [answers[0]] * 40 and answers[0]["result"]["offset"] == 1
    # Another channel, or another key, is another publication.
    assert call(server, "publish", {**command, "channel": "f#42"})[1]["result"]["offset"] == 1
    assert call(server, "publish", {**command, "idempotency_key": "l"})[1]["result"]["offset"] == 2
    push = {"userId": "42", "event": "e", "message": "pushed"}
    for _ in range(3):
        assert server.post("/push", push, {**KEY, "Idempotency-Key": "m"})[:2] == (200, "message sent to 1 clients")
    assert call(server, "publish", {"channel": "e#42", "data": "end"})[1]["result"]["offset"] == 4
    assert [one.read_frame()[1] for _ in range(4)] == [b"x", b"x", b"pushed", b"end"]


@pytest.mark.parametrize("method, body, status, code, text", [
    ("publish", b"", 400, 107, "channel is missing"), ("publish", b"nonsense", 400, 107, "no JSON"),
    ("publish", b"[]", 400, 107, "no JSON object"), ("publish", {"channel": "e#1"}, 400, 107, "data is missing"),
    ("publish", {"channel": 1, "data": ""}, 400, 107, "channel is no string"),
    ("publish", {"channel": "e#1", "data": ""}, 200, 107, "data is empty"),
    ("publish", {"channel": "e", "data": "x"}, 200, 102, "EVENT#USER"),
    ("publish", {"channel": "#1", "data": "x"}, 200, 102, "EVENT#USER"),
    ("publish", {"channel": "e#", "data": "x"}, 200, 102, "EVENT#USER"),
    ("publish", {"channel": "e" * 256 + "#1", "data": "x"}, 200, 102, "EVENT#USER"),
    ("publish", {"channel": "e#1", "data": "x", "idempotency_key": "k" * 256}, 200, 107, "at most 255"),
    ("broadcast", {"channels": "e#1", "data": "x"}, 400, 107, "channels is no list"),
    ("disconnect", {"user": ""}, 200, 107, "user is empty"), ("disconnect", {}, 400, 107, "user is missing"),
    ("batch", {}, 400, 107, "commands is missing"),
    ("batch", {"commands": [{}]}, 400, 107, "one member"), ("batch", {"commands": [1]}, 400, 107, "one member"),
    ("nonsense", {}, 404, 104, "method not found"), ("publish", b"[" * 100000, 400, 107, "nested deeper"),
])
def test_what_is_wrong(server, method, body, status, code, text):
    answer_status, answer = call(server, method, body)
    assert (answer_status, answer["error"]["code"]) == (status, code) and text in answer["error"]["message"], answer


def test_who_may(server):
    good = {"channel": "e#1", "data": "x"}
    assert call(server, "publish", good, {})[0] == 401
    assert call(server, "publish", good, {"Authorization": "Bearer secret"})[0] == 200
    assert server.post("/api/publish", good, {**KEY, "Origin": "https://evil.example"})[0] == 403
    for method in ("GET", "PUT", "DELETE"):
        status, _, headers = server.post("/api/publish", None, KEY, method=method)
        assert (status, headers["Allow"]) == (405, "POST")
    assert server.post("/api/publish", b"x" * (1 << 20) + b"x", KEY)[0] == 413


# The description, against the server: no 5xx, and no answer that it does not have.

# Streams do not end: they have a test of their own.
schema = schemathesis.openapi.from_path(str(ROOT / "docs/openapi.yaml")).exclude(path="/sse")


@pytest.fixture(scope="module")
def described():
    server = Server("serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--trusted-proxies", "127.0.0.1",
                    env={"MARTLET_API_KEY": "secret"})
    yield server
    server.stop()


@schema.parametrize()
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_description_is_true(case, described):
    if "wait" in (case.query or {}):
        case.query["wait"] = 0
    elif case.path == "/poll":
        case.query = {**(case.query or {}), "wait": 0}
    case.call_and_validate(
        base_url=f"http://{described.address}", headers=KEY, timeout=PATIENCE, checks=[
            schemathesis.checks.not_a_server_error, openapi_checks.status_code_conformance,
            openapi_checks.content_type_conformance, openapi_checks.response_headers_conformance,
            openapi_checks.response_schema_conformance])


def test_the_description_is_complete():
    """Generators make a type of each title, checkers a limit of each length; every answer that a client may meet is there."""
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())

    def walk(value, path=()):
        yield path, value
        for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            yield from walk(child, (*path, key))

    for path, value in walk(document):
        if len(path) > 1 and path[-2] == "oneOf":
            assert "$ref" in value or value["title"], path
    schemas = document["components"]["schemas"]
    for name in ("Channel", "User", "EventName"):
        assert schemas[name]["maxLength"], name
    responses = document["components"]["responses"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            for answer in answers.values():
                if "$ref" in answer:
                    assert answer["$ref"].rsplit("/", 1)[1] in responses, answer
            if method == "post":
                assert answers.keys() >= {"400", "401", "403", "405", "413", "415", "429", "503"}, path
                assert all("example" in content for content in operation["requestBody"]["content"].values()), path
            if path in ("/poll", "/sse"):
                assert answers.keys() >= {"400", "401", "403", "405", "429", "503"}, path
            assert path.startswith("/api/") <= ("404" in answers), path
    for name, header in (("PushNoKey", "WWW-Authenticate"), ("APINoKey", "WWW-Authenticate"), ("NoToken", "WWW-Authenticate"),
                         ("PushTooOften", "Retry-After"), ("APITooOften", "Retry-After"), ("TooOften", "Retry-After"),
                         ("Later", "Retry-After"), ("OnlyPost", "Allow"), ("OnlyGet", "Allow")):
        assert header in responses[name]["headers"], name


GOOD = {
    "/push": {"userId": 1, "event": "e", "message": "x"}, "/drop": {"userId": 1}, "/api/publish": {"event": "e", "user": 1, "data": "x"},
    "/api/broadcast": {"channels": ["e#1", {"event": "e#", "user": 1}], "data": "x"}, "/api/disconnect": {"user": 1}, "/api/info": {},
    "/api/batch": {"commands": [{"publish": {"event": "e", "user": 1, "data": "x"}}]}}


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
@pytest.mark.parametrize("path", GOOD)
def test_the_description_of_refusals_is_true(described, path, accept):
    """Each status that is easily had: its headers, the type of its answer, and the form of its JSON; and bodies that are taken."""
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
    operation = document["paths"][path]["post"]

    def check(value, schema):
        jsonschema_rs.validate({**schema, "components": document["components"]}, value)

    def ask(status, body, headers):
        found, text, fields = described.post(path, body, {**headers, "Accept": accept})
        assert found == status, text
        answer = operation["responses"][str(status)]
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        assert all(name in fields for name in answer.get("headers", {})), fields
        if text:
            media = fields["Content-Type"].split(";")[0]
            schema = answer["content"][media]["schema"]
            check(json.loads(text) if media == "application/json" else text, schema)

    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    check(GOOD[path], schema)
    key = {**KEY, "X-Forwarded-For": f"192.0.2.{1 + list(GOOD).index(path)}"}
    ask(200, GOOD[path], key)
    ask(400, b"[", key)
    ask(403, GOOD[path], {**key, "Origin": "https://evil.example"})
    ask(413, b"x" * ((1 << 20) + 1), key)
    ask(415, GOOD[path], {**key, "Content-Encoding": "br"})
    if "422" in operation["responses"]:
        once, text = {**key, "Idempotency-Key": f"once {path} {accept}"}, "message" if path == "/push" else "data"
        ask(200, GOOD[path], once)
        ask(422, {**GOOD[path], text: "y"}, once)
    wrong = {**key, "X-API-Key": "wrong"}
    ask(401, GOOD[path], {})
    eventually(lambda: described.post(path, GOOD[path], wrong)[0] == 429, "it guesses too often")
    ask(429, GOOD[path], wrong)


STREAMS = {
    "event=a&token=jack": 200, "event=a&event=b&token=jack&encoding=json&after=x": 200, "token=jack": 400,
    "event=a&token=jack&encoding=xml": 400, "event=a": 401}


@pytest.mark.parametrize("query", STREAMS)
def test_the_description_of_streams_is_true(described, query):
    operation = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]["/sse"]["get"]
    with httpx.stream("GET", f"http://{described.address}/sse?{query}", timeout=PATIENCE) as answer:
        assert answer.status_code == STREAMS[query]
        answers = operation["responses"][str(answer.status_code)]
        content = answers.get("content") or {"text/plain": {}}
        assert answer.headers["Content-Type"].split(";")[0] in content
