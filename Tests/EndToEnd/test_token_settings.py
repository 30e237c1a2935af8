"""Who may come without a token, and settings of tokens and keys that cannot work."""
import json

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from support.command import run
from support.jwt_keys import RSA_KEYS, SECRET
from support.raw_client import RawClient


def test_anonymous_users(serve, tmp_path):
    file = tmp_path / "tokens"
    file.write_text("t1 jack\n")
    server = serve("--token-file", str(file), "--anonymous-user", "guest")
    one, other = RawClient(server.address), RawClient(server.address)
    one.send(json.dumps({"event": "news"}))
    other.send(json.dumps({"token": "t1", "event": "news"}))
    server.push_until("guest", "news", "for guests", 1)
    server.push_until("jack", "news", "for Jack", 1)
    # A token that is none is not the same as no token.
    for message in ({"token": 1.5, "event": "news"}, {"token": "", "event": "news"}, {"token": None, "event": "news"}):
        wrong = RawClient(server.address)
        wrong.send(json.dumps(message))
        assert b'"code":107' in wrong.read_frame()[1]
    with httpx.Client(base_url=f"http://{server.address}") as client:
        assert client.get("/poll", params={"event": "news", "wait": 0}).status_code == 200
        assert client.get("/poll", params={"event": "news", "wait": 0, "token": "wrong"}).status_code == 401


@pytest.mark.parametrize("arguments, code, text", [
    (["--jwks-url", "nonsense"], 78, "no http or https URL"),
    (["--jwt-key-file", "PRIVATE"], 78, "private key"),
    (["--jwt-key-file", "EMPTY"], 78, "no public key"),
    (["--jwks-file", "EMPTY"], 78, "no JWK set"),
    (["--jwt-secret-file", "SECRET", "--jwt-algorithm", "RS256"], 78, "no algorithm of"),
    (["--jwt-secret-file", "SECRET", "--jwt-algorithm", "none"], 64, "known are"),
    (["--jwt-secret-file", "SECRET", "--token-file", "EMPTY"], 64, "exclude each other"),
    (["--jwt-key-file", "missing"], 66, "cannot read"), (["--push-path", "/api/batch"], 78, "not /api"),
])
def test_settings_that_cannot_work(tmp_path, arguments, code, text):
    (tmp_path / "SECRET").write_text(SECRET)
    (tmp_path / "EMPTY").write_text("{}")
    (tmp_path / "PRIVATE").write_text(RSA_KEYS[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
    arguments = [str(tmp_path / one) if (tmp_path / one).exists() or one == "missing" else one for one in arguments]
    result = run("serve", *arguments)
    assert result.returncode == code and text in result.stderr, result.stderr
