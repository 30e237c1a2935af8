"""JSON that others write: names byte by byte, members that come twice, numbers for names, halves of surrogate pairs."""
import json
import unicodedata

import httpx
import jwt
import pytest

from support.event_stream import Stream
from support.jwt_keys import KEYS, SECRET, claims
from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José")
NUMBERS = ["42", "0", "9007199254740993", "12345678901234567890"]


def listen(server, user, event="alerts"):
    client = RawClient(server.address)
    client.register(user, event)
    server.push_until(user, event, "begin", 1)
    while client.read_frame()[1] != b"begin":
        pass
    return client


def call(server, method, body):
    """Status and JSON of the API's answer to a body as it is."""
    status, text, _ = server.post(f"/api/{method}", body.encode() if isinstance(body, str) else body)
    return status, json.loads(text)


def pairs(text):
    """A JSON object as its members, none of which is lost."""
    return json.loads(text, object_pairs_hook=lambda members: members)


# Names and members are compared byte by byte.


@pytest.mark.parametrize("command", [
    '{"channel":"alerts#jack","data":%s}', '{"channels":["alerts#jack"],"data":%s}', '{"commands":[{"publish":{"channel":"alerts#jack","data":%s}}]}'])
def test_members_that_look_alike_are_kept(serve, command):
    server = serve()
    client = listen(server, "jack")
    method = "batch" if "commands" in command else "broadcast" if "channels" in command else "publish"
    for data in ({COMPOSED: 1, DECOMPOSED: 2}, {"a": [{DECOMPOSED: 1, COMPOSED: {"\u212b": 1, "\u00c5": 2, "A\u030a": 3}}]},
                 {"ﬁ": 1, "fi": 2, "FI": 3}, {"\u1112\u1161\u11ab": 1, "\ud55c": 2}):
        for is_escaped in (True, False):
            assert call(server, method, command % json.dumps(data, ensure_ascii=is_escaped))[0] == 200
            text = client.read_frame()[1].decode()
            assert json.loads(text) == data, text


def test_users_and_events_that_look_alike_are_others(serve):
    server = serve("--limits-sessions-per-user", "1")
    one, other = listen(server, COMPOSED), listen(server, DECOMPOSED)
    assert server.push(COMPOSED, "alerts", "for one") == 1
    assert call(server, "publish", json.dumps({"channel": f"alerts#{DECOMPOSED}", "data": "for the other"}))[0] == 200
    assert (one.read_frame()[1], other.read_frame()[1]) == (b"for one", b"for the other")
    key = {"Idempotency-Key": "k"}
    for user in (COMPOSED, DECOMPOSED):
        assert server.post("/push", {"userId": user, "event": "alerts", "message": "x"}, key)[:2] == (200, "message sent to 1 clients")
    assert server.post("/drop", {"userId": COMPOSED, "event": ""})[1] == '{"dropped":1}'
    assert one.read_frame() == (0x81, b"x") and one.read_close()[0] == 1000
    assert call(server, "disconnect", json.dumps({"user": COMPOSED}))[0] == 200
    assert server.push(DECOMPOSED, "alerts", "still there") == 1
    # One stream for two events.
    stream = Stream(server, token="jack", event=[COMPOSED, DECOMPOSED])
    stream.next()
    for event in (COMPOSED, DECOMPOSED):
        assert server.push("jack", event, "x") == 1 and stream.next()["event"] == event


def test_keys_of_pushes_that_look_alike_are_others(serve):
    server = serve()
    for number, key in enumerate((COMPOSED, DECOMPOSED), 1):
        for _ in range(2):
            body = json.dumps({"channel": "alerts#jack", "data": "x", "idempotency_key": key})
            assert call(server, "publish", body)[1]["result"]["offset"] == number


