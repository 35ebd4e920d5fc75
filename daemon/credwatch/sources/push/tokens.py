"""Who pushes: a token, of which only the argon2id hash is known here, or a client certificate."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from credwatch.kernel.secret import Secret

_MOST_REMEMBERED = 1024
_LONGEST = 512
"""A longer token is none of ours."""


def new_token(source: str) -> tuple[Secret, str]:
    """Make a token for a source, and its hash; the token begins with the source's name, so that one hash is tried."""
    token = Secret(f"{source}.{secrets.token_urlsafe(32)}")
    return token, PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).hash(token.reveal())


def token_in(authorization: str) -> Secret | None:
    """Take the token out of an Authorization header: `Bearer`, or the password of `Basic` and of `ApiKey`.

    Shippers that know only names and passwords give the token as the password, whatever the name; RFC 6750, RFC 7617.
    """
    scheme, _, value = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return Secret(value.strip())
        case "basic" | "apikey":
            try:
                text = base64.b64decode(value.strip(), validate=True).decode()
            except ValueError:  # no base64, or no UTF-8
                return None
            return Secret(text.partition(":")[2])
    return None


class Tokens:
    """Knows the tokens of sources by their hashes; calls may come from several threads.

    The hash costs 64 MiB and some hundredths of a second on purpose, so whether a token is right is remembered by its
    digest under a key that only this process has; and one hash is computed at a time.
    """

    def __init__(self, hashes: Mapping[str, Sequence[str]]) -> None:
        """Take the hashes of each source, by its name."""
        self._hashes = {source: tuple(hashes_of) for source, hashes_of in hashes.items()}
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, str] = OrderedDict()
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._hashing, self._lock = threading.Lock(), threading.Lock()

    def remembered(self, token: Secret) -> str | None:
        """Return the source of a token that was judged before, empty for a wrong one; None where it must be hashed.

        Costs nothing: one that names no source of ours is wrong.
        """
        raw = token.reveal()
        if len(raw) > _LONGEST or not self._hashes.get(raw.partition(".")[0]):
            return ""
        with self._lock:
            return self._remembered.get(self._digest(raw))

    def source_of(self, token: Secret) -> str:
        """Return the source of a token, empty where it is wrong; computes a hash where it was not judged before."""
        if (before := self.remembered(token)) is not None:
            return before
        raw = token.reveal()
        named = raw.partition(".")[0]
        with self._hashing:
            source = named if any(self._matches(hashed, raw) for hashed in self._hashes[named]) else ""
        with self._lock:
            self._remembered[self._digest(raw)] = source
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return source

    def _digest(self, raw: str) -> bytes:
        return hmac.new(self._key, raw.encode("utf-8", "surrogatepass"), sha256).digest()

    def _matches(self, hashed: str, raw: str) -> bool:
        try:
            return self._hasher.verify(hashed, raw)
        except (VerificationError, InvalidHashError):
            return False
