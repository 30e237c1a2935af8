"""Tokens: every algorithm, key, claim and way to tamper with them; keys that are exchanged; a back end that is asked."""
import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

import httpx
import jwt
import pytest
from conftest import PATIENCE, RawClient, eventually, run
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER, AUDIENCE = "https://issuer.example", "martlet"
SECRET = "0123456789abcdef" * 4
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SYMMETRIC = ["HS256", "HS384", "HS512"]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key of an algorithm, as a token's maker has it."""

    def __init__(self, algorithm, name):
        self.algorithm, self.name = algorithm, name
        if algorithm in SYMMETRIC:
            self.private = SECRET
        elif algorithm in CURVES:
            self.private = ec.generate_private_key(CURVES[algorithm]())
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = RSA_KEYS[len(USED) % 2]
            USED.append(name)

    def jwk(self, alg=True):
        key = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        key.pop("key_ops", None)
        return {**key, "kid": self.name, "use": "sig", **({"alg": self.algorithm} if alg else {})}

    def pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, claims, algorithm=None, headers=None):
        return jwt.encode(claims, self.private, algorithm or self.algorithm, headers={"kid": self.name, **(headers or {})})


USED = []
RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
KEYS = {algorithm: Key(algorithm, f"key of {algorithm}") for algorithm in ASYMMETRIC}
OTHERS = {algorithm: Key(algorithm, f"key of {algorithm}") for algorithm in ASYMMETRIC}
for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
    KEYS[algorithm].private, OTHERS[algorithm].private = RSA_KEYS


class Service(http.server.ThreadingHTTPServer):
    """A service of the operator's: `answer(path, body)` gives status and text."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer):
        service = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.requests.append((self.path, body, self.headers))
                status, text = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def service():
    services = []

    def make(answer):
        services.append(Service(answer))
        return services[-1]

    yield make
    for one in services:
        one.shutdown()
        one.server_close()


def claims(**changes):
    now = int(time.time())
    result = {"sub": "jack", "iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "nbf": now - 600, **changes}
    return {name: value for name, value in result.items() if value is not ...}


def status(client, token):
    return client.get("/poll", params={"token": token, "event": "e", "after": "", "wait": 0}).status_code


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
    for name, value in (("exp", "tomorrow"), ("exp", None), ("exp", str(now + 600)), ("nbf", None), ("aud", 1), ("sub", 42), ("iss", None)):
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
        eventually(lambda: any("kept what a file said before" in line for line in server.log), "it says so")
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
    for message in ({"token": 1, "event": "news"}, {"token": "", "event": "news"}, {"token": None, "event": "news"}):
        wrong = RawClient(server.address)
        wrong.send(json.dumps(message))
        assert b'"code":107' in wrong.read_frame()[1]
    with httpx.Client(base_url=f"http://{server.address}") as client:
        assert client.get("/poll", params={"event": "news", "wait": 0}).status_code == 200
        assert client.get("/poll", params={"event": "news", "wait": 0, "token": "wrong"}).status_code == 401


def test_the_back_end_is_asked(serve, service):
    state = {"status": 200}

    def answer(path, body):
        token = json.loads(body)["token"]
        if state["status"] != 200:
            return state["status"], ""
        return (200, json.dumps({"user": token.removeprefix("token of ")})) if token.startswith("token of ") else (403, "")

    back_end = service(answer)
    server = serve("--auth-url", back_end.url + "/who", env={"MARTLET_AUTH_SECRET": "between us"})
    one = RawClient(server.address)
    one.send(json.dumps({"token": "token of jack", "event": "e"}))
    server.push_until("jack", "e", "hello", 1)
    path, body, headers = back_end.requests[0]
    assert (path, json.loads(body)) == ("/who", {"token": "token of jack", "event": "e"})
    assert headers["Authorization"] == "Bearer between us" and headers["Content-Type"] == "application/json"
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, "token of jill") == 200
        assert status(client, "nonsense") == 401
        state["status"] = 500
        before = len(back_end.requests)
        codes = {status(client, "token of jill") for _ in range(20)}
        assert codes == {503} and len(back_end.requests) == before + 5, "it is left alone"
    assert server.push("jack", "e", "nobody else is disturbed") == 1
    assert not any("token of" in line for line in server.log)


def test_a_client_cannot_make_the_back_end_look_ill(serve, service):
    """A back end may well answer nonsense with 400: that is no reason to leave it alone."""
    back_end = service(lambda path, body: (200, '{"user":"jack"}') if b"good" in body else (400, "nonsense"))
    server = serve("--auth-url", back_end.url)
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert [status(client, "bad") for _ in range(10)] == [503] * 10
        assert status(client, "good") == 200


def test_a_back_end_that_stalls_behind_its_head(serve):
    listener = socket.create_server(("127.0.0.1", 0))

    def stall():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            held.append(connection)

    held = []
    threading.Thread(target=stall, daemon=True).start()
    server = serve("--auth-url", f"http://127.0.0.1:{listener.getsockname()[1]}", "--auth-timeout", "200ms")
    with httpx.Client(base_url=f"http://{server.address}", timeout=PATIENCE) as client:
        assert status(client, "good") == 503
    listener.close()


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
