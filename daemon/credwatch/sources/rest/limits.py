"""How long a service wants to be left alone, by what it says in the headers of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset")
"""When requests are allowed again: Okta; Auth0 and GitHub; the drafts of the IETF, in seconds from now."""
_REMAINING = ("x-rate-limit-remaining", "x-ratelimit-remaining", "ratelimit-remaining")
_MOMENTS_FROM = 1e9
"""A number beyond is no number of seconds but a moment since the epoch."""
_UNTOLD_SECONDS = 60.0
"""GitHub wants to be left alone for a minute where it says nothing of how long."""
_OF_LIMITS = re.compile(rb"rate.?limit|quota.?exceeded|too.?many.?requests", re.IGNORECASE)


def wait_after(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> float | None:
    """Say how many seconds a refusal asks us to wait, None where it is about something else, 0 where it does not say.

    429 is one (RFC 6585); 503 with Retry-After (RFC 9110 section 10.2.3); and 403 where GitHub or Google say so.
    """
    seconds = _told(headers, now)
    match status:
        case 429:
            return seconds if seconds is not None else 0.0
        case 503:
            return _retry_after(headers, now)
        case 403 if "retry-after" in headers or is_used_up(headers):
            return seconds if seconds is not None else _UNTOLD_SECONDS
        case 403 if _OF_LIMITS.search(body):
            return _UNTOLD_SECONDS
    return None


def wait_before_next(headers: Mapping[str, str], now: datetime) -> float:
    """Say how many seconds to wait after an answer that was given, because it was the last that is allowed."""
    return (_reset(headers, now) or 0.0) if is_used_up(headers) else 0.0


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Tell whether no further request is allowed for now."""
    return any(headers.get(name, "").strip() == "0" for name in _REMAINING)


def _told(headers: Mapping[str, str], now: datetime) -> float | None:
    after = _retry_after(headers, now)
    return after if after is not None else _reset(headers, now)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    moment = _date(value)
    return max((moment - _their_now(headers, now)).total_seconds(), 0.0) if moment else None


def _reset(headers: Mapping[str, str], now: datetime) -> float | None:
    for name in _RESETS:
        try:
            number = float(headers.get(name, ""))
        except ValueError:
            continue
        if 0 <= number < _MOMENTS_FROM:
            return number
        return max(number - _their_now(headers, now).timestamp(), 0.0) if number < 1e11 else None
    return None


def _their_now(headers: Mapping[str, str], now: datetime) -> datetime:
    """Take their time where they tell it, for our clock may be another."""
    return _date(headers.get("date", "")) or now


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
