"""Reads what attributes of directories hold: moments in three forms, groups by their DN, flags of Active Directory.

What cannot be read is given as it stands, so that the row tells of a value that is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from credwatch.posture.hashes.recognise import recognise
from credwatch.posture.hashes.scheme import Weakness

_GENERALIZED = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)")
"""GeneralizedTime (RFC 4517, section 3.3.13)."""
_FILE_TIMES = frozenset({"pwdlastset", "lastlogontimestamp", "lastlogon", "accountexpires"})
_DAYS = frozenset({"shadowlastchange", "shadowexpire"})
_NEVER = ("", "0", str(2**63 - 1))
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DISABLED, _REVERSIBLE, _SMART_CARD = 0x2, 0x80, 0x40000
"""Bits of userAccountControl ([MS-ADTS], section 2.2.16)."""
_PRIMARY_GROUPS = {"512": "domain admins", "513": "domain users", "514": "domain guests", "518": "schema admins"}
_PRIMARY_GROUPS |= {"515": "domain computers", "516": "domain controllers", "519": "enterprise admins"}
"""Groups that are the same in each domain, by the last part of their SID ([MS-DTYP], section 2.4.2.4)."""
_SERVICES = frozenset({"computer", "msds-managedserviceaccount", "msds-groupmanagedserviceaccount"})
_NO_SHELLS = frozenset({"nologin", "false", "true", "sync"})
_YES = frozenset({"true", "yes", "1", "on"})
_LOCKED_FOR_GOOD = "0000"
"""How pwdAccountLockedTime begins where the lock ends with no time (slapo-ppolicy(5))."""
_ESCAPED = re.compile(r"\\([0-9A-Fa-f]{2}|.)")
_FIRST_VALUE = re.compile(r"[^=,]+=((?:\\.|[^,+\\])*)")


def moment(attribute: str, text: str) -> datetime | str | None:
    """Read a moment, None where it is never; what is none is given back as text."""
    name = attribute.lower()
    if name in (*_FILE_TIMES, *_DAYS) and (text in _NEVER or text.startswith("-")):
        return None
    try:
        if name in _FILE_TIMES:
            return _WINDOWS_EPOCH + timedelta(microseconds=int(text) // 10)
        if name in _DAYS:
            return _UNIX_EPOCH + timedelta(days=int(text))
        return _generalized(text)
    except (ValueError, OverflowError):
        return text


def latest(moments: Iterable[datetime | str | None]) -> datetime | str | None:
    """Give the latest of some moments; one that is none is told before all."""
    some = [it for it in moments if it is not None]
    wrong = next((it for it in some if isinstance(it, str)), None)
    return wrong if wrong is not None else max((it for it in some if isinstance(it, datetime)), default=None)


def group(attribute: str, text: str) -> str:
    """Give the name of a group: the first value of its DN, or the name of a primary group."""
    if attribute.lower() == "primarygroupid":
        return _PRIMARY_GROUPS.get(text, f"rid {text}")
    match = _FIRST_VALUE.match(text)
    return _ESCAPED.sub(_unescaped, match[1]).strip() if match else text


def weakest(stored: list[str]) -> str | None:
    """Give the value of userPassword that is kept worst: each of them opens the account."""
    if not stored:
        return None
    seen = [(recognise(text), text) for text in stored]
    return min(seen, key=lambda it: (it[0].is_locked, it[0].weakness is Weakness.NOTHING))[1]


def password_of_flags(text: str) -> str | None:
    """Give a password in the clear where Active Directory keeps it reversibly; of others it tells nothing."""
    return "{CLEARTEXT}" if _bits(text) & _REVERSIBLE else None


def factors_of_flags(text: str) -> list[str] | None:
    """Give the smart card where the account asks for one; of other factors the directory knows nothing."""
    return ["smartcard"] if _bits(text) & _SMART_CARD else None


def kind_of(classes: Iterable[str]) -> str:
    """Say whether an account is a person's or a program's."""
    return "service" if _SERVICES & {name.lower() for name in classes} else "person"


def is_shell(text: str) -> bool:
    """Say whether a login shell lets people in."""
    return PurePosixPath(text).name not in _NO_SHELLS


def is_disabled(states: dict[str, str], now: datetime) -> bool:
    """Say whether nobody can log in, by what the attributes of state hold, by their names in small letters.

    A lock that ends by itself, as after wrong passwords, is none.
    """
    return (
        states.get("pwdaccountlockedtime", "").startswith(_LOCKED_FOR_GOOD)
        or any(states.get(name, "").lower() in _YES for name in ("nsaccountlock", "msds-useraccountdisabled"))
        or bool(_bits(states.get("useraccountcontrol", "0")) & _DISABLED)
        or any(_is_past(states, name, now) for name in ("pwdEndTime", "accountExpires", "shadowExpire"))
        or _lies_ahead(states, now)
    )


def _is_past(states: dict[str, str], name: str, now: datetime) -> bool:
    end = moment(name, states.get(name.lower(), ""))
    return isinstance(end, datetime) and end <= now


def _lies_ahead(states: dict[str, str], now: datetime) -> bool:
    start = moment("pwdStartTime", states.get("pwdstarttime", ""))
    return isinstance(start, datetime) and start > now


def _generalized(text: str) -> datetime | str:
    match = _GENERALIZED.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, zone = match.groups()
    offset = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[3:] or '00'}"
    return datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}{offset}")


def _bits(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else 0


def _unescaped(match: re.Match[str]) -> Any:
    code = match[1]
    return bytes.fromhex(code).decode("latin-1") if len(code) == 2 else code
