"""`POST /push` answers, status by status and byte by byte."""
from support.raw_client import RawClient


def test_push_answers_byte_for_byte(serve):
    server = serve()
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    status, body, headers = server.post("/push", good)
    assert (status, body) == (200, "message sent to 0 clients")
    assert headers["Content-Type"].startswith("text/plain")
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, body, headers = server.post("/push", None, method=method)
        assert (status, body, headers["Allow"]) == (405, "", "POST")
    bad = [b"", b"{", b"[]", b"null", b'"x"', {**good, "userId": ""}, {**good, "event": ""}, {**good, "message": ""},
           {**good, "userId": 1.5}, {"userId": "jack", "event": "alerts"}, {}, b"\xff\xfe", b"[" * 100000,
           b'{"userId":"jack","event":"alerts","message":"\xff"}']
    for body in bad:
        assert server.post("/push", body)[:2] == (400, "request data illegal"), body
    # Keys in any case, any Content-Type, further keys.
    folded = {"USERID": "jack", "Event": "alerts", "mEssage": "hi", "more": {"x": [1]}}
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"):
        assert server.post("/push", folded, {"Content-Type": kind})[:2] == (200, "message sent to 0 clients")
    assert server.post("/push", good, {"Accept": "application/json"})[:2] == (200, '{"delivered":0}')


def test_push_checks_method_then_key_then_body(serve, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret\n")
    server = serve("--api-key-file", str(key))
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    assert server.post("/push", b"nonsense", method="PUT")[:2] == (405, "")
    assert server.post("/push", b"nonsense")[:2] == (401, "")
    assert server.post("/push", good, {"X-API-Key": "wrong"})[:2] == (401, "")
    assert server.post("/push", b"nonsense", {"X-API-Key": "secret"})[:2] == (400, "request data illegal")
    assert server.post("/push", good, {"X-API-Key": "secret"})[:2] == (200, "message sent to 0 clients")
    assert server.post("/push", good, {"Authorization": "Bearer secret"})[0] == 200
    assert server.post("/drop", {"userId": "jack"})[:2] == (401, "")


def test_a_page_of_another_origin_may_not_push(serve):
    server = serve()
    good = {"userId": "jack", "event": "alerts", "message": "hi"}
    assert server.post("/push", good, {"Origin": "http://evil.example"})[0] == 403
    assert server.post("/drop", good, {"Origin": "null"})[0] == 403
    assert server.post("/push", good, {"Origin": f"http://{server.address}"})[0] == 200
    server = serve("--origin", "http://app.example")
    assert server.post("/push", good, {"Origin": "http://app.example"})[0] == 200


def test_a_body_of_100_megabytes_is_refused_and_harms_nothing(serve):
    server = serve()
    before = server.rss()
    client = RawClient(server.address, handshake=False)
    client.socket.sendall(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
    part = b"x" * (1 << 20)
    try:
        for _ in range(100):
            client.socket.sendall(part)
    except OSError:
        pass  # the server may end the connection before it has read all
    head = client.read_head()
    assert head.startswith(b"HTTP/1.1 413 "), head
    client.close()
    assert server.push("jack", "alerts", "hi") == 0
    assert server.rss() < before + (32 << 20)
