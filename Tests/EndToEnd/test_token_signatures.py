"""Signatures of tokens: every algorithm, key, claim and way to tamper with them."""
import base64
import hashlib
import hmac
import json
import time

import httpx
import jwt
import pytest

from support.jwt_keys import ASYMMETRIC, AUDIENCE, ISSUER, KEYS, OTHERS, SECRET, SYMMETRIC, Key, claims
from support.poll import status
from support.waiting import PATIENCE


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tamper(token, part, change):
    parts = token.split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def flip(text):
    """Another text of the same length, whose bytes differ."""
    return ("A" if text[0] != "A" else "B") + text[1:]


def with_header(token, **changes):
    def change(text):
        header = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return encode(json.dumps({**header, **changes}).encode())
    return tamper(token, 0, change)


def good_tokens(key):
    now = int(time.time())
    return {
        "plain": key.sign(claims()),
        "several audiences": key.sign(claims(aud=["other", AUDIENCE])),
        "no exp": key.sign(claims(exp=...)),
        "exp with a fraction": key.sign(claims(exp=now + 600.5)),
        "just expired": key.sign(claims(exp=now - 2)),
        "no kid": jwt.encode(claims(), key.private, key.algorithm),
        "typ": key.sign(claims(), headers={"typ": "at+jwt"}),
    }


def bad_tokens(key, other):
    now = int(time.time())
    good = key.sign(claims())
    payload = {**claims(), "sub": "jill"}
    cases = {
        "expired": key.sign(claims(exp=now - 60)),
        "expired long ago": key.sign(claims(exp=0)),
        "not yet": key.sign(claims(nbf=now + 60)),
        "other issuer": key.sign(claims(iss="https://other.example")),
        "no issuer": key.sign(claims(iss=...)),
        "other audience": key.sign(claims(aud="other")),
        "audiences without ours": key.sign(claims(aud=["a", "b"])),
        "no audience": key.sign(claims(aud=...)),
        "no subject": key.sign(claims(sub=...)),
        "empty subject": key.sign(claims(sub="")),
        "another's payload": tamper(good, 1, lambda _: encode(json.dumps(payload).encode())),
        "signature flipped": tamper(good, 2, flip),
        "signature cut": tamper(good, 2, lambda text: text[:-4]),
        "signature missing": tamper(good, 2, lambda _: ""),
        "two parts": good.rsplit(".", 1)[0],
        "four parts": good + "." + good.split(".")[2],
        "padding": good + "=",
        "header flipped": tamper(good, 0, flip),
        "none": encode(b'{"alg":"none","typ":"JWT"}') + "." + good.split(".")[1] + ".",
        "none with a signature": with_header(good, alg="none"),
        "None": with_header(good, alg="None"),
        "alg in lower case": with_header(good, alg=key.algorithm.lower()),
        "unknown alg": with_header(good, alg="XS256"),
        "crit": key.sign(claims(), headers={"crit": ["exp"]}),
        "wrong key": other.sign(claims()),
    }
    for name, value in (("exp", "tomorrow"), ("exp", None), ("exp", str(now + 600)), ("nbf", None), ("aud", 1), ("sub", 4.2), ("iss", None)):
        cases[f"{name} is {value!r}"] = raw(key, {**claims(), name: value})
    cases["claims that are no object"] = raw(key, ["jack"])
    return cases


def raw(key, payload):
    """Signed as it is: PyJWT looks at some claims before it signs."""
    return jwt.api_jws.encode(json.dumps(payload).encode(), key.private, key.algorithm, headers={"kid": key.name})


def check(client, good, bad):
    wrong = [name for name, token in good.items() if status(client, token) != 200]
    wrong += [name for name, token in bad.items() if status(client, token) != 401]
    assert not wrong


@pytest.fixture
def key_server(serve, service):
    keys = service(lambda path, body: (200, json.dumps({"keys": [key.jwk() for key in KEYS.values()]})))
    server = serve("--jwks-url", keys.url + "/keys", "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        yield server, client


def test_matrix_of_signed_tokens(key_server):
    """Ten algorithms, each with 7 tokens that are right and 33 that are not, and 18 that another key of the set signed."""
    server, client = key_server
    for algorithm in ASYMMETRIC:
        key, other = KEYS[algorithm], OTHERS[algorithm]
        check(client, good_tokens(key), bad_tokens(key, other))
        # What signed it is another key of the set; the name is this one's, and so is the algorithm, or the other's.
        for another in ASYMMETRIC:
            if another == algorithm:
                continue
            forged = KEYS[another].sign(claims(), headers={"kid": key.name})
            assert status(client, forged) == 401, (algorithm, another)
            assert status(client, with_header(forged, alg=algorithm)) == 401, (algorithm, another)
    assert not any(token_part in line for line in server.log for token_part in ("eyJ",)), "no token is in the log"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_is_no_secret(key_server, algorithm):
    """HS256 with the public key's bytes as the secret, which everybody has."""
    _, client = key_server
    key = KEYS[algorithm]
    for name in ("HS256", algorithm):
        head = encode(json.dumps({"alg": name, "kid": key.name}).encode()) + "." + encode(json.dumps(claims()).encode())
        for secret in (key.pem(), key.pem().strip(), json.dumps(key.jwk())):
            signature = encode(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())
            assert status(client, f"{head}.{signature}") == 401


@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_matrix_of_shared_secrets(serve, tmp_path, algorithm):
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    server = serve("--jwt-secret-file", str(file), "--jwt-algorithm", algorithm, "--jwt-issuer", ISSUER,
                   "--jwt-audience", AUDIENCE)
    key, other = Key(algorithm, "one"), Key(algorithm, "one")
    other.private = "another secret, no shorter than the first one: 0123456789abcdef.."
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        check(client, good_tokens(key), bad_tokens(key, other))
        for another in SYMMETRIC:
            if another != algorithm:
                assert status(client, jwt.encode(claims(), SECRET, another)) == 401
