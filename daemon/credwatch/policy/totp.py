"""Enrols and verifies one-time codes (RFC 6238) and recovery codes: each once, guesses slowed, then locked."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

import pyotp
from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.account import Account
from credwatch.kernel.clock import Steady, steady_clock
from credwatch.kernel.factor import Factor
from credwatch.kernel.secret import Secret
from credwatch.policy.profile import MfaProfile
from credwatch.policy.recovery import digest_of, new_codes, new_salt, without_code
from credwatch.policy.sealing import Sealer
from credwatch.policy.used_steps import is_used, with_used
from credwatch.policy.waits import Waits

T = TypeVar("T")

_MOST_FAILURES = 100
"""After so many failures in a row only a new enrolment helps (NIST SP 800-63B-4, section 3.2.2)."""


class Factors(Protocol):
    """Keeps one factor per account."""

    def change(self, account: Account, decide: Callable[[Factor | None], tuple[Factor | None, T]]) -> T:
        """Replace the account's factor by what `decide` makes of it, and return what it answers.

        Two changes of one account never overlap, in this process or another: each sees what the one before kept.
        That is what makes a code good once. `decide` gets None where there is no factor, and removes it by returning
        None; it may be called once only. Whatever it raises goes to the caller with nothing kept. Raises StoreError
        where the store fails, with nothing kept; the caller must then not accept the code.
        """
        ...


class MfaOutcome(StrEnum):
    """What came of a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    REPLAYED = "replayed"
    """The code is right but was used before, or an earlier one than the last used."""
    THROTTLED = "throttled"
    LOCKED = "locked"
    NOT_ENROLLED = "not_enrolled"


class MfaVerdict(Struct, frozen=True):
    """The answer to one code."""

    outcome: MfaOutcome
    """What came of it."""
    until: datetime | None = None
    """Before this moment no code is looked at, UTC; None where there is no wait."""
    locked_now: bool = False
    """True on the one failure that locked the factor."""
    left: int | None = None
    """How many recovery codes are left, where one was asked about and accepted."""

    @property
    def accepted(self) -> bool:
        """Tell whether the second factor is proven."""
        return self.outcome is MfaOutcome.ACCEPTED


class UnlockOutcome(StrEnum):
    """What came of an operator's unlocking."""

    UNLOCKED = "unlocked"
    NOT_LOCKED = "not_locked"
    REENROL = "reenrol"
    """It failed a hundred times in a row: the factor must be removed and enrolled anew."""


class Enrolment(Struct, frozen=True):
    """A new secret, shown once; the factor counts from its first code on."""

    secret: Secret
    """The secret in base32, 160 bits (RFC 4226, section 4)."""
    uri: Secret
    """The same as an otpauth URI, for a QR code."""


