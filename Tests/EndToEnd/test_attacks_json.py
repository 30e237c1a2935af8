"""JSON of strangers and of back ends: how deep it may be, and what it may cost."""
import json

import httpx
import jwt
import pytest

from support.attacks.json_bodies import DEPTH, arrays, groups, objects
from support.jwt_keys import SECRET, Key
from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE

# The body around some JSON, and the levels that it has itself.
PLACES = {
    "/api/publish": ('{"channel":"e#u","data":%s}', 1),
    "/api/broadcast": ('{"channels":["e#u"],"data":%s}', 1),
    "/api/batch": ('{"commands":[{"publish":{"channel":"e#u","data":%s}}]}', 4),
    "/api/disconnect": ('{"user":"u","more":%s}', 1),
    "/api/info": ('{"more":%s}', 1),
    "/push": ('{"userId":"u","event":"e","message":"m","more":%s}', 1),
    "/drop": ('{"userId":"u","more":%s}', 1),
}


@pytest.mark.parametrize("nested", [arrays, objects])
@pytest.mark.parametrize("path", PLACES)
def test_json_of_more_than_64_levels_is_refused(serve, path, nested):
    server = serve()
    body, own = PLACES[path]
    code, text, _ = server.post(path, (body % nested(DEPTH - own)).encode())
    assert code == 200 and "error" not in text
    for depth in (DEPTH - own + 1, 400, 5000, 100_000):
        code, text, _ = server.post(path, (body % nested(depth)).encode())
        assert code == 400, (depth, text)
        if path.startswith("/api/"):
            assert json.loads(text)["error"]["code"] == 107
        else:
            assert text == "request data illegal"
    # What looks deep within a text is not.
    assert server.post(path, (body % json.dumps(nested(400))).encode())[0] == 200


def test_a_register_message_of_more_than_64_levels_is_refused(serve):
    server = serve()
    client = RawClient(server.address)
    client.send('{"token":"u","event":"e","more":%s}' % arrays(DEPTH - 1))
    server.push_until("u", "e", "x", 1)
    client.send('{"token":"u","event":"f","more":%s}' % arrays(DEPTH))
    while (message := client.read_frame()[1]) == b"x":
        pass
    assert json.loads(message)["error"]["code"] == 107
    assert server.push("u", "f", "x") == 0


def nested_list(depth):
    return json.loads(arrays(depth))


def test_a_jwt_of_more_than_64_levels_is_refused(serve, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    server = serve("--jwt-secret-file", str(secret))
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        for depth, expected in ((DEPTH - 1, 200), (DEPTH, 401), (400, 401)):
            more = {"more": nested_list(depth)}
            assert status(client, jwt.encode({"sub": "jack", **more}, SECRET, "HS256")) == expected, f"{depth} in the payload"
            assert status(client, jwt.encode({"sub": "jack"}, SECRET, "HS256", headers=more)) == expected, f"{depth} in the header"


@pytest.mark.parametrize("depth, expected", [(DEPTH - 1, 200), (DEPTH, 503), (400, 503)])
def test_answers_of_back_ends_of_more_than_64_levels_say_nothing(serve, service, depth, expected):
    users = service(lambda path, body: (200, json.dumps({"user": "jack", "more": nested_list(depth)})))
    key = Key("EdDSA", "one")
    keys = service(lambda path, body: (200, json.dumps({"keys": [key.jwk()], "more": nested_list(depth)})))
    for arguments, token in ((("--auth-url", users.url), "any"), (("--jwks-url", keys.url), key.sign({"sub": "jack"}))):
        server = serve(*arguments)
        with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
            assert status(client, token) == expected, arguments


def cost(server, data, times=3):
    """Seconds of processor time of publishing something."""
    body = b'{"channel":"e#u","data":%s}' % data.encode()
    before = server.cpu()
    for _ in range(times):
        assert server.post("/api/publish", body)[0] == 200
    return (server.cpu() - before) / times


@pytest.mark.timing
def test_the_cost_of_json_grows_with_its_bytes_and_not_with_its_depth(serve):
    server = serve("--log-level", "warning")
    deep, flat = groups(DEPTH - 2, 200_000), groups(1, 200_000)
    cost(server, flat, 1)
    assert cost(server, deep) < 0.2  # it is a few milliseconds
    assert cost(server, deep) < 5 * cost(server, flat)
    assert cost(server, groups(DEPTH - 2, 800_000)) < 8 * cost(server, deep)
