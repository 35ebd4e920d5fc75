"""Seals the secrets of second factors and the hashes of past passwords: the store alone is of no use to a thief."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credwatch.kernel.account import Account
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret

_KEY_BYTES = 32
_NONCE_BYTES = 12
SEALED = "v1."
"""How a sealed text begins."""
TOTP, HISTORY = "totp", "password history"
"""What a sealed text is for: one is never taken for the other."""
_MAKE_KEY = "make one with `openssl rand -base64 32` and hand it over as a systemd credential"


class Sealer:
    """Seals with AES-256-GCM (NIST SP 800-38D), bound to account and purpose, so a row copied elsewhere is refused.

    Without a key it can be built but not used: each use raises ConfigurationError, and the gate accepts no factor.
    """

    def __init__(self, key: Secret | None, *, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        """Take the key as base64 of 32 bytes; raise ConfigurationError where it is not that."""
        self._key = _decoded(key) if key is not None else None
        self._random_bytes = random_bytes

    @property
    def ready(self) -> bool:
        """Tell whether there is a key."""
        return self._key is not None

    def seal(self, secret: Secret, account: Account, purpose: str = TOTP) -> str:
        """Return the sealed secret: version, the key's fingerprint, then nonce and ciphertext in base64."""
        key = self._required()
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, secret.reveal().encode("utf-8"), _bound_to(account, purpose))
        return f"{SEALED}{_fingerprint(key)}.{base64.b64encode(sealed).decode('ascii')}"

    def unseal(self, sealed: str, account: Account, purpose: str = TOTP) -> Secret:
        """Return the secret; raise ConfigurationError where another key or account sealed it, or it was altered."""
        key = self._required()
        version, fingerprint, body = (*sealed.split(".", 2), "", "")[:3]
        if (version, fingerprint) != ("v1", _fingerprint(key)):
            raise ConfigurationError(
                f"the {purpose} was sealed with key {fingerprint or 'unknown'}, the gate has {_fingerprint(key)}",
                where="the gate's sealing key",
                hint="give the gate the key it had then, or enrol the factor anew",
            )
        try:
            raw = base64.b64decode(body, validate=True)
            opened = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound_to(account, purpose))
            return Secret(opened.decode())
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                f"the stored {purpose} was altered",
                where=f"account {account.user} of {account.organization or 'no customer'}",
                hint="restore the store from its backup, or enrol the factor anew",
            ) from error

    def _required(self) -> bytes:
        if self._key is None:
            raise ConfigurationError(
                "the gate has no key to seal second factors with", where="the gate's sealing key", hint=_MAKE_KEY
            )
        return self._key


def _decoded(key: Secret) -> bytes:
    try:
        raw = base64.b64decode(key.reveal().strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise ConfigurationError(
            f"expected a key of {_KEY_BYTES} bytes in base64", where="the gate's sealing key", hint=_MAKE_KEY
        )
    return raw


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"credwatch sealing key\0" + key).hexdigest()[:12]


def _bound_to(account: Account, purpose: str) -> bytes:
    return json.dumps([f"credwatch {purpose}", account.organization, account.user]).encode("ascii")
