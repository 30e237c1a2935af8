"""Keys that sign tokens, two of every algorithm, and the claims that they sign."""
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER, AUDIENCE = "https://issuer.example", "martlet"
SECRET = "0123456789abcdef" * 4
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SYMMETRIC = ["HS256", "HS384", "HS512"]


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


def claims(**changes):
    now = int(time.time())
    result = {"sub": "jack", "iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "nbf": now - 600, **changes}
    return {name: value for name, value in result.items() if value is not ...}
