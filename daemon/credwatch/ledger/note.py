"""Signed notes (c2sp.org/signed-note) with Ed25519 keys: a text, and under it who signed it.

    text\\n \\n — NAME BASE64(id of the key || signature)\\n

The id of a key is the beginning of a hash over its name and its bytes, so that one key signs under several names.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret

_ED25519 = b"\1"
_SIGNATURE = re.compile(r"— (\S+) (\S+)")
_VERIFIER = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
_ID_BYTES, _KEY_BYTES = 4, 33


class NotGenuine(CredwatchError):
    """What was signed is not what is there, or somebody else has signed it."""


class PublicKey(Struct, frozen=True):
    """What a signature is held against."""

    name: str
    """The name that it was given under."""
    raw: bytes
    """Its 32 bytes."""

    def __str__(self) -> str:
        """Write it as a verifier key of signed notes: NAME+ID+BASE64."""
        return f"{self.name}+{key_id(self.name, self.raw).hex()}+{b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """Read a verifier key; raises NotGenuine where it is none."""
        match = _VERIFIER.fullmatch(text.strip())
        raw = decoded(match[3]) if match else b""
        if (
            match is None
            or len(raw) != _KEY_BYTES
            or raw[:1] != _ED25519
            or key_id(match[1], raw[1:]).hex() != match[2]
        ):
            hint = "give the line that `credwatch audit key` writes: NAME+ID+BASE64"
            raise NotGenuine("is no key of signed notes", where="key", hint=hint)
        return cls(match[1], raw[1:])

    def check(self, name: str, content: bytes, signature: bytes) -> bool:
        """Say whether this key has signed some bytes under a name; `signature` begins with the id of the key."""
        if signature[:_ID_BYTES] != key_id(name, self.raw):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature[_ID_BYTES:], content)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The private key of an installation."""

    def __init__(self, seed: Secret) -> None:
        """Make it of the 32 bytes that the Base64 of a secret has; raises NotGenuine where it has others."""
        raw = decoded(seed.reveal())
        if len(raw) != _KEY_BYTES - 1:
            raise NotGenuine("is no key: expected the Base64 of 32 bytes", where="key", hint="put the key back")
        self._key = Ed25519PrivateKey.from_private_bytes(raw)

    def public(self) -> bytes:
        """Give the 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, name: str, text: str) -> str:
        """Sign a text of whole lines under a name."""
        signature = key_id(name, self.public()) + self._key.sign(text.encode())
        return f"{text}\n— {name} {b64encode(signature).decode()}\n"


def key_id(name: str, raw: bytes) -> bytes:
    """Give the id of a key that signs under a name."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:_ID_BYTES]


def opened(note: str, key: PublicKey) -> tuple[str, str]:
    """Return the text of a note that a key has signed, and the name that it signed under; raises NotGenuine.

    Other signatures beside it are left alone, as those of witnesses must be.
    """
    text, blank_line, signatures = note.rpartition("\n\n")
    if not blank_line:
        raise NotGenuine("is no signed note", where="note")
    for line in signatures.splitlines():
        match = _SIGNATURE.fullmatch(line)
        if match and key.check(match[1], f"{text}\n".encode(), decoded(match[2])):
            return f"{text}\n", match[1]
    raise NotGenuine("the key has not signed this", where="note", hint=f"the key is {key}")


def decoded(text: str) -> bytes:
    """Read Base64; what is none gives no bytes."""
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return b""
