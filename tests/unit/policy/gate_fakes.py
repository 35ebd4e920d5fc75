"""Builders and fakes for the gate: valid by default, in memory, with a clock that the test moves."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Lock
from typing import TypeVar

from argon2 import PasswordHasher
from msgspec import Struct, field

from credwatch.kernel.account import Account
from credwatch.kernel.clock import Steady
from credwatch.kernel.errors import StoreError
from credwatch.kernel.factor import Factor
from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import Blocklist
from credwatch.policy.events import Caller, EventError, GateEvent
from credwatch.policy.gate import BreachedPasswords, CustomerPolicy, Gate, PasswordQuestion
from credwatch.policy.history import PasswordHistory
from credwatch.policy.profile import PolicyProfile
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import Factors, Totp

T = TypeVar("T")

START = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
LAN = Account("hoasen", "lan")
GOOD = "kỳ lân uống trà đá lúc nửa đêm"
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


def quick_hasher() -> PasswordHasher:
    """Make a hasher that is too weak for use and quick enough for tests."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class MovableClock(Struct):
    """A clock that stands until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryFactors:
    """Factors in memory."""

    def __init__(self) -> None:
        self.kept: dict[Account, Factor] = {}
        self._lock = Lock()

    def change(self, account: Account, decide: Callable[[Factor | None], tuple[Factor | None, T]]) -> T:
        with self._lock:
            after, answer = decide(self.kept.get(account))
            if after is None:
                self.kept.pop(account, None)
            else:
                self.kept[account] = after
            return answer


class MemoryPasswords:
    """Past passwords in memory."""

    def __init__(self) -> None:
        self.kept: dict[Account, tuple[str, ...]] = {}
        self.set_at: dict[Account, datetime] = {}

    def hashes(self, account: Account) -> tuple[str, ...]:
        return self.kept.get(account, ())

    def newest(self, account: Account) -> datetime | None:
        return self.set_at.get(account)

    def keep(self, account: Account, newest: str, *, most: int, now: datetime) -> int:
        self.set_at[account] = now
        self.kept[account] = (newest, *self.hashes(account))[:most]
        return len(self.kept[account])


class NoStore:
    """A store that is away."""

    def change(self, account: Account, decide: Callable[[Factor | None], tuple[Factor | None, T]]) -> T:
        raise StoreError("the store is away", where="test")

    def hashes(self, account: Account) -> tuple[str, ...]:
        raise StoreError("the store is away", where="test")

    def newest(self, account: Account) -> datetime | None:
        raise StoreError("the store is away", where="test")

    def keep(self, account: Account, newest: str, *, most: int, now: datetime) -> int:
        raise StoreError("the store is away", where="test")


class MemoryEvents(Struct):
    """Events in memory; `full` makes each write fail."""

    written: list[GateEvent] = field(default_factory=list)
    full: bool = False

    def write(self, event: GateEvent) -> None:
        if self.full:
            raise EventError("no space left", where="test")
        self.written.append(event)

    def told(self) -> list[tuple[str, bool, str]]:
        """List action, success and reason of each event."""
        return [(event.action.value, event.succeeded, event.reason or event.why) for event in self.written]


def a_caller(**changes: object) -> Caller:
    """Build a caller."""
    return Caller(**({"account": LAN, "source_ip": "203.0.113.7"} | changes))  # type: ignore[arg-type]


def a_question(password: str = GOOD, **changes: object) -> PasswordQuestion:
    """Build a question about a good password."""
    return PasswordQuestion(**({"caller": a_caller(), "candidate": Secret(password)} | changes))  # type: ignore[arg-type]


def a_totp(factors: Factors | None = None, key: Secret | None = KEY, steady: Steady | None = None) -> Totp:
    """Build the TOTP service with the secret of RFC 6238, appendix B; its steady clock leaps over every wait."""
    leaping = count(step=1_000_000).__next__
    return Totp(
        factors or MemoryFactors(),
        Sealer(key),
        issuer="MODORO",
        new_secret=lambda: RFC_SECRET,
        steady=steady or leaping,
    )


def a_gate(
    profile: PolicyProfile | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    events: MemoryEvents | None = None,
    passwords: MemoryPasswords | NoStore | None = None,
    totp: Totp | None = None,
    breached: BreachedPasswords | None = None,
) -> Gate:
    """Build a gate in memory for one customer named Hoa Sen."""
    return Gate(
        policy_of=lambda _organization: CustomerPolicy(profile or PolicyProfile(), "Công ty Hoa Sen"),
        blocklist=Blocklist(["password"]),
        history=PasswordHistory(passwords or MemoryPasswords(), quick_hasher()),
        totp=totp or a_totp(),
        events=events or MemoryEvents(),
        clock=clock or MovableClock(),
        service="MODORO",
        breached=breached,
    )
