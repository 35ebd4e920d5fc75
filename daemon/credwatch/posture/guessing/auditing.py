"""Which stored passwords are to be tried now, and what comes of each; resumed wherever it was cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.account_finding import PasswordAudited
from credwatch.kernel.clock import Clock
from credwatch.posture.account import AccountState
from credwatch.posture.guessing.guesser import Guesser
from credwatch.posture.guessing.worker import GuessTask
from credwatch.posture.options import AccountSourceOptions, PostureOptions
from credwatch.posture.reading import AccountsReading, states
from credwatch.posture.rows import AccountRows, stored_password
from credwatch.world.owners import Owner

Audits = Mapping[tuple[str, str], PasswordAudited]
"""What came of earlier trials, by customer and account."""
_MOST_AT_ONCE = 2000
"""So many stored passwords are held in memory; the source is read again for the next ones."""
_NOT_STORED = frozenset({"none", "empty", "locked", "delegated"})


class AuditWords(Struct, frozen=True):
    """What is known of accounts beforehand."""

    owner_of: Callable[[str], Owner | None]
    """Finds whose an account is by the registers."""
    words_of: Callable[[AccountState], tuple[str, ...]]
    """Gives what a guesser would try first for it."""


class DuePassword(Struct, frozen=True):
    """An account whose password is to be tried."""

    customer: str
    """The customer whose account it is."""
    user: str
    """The account."""
    task: GuessTask
    """What is tried."""

    def __repr__(self) -> str:
        return f"DuePassword({self.customer!r}, {self.user!r})"


class DuePasswords(Struct, frozen=True):
    """What is to be tried now of one source."""

    passwords: tuple[DuePassword, ...]
    """The ones that were guessed before, then those never tried, then the others, the oldest first."""
    is_all: bool
    """Whether nothing else is due."""
    accounts: frozenset[tuple[str, str]]
    """Customer and name of all accounts that the source has."""


def due_passwords(
    source: AccountSourceOptions, options: PostureOptions, earlier: Audits, words: AuditWords, clock: Clock
) -> DuePasswords:
    """Read a source for what is to be tried; raises SourceError where it cannot be read to its end."""
    now, rows = clock(), AccountRows(source.id, ZoneInfo(source.time_zone))
    due: dict[tuple[str, str], tuple[tuple[int, float], DuePassword]] = {}
    accounts = set[tuple[str, str]]()
    for state, row in states(source, rows, words.owner_of, clock):
        key = (state.customer, state.user)
        accounts.add(key)
        due.pop(key, None)
        before = earlier.get(key)
        if _is_tried(state) and _is_due(state, before, options, now):
            due[key] = (_turn(before), _password(state, stored_password(row), words, options, now))
    some = [password for _, password in sorted(due.values(), key=lambda it: it[0])]
    return DuePasswords(tuple(some[:_MOST_AT_ONCE]), len(some) <= _MOST_AT_ONCE, frozenset(accounts))


def tried(passwords: DuePasswords, guesser: Guesser, clock: Clock) -> Iterator[tuple[PasswordAudited, float]]:
    """Try each, and give what came of it with the seconds it took; ends early once the guesser is ended."""
    for due in passwords.passwords:
        answer = guesser.tried(due.task)
        if answer is None:
            return
        yield PasswordAudited(due.customer, due.user, clock(), answer.outcome), answer.seconds


def with_guesses(reading: AccountsReading, audits: Audits) -> AccountsReading:
    """Give a reading whose accounts tell whether their passwords were guessed."""
    return replace(
        reading, accounts=tuple(replace(it, is_guessable=_is_guessable(it, audits)) for it in reading.accounts)
    )


def _is_guessable(state: AccountState, audits: Audits) -> bool | None:
    """Say whether an account's password was guessed; None where it was not tried since it was changed."""
    audited = audits.get((state.customer, state.user))
    if audited is None or audited.outcome == "untried" or _changed_since(state, audited.at):
        return None
    return audited.outcome == "guessed"


def _is_tried(state: AccountState) -> bool:
    """Leave out who cannot log in, and who has no password here."""
    password = state.password
    if state.is_enabled is False or password is None:
        return False
    return not password.is_locked and password.scheme not in _NOT_STORED


def _is_due(state: AccountState, before: PasswordAudited | None, options: PostureOptions, now: datetime) -> bool:
    """Say whether a password is to be tried: one that was guessed as often as accounts are read."""
    if before is None or before.at > now or _changed_since(state, before.at):
        return True
    interval = options.interval if before.outcome == "guessed" else options.audit.interval
    return now - before.at >= interval


def _changed_since(state: AccountState, at: datetime) -> bool:
    return state.password_changed_at is not None and state.password_changed_at > at


def _turn(before: PasswordAudited | None) -> tuple[int, float]:
    if before is None:
        return (1, 0.0)
    return (0 if before.outcome == "guessed" else 2, before.at.timestamp())


def _password(
    state: AccountState, stored: str, words: AuditWords, options: PostureOptions, now: datetime
) -> DuePassword:
    task = GuessTask(stored, state.user, words.words_of(state), now.year, options.audit.account_seconds)
    return DuePassword(state.customer, state.user, task)
