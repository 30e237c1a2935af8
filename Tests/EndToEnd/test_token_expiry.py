"""Tokens that expire while somebody is connected."""
import json
import time

import httpx
import jwt
import pytest

from support.jwt_keys import SECRET
from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually


@pytest.mark.timing
def test_a_poll_ends_with_its_token(serve, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    server = serve("--jwt-secret-file", str(file))
    # Ten seconds of leeway are over in two.
    token = jwt.encode({"sub": "jack", "exp": time.time() - 8}, SECRET, "HS256")
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        after = client.get("/poll", params={"token": token, "event": "e"}).json()["id"]
        waited = client.get("/poll", params={"token": token, "event": "e", "after": after, "wait": 60})
        assert (waited.status_code, status(client, token)) == (204, 401)


@pytest.mark.timing
def test_a_connection_ends_with_its_token(serve, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    server = serve("--jwt-secret-file", str(file))
    # Ten seconds of leeway are over in two.
    token = jwt.encode({"sub": "jack", "exp": time.time() - 8}, SECRET, "HS256")
    fresh = jwt.encode({"sub": "jack", "exp": time.time() + 600}, SECRET, "HS256")
    register, renewed = RawClient(server.address), RawClient(server.address)
    martlet = RawClient(server.address, f"/ws?token={token}&event=e", "Sec-WebSocket-Protocol: martlet\r\n")
    register.send(json.dumps({"token": token, "event": "e"}))
    renewed.send(json.dumps({"token": token, "event": "e"}))
    renewed.send(json.dumps({"token": fresh, "event": "e"}))
    server.push_until("jack", "e", "hello", 3)
    with httpx.stream("GET", f"http://{server.address}/sse", params={"token": token, "event": "e"}, timeout=PATIENCE) as stream:
        for _ in stream.iter_bytes():
            pass  # to its end, which comes with that of the token
    for one in (register, martlet):
        code, reason = one.read_close()
        assert (code, reason) == (1008, "the token has expired")
    assert server.push("jack", "e", "still there") == 1


def test_a_time_in_milliseconds_is_told_once(serve, tmp_path):
    """It is thousands of years away, and no mistake of the client's."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    server = serve("--jwt-secret-file", str(file), "--log-level", "warning")
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, jwt.encode({"sub": "jack", "exp": time.time() + 600}, SECRET, "HS256")) == 200
        assert status(client, jwt.encode({"sub": "jack", "exp": 10 ** 11}, SECRET, "HS256")) == 200
        assert not any("exp" in line for line in server.log)
        for number in range(5):
            token = jwt.encode({"sub": f"user {number}", "exp": int(time.time() * 1000) + number}, SECRET, "HS256")
            assert status(client, token) == 200
    eventually(lambda: any("exp" in line for line in server.log), "it is told")
    told = [line for line in server.log if "exp" in line]
    assert len(told) == 1 and "milliseconds" in told[0] and "eyJ" not in told[0], told
