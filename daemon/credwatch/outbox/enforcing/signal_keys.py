"""Signs Security Event Tokens: JWS with ES256 or RS256 (RFC 7515, RFC 7518), by a key that a file holds."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from credwatch.kernel.secret import Secret

_COORDINATE_BYTES = 32
_LEAST_RSA_BITS = 2048
_TYPE = "secevent+jwt"
"""The header that tells a Security Event Token from any other JWT (RFC 8417, section 2.3)."""


class SignalKey:
    """One private key; nothing of it is ever shown."""

    def __init__(self, pem: Secret, key_id: str = "") -> None:
        """Read a key in PEM; raises ValueError, without the key in it, where it is none that may be used."""
        try:
            key = load_pem_private_key(pem.reveal().encode(), password=None)
        except (ValueError, TypeError):
            raise ValueError("holds no private key in PEM without a password") from None
        is_p256 = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        if not is_p256 and not (isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS):
            raise ValueError(f"is neither a key of EC P-256 nor one of RSA with {_LEAST_RSA_BITS} bits or more")
        assert isinstance(key, ec.EllipticCurvePrivateKey | RSAPrivateKey)
        self._key = key
        self._id = key_id or _thumbprint(self._public())

    @property
    def algorithm(self) -> str:
        """The name of how it signs."""
        return "RS256" if isinstance(self._key, RSAPrivateKey) else "ES256"

    def jwk(self) -> dict[str, str]:
        """Give the public key as receivers need it (RFC 7517)."""
        return self._public() | {"kid": self._id, "alg": self.algorithm, "use": "sig"}

    def signed(self, claims: dict[str, Any]) -> bytes:
        """Sign claims as a token in compact form."""
        header = {"alg": self.algorithm, "kid": self._id, "typ": _TYPE}
        text = f"{_encoded(_written(header))}.{_encoded(_written(claims))}"
        return f"{text}.{_encoded(self._signature(text.encode()))}".encode()

    def _signature(self, text: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(text, PKCS1v15(), SHA256())
        # RFC 7518, section 3.4: both numbers in full length, not the DER that the library gives.
        numbers = decode_dss_signature(self._key.sign(text, ec.ECDSA(SHA256())))
        return b"".join(number.to_bytes(_COORDINATE_BYTES, "big") for number in numbers)

    def _public(self) -> dict[str, str]:
        if isinstance(self._key, RSAPrivateKey):
            rsa = self._key.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(rsa.n), "e": _number(rsa.e)}
        point = self._key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}


def _thumbprint(jwk: dict[str, str]) -> str:
    """Derive the name of a key from its members in order (RFC 7638, section 3)."""
    return _encoded(hashlib.sha256(_written(jwk)).digest())


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _number(value: int, length: int = 0) -> str:
    return _encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