def test_tokens_that_look_alike_are_others(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{COMPOSED} jack\n{DECOMPOSED} jill\n")
    server = serve("--token-file", str(tokens))
    for token, user in ((COMPOSED, "jack"), (DECOMPOSED, "jill")):
        client = RawClient(server.address)
        client.register(token, "alerts")
        server.push_until(user, "alerts", "x", 1)


# Of members that come twice, the last is in force.


@pytest.mark.parametrize("body", [
    '{"userId":"jill","userId":"jack","event":"no","event":"alerts","message":"first","message":"last"}',
    '{"userId":"jill","event":"no","message":"first","userId":"jack","event":"alerts","message":"last"}',
    '{"userId":"jill","USERID":"jack","event":"alerts","message":"first","Message":"last"}',
    '{"USERID":"jill","userId":"jack","event":"alerts","MESSAGE":"first","message":"last"}',
    '{"user\\u0049d":"jill","userId":"jack","event":"alerts","\\u006dessage":"first","message":"last"}'])
def test_the_last_member_of_a_push_is_in_force(serve, body):
    server = serve()
    client = listen(server, "jack")
    for _ in range(3):
        assert server.post("/push", body.encode())[:2] == (200, "message sent to 1 clients")
        assert client.read_frame() == (0x81, b"last")
    assert server.post("/drop", b'{"userId":"jill","event":"alerts","userId":"jack"}')[1] == '{"dropped":1}'


def test_the_last_member_of_a_register_message_is_in_force(serve):
    server = serve()
    for message in ('{"token":"jill","token":"jack","event":"no","event":"alerts"}', '{"TOKEN":"jill","event":"alerts","token":"jack"}'):
        client = RawClient(server.address)
        client.send(message)
        server.push_until("jack", "alerts", "x", 1)
        client.close()
        eventually(lambda: server.metric("martlet_sessions") == 0, "it has gone")


@pytest.mark.parametrize("data, expected", [
    ('{"a":1,"a":2}', [["a", 2]]), ('{"a":{"b":1,"b":2},"c":[{"d":1,"d":3}]}', [["a", [["b", 2]]], ["c", [[["d", 3]]]]]),
    ('{"\\u0061":1,"a":2}', [["a", 2]]), ('{"a":1,"b":1,"a":{"c":1}}', [["a", [["c", 1]]], ["b", 1]])])
def test_the_last_member_of_data_is_in_force(serve, data, expected):
    server = serve()
    client = listen(server, "jack")
    assert call(server, "publish", f'{{"channel":"alerts#jill","data":0,"channel":"alerts#jack","data":{data}}}')[0] == 200
    text = client.read_frame()[1].decode()
    assert json.loads(json.dumps(pairs(text))) == expected, text


@pytest.fixture
def signed(serve, tmp_path):
    """A service that takes tokens with a secret, and what makes such tokens of payloads and headers as they are."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    server = serve("--jwt-secret-file", str(file))

    def token(payload, header='{"alg":"HS256"}'):
        parts = [jwt.utils.base64url_encode(part.encode()).decode() for part in (header, payload)]
        signature = jwt.get_algorithm_by_name("HS256").sign(".".join(parts).encode(), SECRET.encode())
        return ".".join([*parts, jwt.utils.base64url_encode(signature).decode()])

    return server, token


def users(server, token, *names):
    """Those of the users whose messages a client with this token gets."""
    client = RawClient(server.address)
    client.register(token, "alerts")
    eventually(lambda: sum(server.push(name, "alerts", name) for name in names) == 1, "it is one of them")
    return client.read_frame()[1].decode()


def test_the_last_claim_is_in_force(signed):
    server, token = signed
    assert users(server, token('{"sub":"first","sub":"last"}'), "first", "last") == "last"
    assert users(server, token('{"\\u0073ub":"one","iat":1,"sub":"two"}'), "one", "two") == "two"
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, token('{"sub":"jack","exp":4000000000,"exp":1}')) == 401
        assert status(client, token('{"sub":"jack","exp":1,"exp":4000000000}')) == 200
        assert status(client, token('{"sub":"jack"}', '{"alg":"HS256","alg":"none"}')) == 401
        assert status(client, token('{"sub":"jack"}', '{"alg":"none","alg":"HS256"}')) == 200


def test_the_last_member_of_a_back_ends_answer_is_in_force(serve, service):
    back_end = service(lambda path, body: (200, '{"user":"first","user":"last"}'))
    server = serve("--auth-url", back_end.url)
    assert users(server, "any", "first", "last") == "last"


# An integer is taken as its digits where a user is meant.


@pytest.mark.parametrize("number", NUMBERS)
def test_a_users_number_is_its_digits(serve, service, signed, number):
    server, token = signed
    client = RawClient(server.address)
    client.register(token(f'{{"sub":{number}}}'), "alerts")
    eventually(lambda: server.post("/push", f'{{"userId":{number},"event":"alerts","message":"x"}}'.encode())[:2]
               == (200, "message sent to 1 clients"), "it is there")
    assert server.push(number, "alerts", "y") == 1
    assert [client.read_frame()[1] for _ in range(2)] == [b"x", b"y"]
    assert server.post("/drop", f'{{"userId":{number},"event":"alerts"}}'.encode())[1] == '{"dropped":1}'
    assert client.read_close()[0] == 1000
    again = RawClient(server.address)
    again.register(token(f'{{"sub":"{number}"}}'), "alerts")
    server.push_until(number, "alerts", "z", 1)
    assert call(server, "disconnect", f'{{"user":{number}}}')[0] == 200
    assert again.read_close()[0] == 1000
    back_end = service(lambda path, body: (200, f'{{"user":{number}}}'))
    assert users(serve("--auth-url", back_end.url), "any", number) == number


NO_USERS = ["4.2", "1e3", "-1.0", "true", "null", "[]", "{}", '""']


@pytest.mark.parametrize("value", NO_USERS)
def test_nothing_else_is_a_user(signed, value):
    server, token = signed
    assert server.post("/push", f'{{"userId":{value},"event":"alerts","message":"x"}}'.encode())[:2] == (400, "request data illegal")
    assert server.post("/drop", f'{{"userId":{value},"event":"alerts"}}'.encode())[:2] == (400, "request data illegal")
    answer = call(server, "disconnect", f'{{"user":{value}}}')[1]
    assert answer["error"]["code"] == 107 and "user" in answer["error"]["message"]
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, token(f'{{"sub":{value}}}')) == 401


def reason(text):
    """The text in an error in JSON."""
    error = json.loads(text)["error"]
    return error if isinstance(error, str) else error["message"]


@pytest.mark.parametrize("path, fields", [("/push", ["userId", "event", "message"]), ("/drop", ["userId"])])
def test_a_mistake_names_the_field(serve, path, fields):
    server = serve()
    good = {"userId": "jack", "event": "alerts", "message": "x"}
    for field in fields:
        wrong = [{name: value for name, value in good.items() if name != field},
                 *({**good, field: value} for value in ("", 1.5, True, None, [], {"a": 1}))]
        if field != "userId":
            wrong.append({**good, field: 42})
        if field != "message":
            wrong.append({**good, field: "x" * 9000})
        for body in wrong:
            status, text, headers = server.post(path, body, {"Accept": "application/json"})
            assert status == 400 and headers["Content-Type"].startswith("application/json"), (body, text)
            assert field in reason(text), (body, text)
            # Who does not ask for JSON gets the text of old.
            assert server.post(path, body)[:2] == (400, "request data illegal")
            assert server.post(path, body, {"Accept": "text/plain"})[:2] == (400, "request data illegal")
    for body in (b"", b"nonsense", b"[]", b"[" * 100_000, b'{"userId":"\xff"}'):
        status, text, _ = server.post(path, body, {"Accept": "application/json"})
        assert status == 400 and reason(text)


# Half of a surrogate pair stands for no character.

HALVES = {r"a\ud800b": "a\ufffdb", r"\udc00": "\ufffd", r"\ud800\ud800": "\ufffd\ufffd", r"\udc00\ud800x": "\ufffd\ufffdx", r"\ud800A": "\ufffdA",
          r"\ud800\u0041": "\ufffdA", r"\ud800\n": "\ufffd\n", r"\uD83D\uDE00": "\U0001F600", r"\ud83d\ud83d\ude00": "\ufffd\U0001F600",
          r"\\ud800": r"\ud800"}


@pytest.mark.parametrize("text", HALVES)
def test_half_of_a_surrogate_pair_is_replaced(serve, text):
    server = serve()
    client = listen(server, "jack")
    assert server.post("/push", f'{{"userId":"jack","event":"alerts","message":"{text}"}}'.encode())[:2] == (200, "message sent to 1 clients")
    assert client.read_frame() == (0x81, HALVES[text].encode())
    assert call(server, "publish", f'{{"channel":"alerts#jack","data":"{text}"}}')[0] == 200
    assert client.read_frame() == (0x81, HALVES[text].encode())
    assert call(server, "publish", f'{{"channel":"alerts#jack","data":{{"{text}":["{text}"]}}}}')[0] == 200
    assert json.loads(client.read_frame()[1]) == {HALVES[text]: [HALVES[text]]}


def test_half_of_a_surrogate_pair_in_a_name(signed):
    server, token = signed
    client = RawClient(server.address)
    client.send('{"event":"\\udc00 e","token":"%s"}' % token('{"sub":"\\ud800 jack"}'))
    eventually(lambda: server.push("\ufffd jack", "\ufffd e", "x") == 1, "it is there")
    assert client.read_frame() == (0x81, b"x")


def test_bytes_that_are_no_utf_8_are_refused_all_the_same(serve):
    server = serve()
    for wrong in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"):
        assert server.post("/push", b'{"userId":"jack","event":"e","message":"' + wrong + b'"}')[:2] == (400, "request data illegal")
        assert call(server, "publish", b'{"channel":"e#jack","data":"' + wrong + b'"}')[1]["error"]["code"] == 107
