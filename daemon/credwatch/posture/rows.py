"""Makes account states of rows, and says of each row what it lies about: a date that is none, a flag that is a word.

A value is never quoted: it may be a hash. A column that cannot be read counts as not told, and its account stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from credwatch.posture.account import AccountKind, AccountState
from credwatch.posture.hashes.recognise import recognise

T = TypeVar("T")
Row = Mapping[str, Any]
"""One account as a reader gives it: values by the names in `COLUMNS`; a column that is left out is not told."""

COLUMNS = (
    *("account", "customer", "password", "password_changed_at", "created_at", "last_login_at", "factors", "roles"),
    *("owner", "owner_active", "enabled", "disabled", "interactive", "privileged", "second_factor", "kind"),
)
"""The names that a query, a mapping or a reader gives to what it tells of an account."""

UNNAMED_FACTOR = "second_factor"
"""The kind of a factor of which a source says only that it is there."""
_LONGEST_NAME = 254
_MOST_NAMES = 500
_YES = frozenset(
    {
        "1",
        "true",
        "t",
        "yes",
        "y",
        "on",
        "active",
        "enabled",
        "locked_out",
        "password_expired",
        "recovery",
        "provisioned",
    }
)
_NO = frozenset(
    {"0", "false", "f", "no", "n", "off", "inactive", "disabled", "suspended", "deprovisioned", "staged", "none"}
)
"""Words for yes and no; among them the states of Okta, of which some are an account that works again by itself."""
_SEPARATOR = re.compile(r"[,;\s]+")
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 253_402_300_799
_MILLISECONDS_FROM = 100_000_000_000
"""A number of seconds so large lies in the year 5138: it counts milliseconds."""


class RowProblem(Struct, frozen=True):
    """What is wrong with one value of one row."""

    row: int
    """The number of the row, from 1."""
    column: str
    """The column."""
    problem: str
    """What it should hold."""


class AccountRows:
    """Reads the rows of one source; `problems` grows with each that lies, up to a bound, and `wrong` counts all."""

    MOST_PROBLEMS = 100

    def __init__(self, source: str, zone: ZoneInfo) -> None:
        self._source = source
        self._zone = zone
        self._number = 0
        self.problems: list[RowProblem] = []
        self.wrong = 0

    def state_of(self, row: Row) -> AccountState | None:
        """Make a state of the next row; None where it names no account, which is a problem of that row."""
        self._number += 1
        user = self._read(row, "account", _name)
        if not user:
            if user is not None or row.get("account") is None:
                self._note("account", "it should name the account")
            return None
        last_login_at = self._read(row, "last_login_at", self._moment)
        return AccountState(
            user=user,
            source=self._source,
            customer=self._read(row, "customer", _name) or "",
            password=recognise(self._read(row, "password", _text)) if "password" in row else None,
            password_changed_at=self._read(row, "password_changed_at", self._moment),
            created_at=self._read(row, "created_at", self._moment),
            last_login_at=last_login_at,
            has_logged_in=_was_used(row, last_login_at),
            factors=self._factors(row),
            roles=self._names(row, "roles"),
            owner=(self._read(row, "owner", _name) or "") if "owner" in row else None,
            owner_is_active=self._read(row, "owner_active", _flag),
            is_enabled=self._is_enabled(row),
            is_privileged=self._read(row, "privileged", _flag),
            is_interactive=self._read(row, "interactive", _flag),
            kind=self._read(row, "kind", _kind),
        )

    def _read(self, row: Row, column: str, reader: Callable[[Any], T]) -> T | None:
        value = row.get(column)
        if value is None:
            return None
        try:
            return reader(value)
        except (ValueError, OverflowError, OSError) as error:
            # Not chained and not quoted: what the libraries say holds the value.
            self._note(column, str(error) if isinstance(error, _Lie) else "it holds a value that cannot be read")
            return None

    def _is_enabled(self, row: Row) -> bool | None:
        """Read whether an account is enabled, or the opposite, where a source says that."""
        is_disabled = self._read(row, "disabled", _flag)
        return self._read(row, "enabled", _flag) if is_disabled is None else not is_disabled

    def _factors(self, row: Row) -> tuple[str, ...] | None:
        """Read the kinds of second factors; a source may say no more than whether there is one."""
        has_one = self._read(row, "second_factor", _flag)
        return self._names(row, "factors") if has_one is None else (UNNAMED_FACTOR,) if has_one else ()

    def _names(self, row: Row, column: str) -> tuple[str, ...] | None:
        """Read names; a column that is there and empty says that there are none."""
        if column not in row:
            return None
        return () if row[column] is None else self._read(row, column, _names)

    def _moment(self, value: Any) -> datetime | None:
        """Read a moment; one without an offset is in the source's zone, and what lies before 1980 was never."""
        moment = _moment_of(value)
        if moment is None:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
        in_utc = aware.astimezone(UTC)
        return in_utc if in_utc >= _EARLIEST else None

    def _note(self, column: str, problem: str) -> None:
        self.wrong += 1
        if len(self.problems) < self.MOST_PROBLEMS:
            self.problems.append(RowProblem(self._number, column, problem))


class _Lie(ValueError):
    """A value is not what its column holds; its words may be shown."""


def stored_password(row: Row) -> str:
    """Give the stored password of a row of which a state was made; hold it for no longer than it is needed."""
    return _text(row["password"])


def _was_used(row: Row, last_login_at: datetime | None) -> bool | None:
    if last_login_at is not None:
        return True
    return False if "last_login_at" in row and row["last_login_at"] in (None, "", 0) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    raise _Lie(f"it should be text, and is a {type(value).__name__}")


def _name(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(value).strip()
    if len(text) > _LONGEST_NAME:
        raise _Lie(f"it should be a name of {_LONGEST_NAME} signs at most")
    if not text.isprintable():
        raise _Lie("it should be a name, and has signs that cannot be printed")
    return text


def _names(value: Any) -> tuple[str, ...]:
    parts: Iterable[Any] = (
        value if isinstance(value, list | tuple | set) else _SEPARATOR.split(_text(value).strip("{}[] "))
    )
    names = sorted({name.lower() for part in parts if (name := _name(part).strip("\"'"))})
    if len(names) > _MOST_NAMES:
        raise _Lie(f"it should hold {_MOST_NAMES} names at most")
    return tuple(names)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, int | str) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise _Lie("it should be true or false")


def _kind(value: Any) -> AccountKind:
    for kind in get_args(AccountKind):
        if str(value).strip().lower() == kind:
            return kind  # type: ignore[no-any-return]  # get_args has no types
    raise _Lie("it should be person, service or shared")


def _moment_of(value: Any) -> datetime | None:
    """Read a date, a time, seconds or milliseconds since 1970, or one of them as text; nothing and 0 are never."""
    match value:
        case "" | 0 | bool():
            if value is True:
                raise _Lie("it should be a moment, and is a flag")
            return None
        case datetime():
            return value
        case date():
            return datetime(value.year, value.month, value.day)
        case int() | float():
            return _from_number(value)
        case str():
            text = value.strip()
            return _from_number(int(text)) if re.fullmatch(r"\d{9,14}", text) else _from_text(text)
    raise _Lie(f"it should be a moment, and is a {type(value).__name__}")


def _from_text(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _Lie("it should be a moment as ISO 8601 or seconds since 1970") from None


def _from_number(number: float) -> datetime:
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 <= seconds <= _LATEST_SECONDS:
        raise _Lie("it should be seconds or milliseconds since 1970")
    return datetime.fromtimestamp(seconds, UTC)
