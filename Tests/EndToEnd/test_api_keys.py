"""API keys that are exchanged in their file, and what whoever has none is told."""
import json

import pytest

from support.http_connection import HTTPConnection
from support.waiting import eventually

PUSH = b'{"userId":"jack","event":"alerts","message":"x"}'


def test_a_link_that_leads_elsewhere_is_a_change(serve, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(f"key-{name}\n")
    (tmp_path / "current").symlink_to("one")
    (tmp_path / "keys").symlink_to("current/keys")
    server = serve("--api-key-file", str(tmp_path / "keys"))
    good = {"userId": "jack", "event": "e", "message": "hi"}
    assert server.post("/push", good, {"X-API-Key": "key-one"})[0] == 200
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    eventually(lambda: server.post("/push", good, {"X-API-Key": "key-two"})[0] == 200, "the new key counts")
    assert server.post("/push", good, {"X-API-Key": "key-one"})[0] == 401


def test_api_keys_are_exchanged(serve, tmp_path):
    file = tmp_path / "keys"
    file.write_text("# the shop's\nfirst shop\n")
    server = serve("--api-key-file", str(file))
    good = {"userId": "jack", "event": "e", "message": "hi"}
    assert server.post("/push", good, {"X-API-Key": "first"})[0] == 200
    file.write_text("first shop\nsecond shop-2\n")
    eventually(lambda: server.post("/push", good, {"X-API-Key": "second"})[0] == 200, "the second counts")
    assert server.post("/push", good, {"X-API-Key": "first"})[0] == 200
    file.write_text("second shop-2\n")
    eventually(lambda: server.post("/push", good, {"X-API-Key": "first"})[0] == 401, "the first is gone")
    file.write_text("too many words here\n")
    eventually(lambda: any("line 1" in line for line in server.log), "it says what is wrong")
    assert server.post("/push", good, {"X-API-Key": "second"})[0] == 200
    assert not any("second" in line or "too many words" in line for line in server.log)


@pytest.mark.parametrize("path", ["/push", "/drop", "/api/publish", "/api/info", "/api/batch", "/api/nope"])
def test_whoever_has_no_key_is_told_what_is_wanted(serve, path):
    """A challenge (RFC 9110, 15.5.2), and a reason for those who read JSON."""
    server = serve(env={"MARTLET_API_KEY": "a secret of the back end's"})
    connection = HTTPConnection(server)
    for key in ([], ["X-API-Key: wrong"], ["X-API-Key: wrong"], ["Authorization: Bearer wrong"], ["Authorization: Basic eDp5"]):
        for accept in ([], ["Accept: */*"], ["Accept: application/json"]):
            answer = connection.ask(path, "POST", PUSH, headers=[*key, *accept]).answer()
            assert answer.status == 401 and answer["WWW-Authenticate"].startswith("Bearer"), answer
            if path.startswith("/api/"):
                error = json.loads(answer.text)["error"]
                assert error["code"] and error["message"]
            elif accept == ["Accept: application/json"]:
                assert json.loads(answer.text)["error"]
            else:
                assert answer.text == "", "it is empty, as it was"
            if answer.text:
                assert answer["Content-Type"].startswith("application/json")
            if (answer["Connection"] or "").lower() == "close":
                connection = HTTPConnection(server)
