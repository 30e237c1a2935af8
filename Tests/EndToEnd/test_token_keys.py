"""Keys that are exchanged while tokens are signed with them, and keys that cannot be had."""
import json
import threading
import time

import httpx
import pytest

from support.jwt_keys import KEYS, OTHERS, Key, claims
from support.poll import status
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually


@pytest.mark.parametrize("algorithm", ["RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_public_key_in_a_file_and_its_successor(serve, tmp_path, algorithm):
    file = tmp_path / "key.pem"
    file.write_text(KEYS[algorithm].pem())
    server = serve("--jwt-key-file", str(file), "--jwt-require-expiry",
                   *(["--jwt-algorithm", algorithm] if algorithm == "PS512" else []))
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        old, new = KEYS[algorithm].sign(claims()), OTHERS[algorithm].sign(claims())
        assert (status(client, old), status(client, new)) == (200, 401)
        assert status(client, KEYS[algorithm].sign(claims(exp=...))) == 401
        file.write_text(OTHERS[algorithm].pem())
        eventually(lambda: status(client, new) == 200, "the new key counts")
        assert status(client, old) == 401
        file.write_text("nonsense")
        eventually(lambda: any("cannot reload a file; its previous contents stay in use" in line for line in server.log), "it says so")
        assert status(client, new) == 200


def test_keys_are_exchanged_under_load(serve, service):
    """Tokens are signed with the newest key as soon as it is served; the one before counts on for one exchange more."""
    state = {"keys": [Key("EdDSA", "key 0")]}
    keys = service(lambda path, body: (200, json.dumps({"keys": [key.jwk(alg=False) for key in state["keys"]]})))
    server = serve("--jwks-url", keys.url)
    stop, outcomes = threading.Event(), []

    def load():
        with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
            while not stop.is_set():
                key = state["keys"][-1]
                outcomes.append((key.name, status(client, key.sign(claims()))))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: ("key 0", 200) in outcomes, "the first key counts")
        for number in range(1, 6):
            state["keys"] = [state["keys"][-1], Key("EdDSA", f"key {number}")]
            # The next exchange comes when the last key is in use.
            eventually(lambda: (f"key {number}", 200) in outcomes, f"key {number} counts")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert {code for _, code in outcomes} == {200}, [one for one in outcomes if one[1] != 200][:5]
    assert {name for name, _ in outcomes} >= {f"key {number}" for number in range(6)}


def test_a_key_is_exchanged_under_its_name(serve, service):
    """The first token of the new key is right already; and a name that cannot be looked up is nobody's fault."""
    state = {"keys": [Key("EdDSA", "main")], "status": 200}
    keys = service(lambda path, body: (state["status"], json.dumps({"keys": [key.jwk() for key in state["keys"]]})))
    server = serve("--jwks-url", keys.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        old, new = state["keys"][0].sign(claims()), Key("EdDSA", "main")
        assert status(client, old) == 200
        state["keys"] = [new]
        assert (status(client, new.sign(claims())), status(client, old)) == (200, 401)
        state["status"] = 500
        assert status(client, Key("EdDSA", "next").sign(claims())) == 503
        assert status(client, new.sign(claims())) == 200


def without_name(key):
    """A key of a set, without its name."""
    return {name: value for name, value in key.jwk().items() if name != "kid"}


@pytest.mark.timing
def test_a_name_is_a_hint(serve, service, tmp_path):
    """Keys without one are tried for tokens with one, and nobody is asked for others (RFC 7515, 4.1.4; RFC 7517, 4.5)."""
    state = {"keys": [KEYS["EdDSA"], KEYS["ES256"], KEYS["RS256"]]}
    text = lambda: json.dumps({"keys": [without_name(key) for key in state["keys"]]})
    keys = service(lambda path, body: (200, text()))
    server = serve("--jwks-url", keys.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        began = time.monotonic()
        for number in range(10):
            for key in state["keys"]:
                assert status(client, key.sign(claims(), headers={"kid": f"name {number}"})) == 200
        assert len(keys.requests) == 1 and time.monotonic() - began < 2
        # A key that comes later is found, whatever it is called.
        state["keys"] = [OTHERS["EdDSA"]]
        assert status(client, OTHERS["EdDSA"].sign(claims(), headers={"kid": "x"})) == 200
        assert status(client, KEYS["EdDSA"].sign(claims(), headers={"kid": "x"})) == 401
        assert len(keys.requests) == 2
    file = tmp_path / "keys"
    file.write_text(text())
    server = serve("--jwks-file", str(file))
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, OTHERS["EdDSA"].sign(claims())) == 200
        assert status(client, KEYS["EdDSA"].sign(claims())) == 401


def test_a_set_with_and_without_names(serve, service):
    """A name that is there decides; where none fits, keys without one are tried, and never those of another name."""
    named, unnamed, other = KEYS["EdDSA"], OTHERS["EdDSA"], Key("EdDSA", "third")
    keys = service(lambda path, body: (200, json.dumps({"keys": [named.jwk(), without_name(unnamed), other.jwk()]})))
    server = serve("--jwks-url", keys.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, named.sign(claims())) == 200
        assert status(client, unnamed.sign(claims(), headers={"kid": "unknown"})) == 200
        assert len(keys.requests) == 1
        assert status(client, named.sign(claims(), headers={"kid": "third"})) == 401
        assert status(client, named.sign(claims(), headers={"kid": "unknown"})) == 401


@pytest.mark.timing
def test_a_token_that_fits_no_key_fetches_the_set_once_in_a_while(serve, service):
    keys = service(lambda path, body: (200, json.dumps({"keys": [without_name(KEYS["EdDSA"])]})))
    server = serve("--jwks-url", keys.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, KEYS["EdDSA"].sign(claims())) == 200
        began = time.monotonic()
        for number in range(30):
            assert status(client, OTHERS["EdDSA"].sign(claims(), headers={"kid": f"made up {number}"})) == 401
        assert len(keys.requests) <= 2 + (time.monotonic() - began)
        assert time.monotonic() - began < 5, "who has the wrong key waits for nothing"


@pytest.mark.timing
def test_made_up_keys_cost_the_key_service_nothing(serve, service):
    keys = service(lambda path, body: (200, json.dumps({"keys": [KEYS["EdDSA"].jwk()]})))
    server = serve("--jwks-url", keys.url)
    other = OTHERS["EdDSA"]
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, KEYS["EdDSA"].sign(claims())) == 200
    began, codes = time.monotonic(), []

    def attack(number):
        with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
            codes.append(status(client, other.sign(claims(), headers={"kid": f"made up {number}"})))

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [401] * 50
    assert len(keys.requests) <= 3 + (time.monotonic() - began)


@pytest.mark.timing
def test_keys_that_cannot_be_had(serve, service):
    state = {"up": False}
    keys = service(lambda path, body: (200, json.dumps({"keys": [KEYS["EdDSA"].jwk()]})) if state["up"] else (500, ""))
    server = serve("--jwks-url", keys.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        token = KEYS["EdDSA"].sign(claims())
        answer = client.get("/sse", params={"token": token, "event": "e"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        one = RawClient(server.address)
        one.send(json.dumps({"token": token, "event": "e"}))
        assert one.read_close()[0] == 1013
        state["up"] = True
        eventually(lambda: status(client, token) == 200, "the keys are there")
