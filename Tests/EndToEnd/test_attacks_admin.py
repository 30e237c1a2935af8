"""A listener of its own for metrics, health, the console and back ends."""
import http.client
import json
import re

import pytest

from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

KEY = "a key of more than 16 bytes"
FOR_OPERATORS = {
    "/metrics": None, "/healthz": None, "/readyz": None, "/push": {"userId": "u", "event": "e", "message": "m"},
    "/drop": {"userId": "u"}, "/api/info": {}, "/api/publish": {"channel": "e#u", "data": "x"},
    "/": None, "/console/console.js": None, "/console/figures": None, "/console/history": None, "/console/details": None,
    "/console/sessions": None, "/console/drop": {"user": "u"}, "/demo/state": None}


def ask(port, path, body=None, headers={}):
    """Status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def admin_port(server):
    """The service says where its metrics are, as the proxy does."""
    eventually(lambda: any("/metrics" in line for line in server.output), lambda: f"it says where its metrics are: {server.output}")
    return int(re.search(r"127\.0\.0\.1:(\d+)/metrics", "".join(server.output)).group(1))


@pytest.fixture
def server(serve):
    return serve("--admin-listen", "127.0.0.1:0", env={"MARTLET_API_KEY": KEY})


@pytest.mark.parametrize("path", FOR_OPERATORS)
def test_what_is_for_operators_is_answered_by_their_listener_alone(server, path):
    key = {"X-API-Key": KEY}
    assert ask(admin_port(server), path, FOR_OPERATORS[path], key)[0] == 200
    assert ask(server.port, path, FOR_OPERATORS[path], key)[0] == 404


def test_clients_connect_to_the_public_listener(server):
    assert ask(server.port, "/martlet.js")[0] == 200
    assert ask(server.port, "/poll?token=u&event=e&wait=0")[0] == 200
    client = RawClient(server.address)
    client.register("u", "e")
    push = FOR_OPERATORS["/push"]
    eventually(lambda: ask(admin_port(server), "/push", push, {"X-API-Key": KEY})[1] == "message sent to 1 clients", "it is subscribed")
    assert client.read_frame() == (0x81, b"m")


@pytest.mark.parametrize("path", ["/metrics", "/", "/push"])
def test_a_name_that_was_made_to_point_here_is_refused_where_nobody_shows_a_key(serve, path):
    """A page that has its own name resolve to this machine reads nothing of the operators' listener."""
    server = serve("--admin-listen", "127.0.0.1:0")
    port, body = admin_port(server), FOR_OPERATORS[path]
    assert ask(port, path, body, {"Host": f"evil.example:{port}"})[0] == 403
    assert ask(port, path, body, {"Host": f"localhost:{port}"})[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/", "/console/figures", "/healthz"])
def test_such_a_name_is_refused_where_keys_are_asked_for_as_well(serve, tmp_path, path):
    """The API asks for a key; metrics and the console's figures ask for nothing."""
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--admin-listen", "127.0.0.1:0", "--token-file", tokens, env={"MARTLET_API_KEY": KEY})
    port = admin_port(server)
    assert ask(port, path, None, {"Host": f"evil.example:{port}", "X-API-Key": KEY})[0] == 403
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"martlet.localhost:{port}"):
        assert ask(port, path, None, {"Host": host})[0] == 200
    # Whoever shows a key comes from a back end, whatever it calls this machine.
    assert ask(port, "/push", FOR_OPERATORS["/push"], {"Host": "martlet:9090", "X-API-Key": KEY})[0] == 200


def test_a_proxy_in_front_of_the_listener_for_operators_is_believed(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--admin-listen", "127.0.0.1:0", "--token-file", tokens, "--trusted-proxies", "127.0.0.1", env={"MARTLET_API_KEY": KEY})
    assert ask(admin_port(server), "/metrics", None, {"Host": "admin.example"})[0] == 200


def test_without_such_a_listener_everything_is_at_one(serve):
    server = serve(env={"MARTLET_API_KEY": KEY})
    for path, body in FOR_OPERATORS.items():
        assert ask(server.port, path, body, {"X-API-Key": KEY})[0] == 200, path
