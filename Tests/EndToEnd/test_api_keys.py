"""API keys that are exchanged in their file."""
from support.waiting import eventually


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
    assert not any("second" in line or "too many" in line for line in server.log)
