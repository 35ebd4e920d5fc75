"""Remembers past passwords as argon2id hashes, where a profile asks that none comes again."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from credwatch.kernel.account import Account
from credwatch.kernel.errors import StoreError
from credwatch.kernel.secret import Secret
from credwatch.policy.password import normalized
from credwatch.policy.profile import PasswordProfile
from credwatch.policy.sealing import HISTORY, SEALED, Sealer


class PastPasswords(Protocol):
    """Keeps the hashes of past passwords, newest first.

    Each call is one transaction of its own and raises StoreError where the store fails; nothing was kept then, and
    the caller may call again. Hashes are opaque text. Calls may come from several threads.
    """

    def hashes(self, account: Account) -> tuple[str, ...]:
        """Return the hashes of one account, newest first; empty for an account never seen."""
        ...

    def newest(self, account: Account) -> datetime | None:
        """Say when the newest password of one account was set; None where none is kept."""
        ...

    def keep(self, account: Account, newest: str, *, most: int, now: datetime) -> int:
        """Put a hash before the others, drop all behind the `most` newest, and say how many there are now.

        With `most` at 0 the hash is not kept and those of the account are dropped.
        """
        ...


class PasswordHistory:
    """Tells whether a password was used before.

    Hashes follow the second recommended option of RFC 9106, section 4: argon2id, t=3, p=4, m=64 MiB, 128-bit salt,
    256-bit tag. It is above every row of OWASP's table, and old hashes carry their own parameters, so these can grow.
    With a sealing key they are sealed before they are stored, so that nobody can guess at a stolen store (NIST SP
    800-63B-4, section 3.1.1.2: a keyed step, its key kept apart); those from before there was a key stay readable.
    """

    def __init__(self, past: PastPasswords, hasher: PasswordHasher | None = None, sealer: Sealer | None = None) -> None:
        self._past = past
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._sealer = sealer or Sealer(None)

    def used_before(self, candidate: Secret, account: Account, profile: PasswordProfile) -> bool:
        """Tell whether the password is one of the last `remember` ones.

        Every hash is tried, also behind a match, so the time tells nothing of which one it was. Raises StoreError, and
        ConfigurationError where a hash was sealed with another key.
        """
        raw = _bytes(candidate)
        hashes = self._past.hashes(account)[: profile.remember]
        return any([self._matches(stored, raw, account) for stored in hashes])

    def set_at(self, account: Account) -> datetime | None:
        """Say when the account's password was set, where it is remembered; raises StoreError."""
        return self._past.newest(account)

    def record(self, candidate: Secret, account: Account, profile: PasswordProfile, now: datetime) -> int:
        """Remember the password just set, if the profile remembers any; return how many are remembered now."""
        newest = self._sealed(self._hasher.hash(_bytes(candidate)), account) if profile.remember else ""
        return self._past.keep(account, newest, most=profile.remember, now=now)

    def _sealed(self, made: str, account: Account) -> str:
        return self._sealer.seal(Secret(made), account, HISTORY) if self._sealer.ready else made

    def _opened(self, stored: str, account: Account) -> str:
        is_sealed = stored.startswith(SEALED)
        return self._sealer.unseal(stored, account, HISTORY).reveal() if is_sealed else stored

    def _matches(self, stored: str, raw: bytes, account: Account) -> bool:
        try:
            return self._hasher.verify(self._opened(stored, account), raw)
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            raise StoreError(
                "a remembered password hash is damaged",
                where=f"account {account.user} of {account.organization or 'no customer'}",
                hint="restore the store from its backup",
            ) from error


def _bytes(candidate: Secret) -> bytes:
    return normalized(candidate).encode("utf-8", "surrogatepass")
