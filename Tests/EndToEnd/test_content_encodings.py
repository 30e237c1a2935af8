"""Bodies with a `Content-Encoding`: gzip is inflated within the limit of a body, and others are refused (RFC 9110, 15.5.16)."""
import gzip
import json
import subprocess
import zlib

import pytest

from support.http_connection import HTTPConnection
from support.raw_client import RawClient
from support.waiting import PATIENCE

PUSH = {"userId": "jack", "event": "alerts", "message": "x" * 500}
BODIES = {"/push": PUSH, "/drop": PUSH, "/api/publish": {"channel": "alerts#jack", "data": "x" * 500},
          "/api/batch": {"commands": [{"info": {}}] * 20}, "/api/info": {}}


def compressed(body):
    return gzip.compress(body if isinstance(body, bytes) else json.dumps(body).encode())


def test_gzip_is_inflated(serve):
    server = serve()
    for path, body in BODIES.items():
        connection, data = HTTPConnection(server), compressed(body)
        for coding in ("gzip", "gzip", "GZIP", "x-gzip"):  # one head over and over, too
            answer = connection.ask(path, "POST", data, headers=[f"Content-Encoding: {coding}"]).answer()
            assert answer.status == 200 and "error" not in answer.text, (path, answer)
        # In chunks, and with a plain request behind it.
        connection.ask(path, "POST", headers=["Content-Encoding: gzip", "Transfer-Encoding: chunked"])
        for part in (data[:5], data[5:20], data[20:]):
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
        assert connection.answer().status == 200, path
        assert connection.ask(path, "POST", json.dumps(body).encode()).answer().status == 200, path


def test_what_was_compressed_arrives(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "x", 1)
    client.read_frame()
    text = "grüße 😀" * 1000
    headers = {"Content-Encoding": "gzip"}
    assert server.post("/push", compressed({**PUSH, "message": text}), headers)[:2] == (200, "message sent to 1 clients")
    assert server.post("/api/publish", compressed({"channel": "alerts#jack", "data": text}), headers)[0] == 200
    assert [client.read_frame()[1].decode() for _ in range(2)] == [text, text]


def test_curl_and_gzip(serve, tmp_path):
    server = serve()
    (tmp_path / "body").write_text(json.dumps(PUSH))
    command = f"gzip -c {tmp_path}/body | curl -sS --data-binary @- -H 'Content-Encoding: gzip' http://{server.address}/push"
    assert subprocess.run(["bash", "-c", command], capture_output=True, timeout=PATIENCE).stdout == b"message sent to 0 clients"


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "compress", "nonsense", "br, gzip", "gzip, br"])
def test_other_codings_are_refused(serve, coding):
    server = serve(env={"MARTLET_API_KEY": "a secret of the back end's"})
    for path in BODIES:
        # Whose key is wrong learns nothing else.
        assert server.post(path, b"x", {"Content-Encoding": coding})[0] == 401
        status, _, headers = server.post(path, zlib.compress(b"{}"), {"Content-Encoding": coding, "X-API-Key": "a secret of the back end's"})
        assert (status, headers["Accept-Encoding"]) == (415, "gzip"), path
    assert server.metric("martlet_pushes_total") == 0


def test_a_body_that_inflates_beyond_the_limit_is_refused(serve):
    server = serve("--limits-body-size", "10000")
    for path in ("/push", "/drop", "/api/publish", "/api/batch"):
        for length in (20_000, 1 << 20):
            connection = HTTPConnection(server)
            data = compressed(json.dumps({**PUSH, "message": "x" * length}).encode())
            assert len(data) < 10_000
            assert connection.ask(path, "POST", data, headers=["Content-Encoding: gzip"]).answer().status == 413, path
    # And so is one that is too long to begin with.
    assert server.post("/push", b"x" * 10_001, {"Content-Encoding": "gzip"})[0] == 413
    assert server.post("/push", compressed({**PUSH, "message": "x" * 9_000}), {"Content-Encoding": "gzip"})[0] == 200


def test_a_bomb_takes_no_memory(serve):
    server = serve()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 1 << 20
    before = server.rss()
    for path in ("/push", "/api/publish", "/drop"):
        for _ in range(5):
            assert server.post(path, bomb, {"Content-Encoding": "gzip"})[0] == 413
    assert server.rss() < before + (32 << 20)


@pytest.mark.parametrize("broken", ["nothing", "cut", "no gzip", "checksum", "length", "zlib"])
def test_what_cannot_be_inflated_is_illegal(serve, broken):
    server = serve()
    good = compressed(PUSH)
    data = {"nothing": b"", "cut": good[:-12], "no gzip": json.dumps(PUSH).encode(), "checksum": good[:-8] + bytes(4) + good[-4:],
            "length": good[:-4] + bytes(4), "zlib": zlib.compress(json.dumps(PUSH).encode())}[broken]
    headers = {"Content-Encoding": "gzip"}
    assert server.post("/push", data, headers)[:2] == (400, "request data illegal")
    assert server.post("/drop", data, headers)[:2] == (400, "request data illegal")
    status, text, _ = server.post("/api/publish", data, headers)
    assert status == 400 and json.loads(text)["error"]["code"] == 107
    assert server.metric("martlet_pushes_total") == 0