class Totp:
    """TOTP factors of all accounts. Every method may be called from any thread; time is handed in, aware, UTC.

    Methods raise ConfigurationError without the sealing key and StoreError without the store: nothing is accepted.
    """

    def __init__(
        self,
        factors: Factors,
        sealer: Sealer,
        *,
        issuer: str,
        new_secret: Callable[[], str] = pyotp.random_base32,
        steady: Steady = steady_clock,
    ) -> None:
        """Take the name that authenticator apps show (`issuer`) and the source of 160-bit base32 secrets."""
        self._factors = factors
        self._sealer = sealer
        self._issuer = issuer
        self._new_secret = new_secret
        self._waits = Waits(steady)

    @property
    def ready(self) -> bool:
        """Tell whether factors can be enrolled and verified: whether there is a sealing key."""
        return self._sealer.ready

    def enrol(self, account: Account, profile: MfaProfile, now: datetime) -> Enrolment | None:
        """Make a secret that waits for its first code; return None where a confirmed factor stands already.

        A secret that still waits is replaced, and its failures stay counted.
        """
        secret = Secret(self._new_secret())
        sealed = self._sealer.seal(secret, account)
        fresh = Factor(sealed, profile.digits, profile.step_seconds, enrolled_at=now)

        def decide(factor: Factor | None) -> tuple[Factor | None, Enrolment | None]:
            if factor is not None and factor.confirmed_at is not None:
                return factor, None
            return _with_failures_of(factor, fresh), Enrolment(secret, self._uri(secret, account, fresh))

        return self._factors.change(account, decide)

    def confirm(self, account: Account, code: Secret, profile: MfaProfile, now: datetime) -> MfaVerdict:
        """Take the first code of a waiting secret; from then on the factor counts."""
        return self._take(account, code, profile, now, waiting=True)

    def verify(self, account: Account, code: Secret, profile: MfaProfile, now: datetime) -> MfaVerdict:
        """Take a code of a confirmed factor."""
        return self._take(account, code, profile, now, waiting=False)

    def make_recovery_codes(self, account: Account) -> tuple[Secret, ...] | None:
        """Make ten recovery codes in place of those before; return None where there is no confirmed factor."""
        salt, codes = new_salt(), new_codes()
        digests = tuple(digest_of(code, salt) for code in codes)

        def decide(factor: Factor | None) -> tuple[Factor | None, tuple[Secret, ...] | None]:
            if factor is None or factor.confirmed_at is None:
                return factor, None
            return replace(factor, recovery_salt=salt, recovery_codes=digests), codes

        return self._factors.change(account, decide)

    def recover(self, account: Account, code: Secret, profile: MfaProfile, now: datetime) -> MfaVerdict:
        """Take a recovery code in place of a code of a confirmed factor; failures of both count together."""
        # Hashing is slow: it is done before the store is held, by the salt as it is now.
        salt = self._factors.change(account, lambda factor: (factor, factor.recovery_salt if factor else ""))
        digest = digest_of(code, salt) if salt else ""

        def judge(factor: Factor) -> tuple[Factor, MfaVerdict]:
            after = without_code(factor, digest) if factor.recovery_salt == salt else None
            if after is None:
                return _failed(factor, profile, now)
            proven = replace(after, failures=0, forgiven=0, wait_until=None)
            return proven, MfaVerdict(MfaOutcome.ACCEPTED, left=len(after.recovery_codes))

        return self._judge(account, judge, profile, now, waiting=False)

    def unlock(self, account: Account) -> UnlockOutcome:
        """Forgive the failures of a locked or waiting factor, for an operator who has identified the person."""

        def decide(factor: Factor | None) -> tuple[Factor | None, UnlockOutcome]:
            if factor is None or (factor.locked_at is None and factor.wait_until is None):
                return factor, UnlockOutcome.NOT_LOCKED
            if factor.failures >= _MOST_FAILURES:
                return factor, UnlockOutcome.REENROL
            freed = replace(factor, forgiven=factor.failures, wait_until=None, locked_at=None)
            return freed, UnlockOutcome.UNLOCKED

        return self._factors.change(account, decide)

    def remove(self, account: Account) -> bool:
        """Forget the account's factor; return False where it had none."""
        return self._factors.change(account, lambda factor: (None, factor is not None))

    def _take(self, account: Account, code: Secret, profile: MfaProfile, now: datetime, *, waiting: bool) -> MfaVerdict:
        def judge(factor: Factor) -> tuple[Factor, MfaVerdict]:
            secret = self._sealer.unseal(factor.sealed, account)
            return _judged(factor, _matching_step(factor, secret, code, profile, now), profile, now)

        return self._judge(account, judge, profile, now, waiting=waiting)

    def _judge(
        self,
        account: Account,
        judge: Callable[[Factor], tuple[Factor, MfaVerdict]],
        profile: MfaProfile,
        now: datetime,
        *,
        waiting: bool,
    ) -> MfaVerdict:
        """Have a factor judged that is there, neither locked nor told to wait, and keep what comes of it."""

        def decide(factor: Factor | None) -> tuple[Factor | None, MfaVerdict]:
            if factor is None or (factor.confirmed_at is None) is not waiting:
                return factor, MfaVerdict(MfaOutcome.NOT_ENROLLED)
            if factor.locked_at is not None:
                return factor, MfaVerdict(MfaOutcome.LOCKED)
            if factor.wait_until is not None:
                until = self._waits.until(account, factor.wait_until, now)
                if now < until:
                    return _waiting(factor, until, profile, now)
            after, verdict = judge(factor)
            self._waits.note(account, after.wait_until, now)
            return after, verdict

        return self._factors.change(account, decide)

    def _uri(self, secret: Secret, account: Account, factor: Factor) -> Secret:
        totp = pyotp.TOTP(secret.reveal(), digits=factor.digits, interval=factor.step_seconds)
        return Secret(totp.provisioning_uri(name=account.user, issuer_name=self._issuer))


def _with_failures_of(before: Factor | None, fresh: Factor) -> Factor:
    if before is None:
        return fresh
    return replace(
        fresh,
        failures=before.failures,
        forgiven=before.forgiven,
        wait_until=before.wait_until,
        locked_at=before.locked_at,
    )


def _matching_step(factor: Factor, secret: Secret, code: Secret, profile: MfaProfile, now: datetime) -> int | None:
    """Return the latest accepted step whose code this is; every step is compared, whichever matches."""
    totp = pyotp.TOTP(secret.reveal(), digits=factor.digits, interval=factor.step_seconds)
    answer = code.reveal().replace(" ", "").encode("utf-8", "surrogatepass")
    present = _present_step(factor, now)
    steps = range(max(present - profile.window_steps, 0), present + profile.window_steps + 1)
    return max(
        [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), answer)],
        default=None,
    )


def _present_step(factor: Factor, now: datetime) -> int:
    return int(now.timestamp()) // factor.step_seconds


def _waiting(factor: Factor, until: datetime, profile: MfaProfile, now: datetime) -> tuple[Factor, MfaVerdict]:
    """Refuse until the wait is over; one that is longer than any wait begun now was set by a clock that was ahead."""
    healed = min(until, now + _wait(factor.failures - factor.forgiven, profile))
    return replace(factor, wait_until=healed), MfaVerdict(MfaOutcome.THROTTLED, until=healed)


def _judged(factor: Factor, step: int | None, profile: MfaProfile, now: datetime) -> tuple[Factor, MfaVerdict]:
    if step is None:
        return _failed(factor, profile, now)
    latest = _present_step(factor, now) + profile.window_steps
    if is_used(factor.used_steps, step, latest):
        return factor, MfaVerdict(MfaOutcome.REPLAYED)
    confirmed_at = factor.confirmed_at or now
    used = with_used(factor.used_steps, step)
    proven = replace(factor, used_steps=used, confirmed_at=confirmed_at, failures=0, forgiven=0, wait_until=None)
    return proven, MfaVerdict(MfaOutcome.ACCEPTED)


def _failed(factor: Factor, profile: MfaProfile, now: datetime) -> tuple[Factor, MfaVerdict]:
    failures = factor.failures + 1
    counted = failures - factor.forgiven
    if counted >= profile.max_failures or failures >= _MOST_FAILURES:
        locked = replace(factor, failures=failures, wait_until=None, locked_at=now)
        return locked, MfaVerdict(MfaOutcome.WRONG, locked_now=True)
    until = now + _wait(counted, profile) if counted >= profile.wait_after else None
    return replace(factor, failures=failures, wait_until=until), MfaVerdict(MfaOutcome.WRONG, until=until)


def _wait(counted: int, profile: MfaProfile) -> timedelta:
    doubled = profile.wait_first_seconds * 2 ** (counted - profile.wait_after)
    return timedelta(seconds=min(doubled, profile.wait_longest_seconds))
