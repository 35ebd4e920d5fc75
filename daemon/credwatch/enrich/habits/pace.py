"""Tells an old password that a device keeps trying from guesses: it is the same, or it comes like clockwork.

A telephone whose password was changed elsewhere tries the old one at each sync. Where the application logs a keyed
fingerprint of the secret that failed, the same one again at the same account is no guess. Where it does not, attempts
of one client that come at a steady pace are told apart: rules then ask less of them, and still count them.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.enrich.columns import column
from credwatch.kernel.ordering import stable_order

WITHIN = 16_384
"""So many failures may lie between attempts that are compared, which bounds what is carried."""

_SECOND = 1_000_000
SHORTEST_GAP_US = 20 * _SECOND
"""What comes faster is no sync of a device."""
LONGEST_GAP_US = 6 * 3600 * _SECOND
"""What comes more seldom is not looked for."""
SAME_SECRET_US = 24 * 3600 * _SECOND
"""So long a secret that failed is known again."""
_JITTER_US = 3 * _SECOND
"""A steady pace may waver by so much, or by a tenth of itself."""

_BACK = 3
"""A pace shows in so many gaps of like length."""

_CLIENT = ("organization.id", "user.name", "source.ip", "user_agent.original", "host.name", "service.name")
_SECRET = ("organization.id", "user.name", "credwatch.auth.fingerprint")
_STEADY, _REPEATED = "credwatch.attempt.steady", "credwatch.attempt.repeated"


class Paces(Struct, frozen=True, eq=False):
    """The latest failures of each client, and of each secret at an account, in their order."""

    keys: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Hashes of what makes a client, or an account and a secret."""
    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Their event times, microseconds since 1970."""
    places: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Their places in the sequence of all failures."""
    count: int = 0
    """How long that sequence is so far."""


# The idea. Failures of one key stand in one sequence. A gap is the time between two of them; three gaps of like length
# are a pace. With WITHIN as a bound on how far apart in the log they may lie, the last three of each key are all that a
# later batch can need, so a log may be cut into batches anywhere.
#
# The cost is one hash and one stable sort of a batch's failures.
def mark_pace(events: pl.DataFrame, paces: Paces) -> tuple[pl.DataFrame, Paces]:
    """Add `credwatch.attempt.steady` and `.repeated` (Boolean, null but for failures), and give what to carry on.

    Looks at the events that count as attempts (`credwatch.attempt`), have failed and name an account.
    """
    rows = np.flatnonzero(events.select(_is_failure(events)).to_series().to_numpy())
    if not len(rows):
        return events, paces
    failures, sequence = events[rows], paces.count + np.arange(len(rows))
    is_named = failures.select(column(failures, _SECRET[-1]).is_not_null()).to_series().to_numpy()
    named, ends = np.flatnonzero(is_named), np.cumsum([len(paces.keys), len(rows)])
    keys = np.concatenate([paces.keys, _hashed(failures, _CLIENT), _hashed(failures[named], _SECRET)])
    moments = failures["@timestamp"].to_physical().to_numpy()
    times = np.concatenate([paces.times, moments, moments[named]])
    places = np.concatenate([paces.places, sequence, sequence[named]])
    order = stable_order(keys)
    steady, repeated = np.empty(len(keys), np.bool_), np.empty(len(keys), np.bool_)
    steady[order] = _steady(keys[order], times[order], places[order])
    repeated[order] = _again(keys[order], times[order], places[order])
    marked = [_scattered(_STEADY, rows, steady[ends[0] : ends[1]], events.height)]
    if len(named):
        marked.append(_scattered(_REPEATED, rows[named], repeated[ends[1] :], events.height))
    return events.with_columns(marked), _carried(keys, times, places, order, paces.count + len(rows))


def _carried(
    keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    places: NDArray[np.int64],
    order: NDArray[np.intp],
    count: int,
) -> Paces:
    """Keep the last few failures of each key that a later batch may be compared with."""
    in_order = keys[order]
    is_late = np.append(in_order[_BACK:] != in_order[:-_BACK], np.ones(min(_BACK, len(keys)), np.bool_))
    kept = np.sort(order[is_late & (count - places[order] <= WITHIN)])
    return Paces(keys[kept], times[kept], places[kept], count)


def _hashed(failures: pl.DataFrame, parts: tuple[str, ...]) -> NDArray[np.uint64]:
    lines = failures.select(pl.lit(parts[-1]).alias("kind"), *(column(failures, part) for part in parts))
    return lines.hash_rows(seed=0).to_numpy()


def _is_failure(events: pl.DataFrame) -> pl.Expr:
    is_attempt = column(events, "credwatch.attempt").fill_null(False) & column(events, "user.name").is_not_null()
    return is_attempt & (column(events, "event.outcome") == "failure").fill_null(False)


def _steady(keys: NDArray[np.uint64], times: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    steady = np.zeros(len(keys), np.bool_)
    if len(keys) <= _BACK:
        return steady
    gaps = np.diff(times)
    windows = np.lib.stride_tricks.sliding_window_view(gaps, _BACK)
    shortest, longest = windows.min(axis=1), windows.max(axis=1)
    is_pace = (shortest >= SHORTEST_GAP_US) & (longest <= LONGEST_GAP_US)
    is_even = longest - shortest <= np.maximum(_JITTER_US, longest // 10)
    is_one = (keys[_BACK:] == keys[:-_BACK]) & (places[_BACK:] - places[:-_BACK] <= WITHIN)
    steady[_BACK:] = is_pace & is_even & is_one
    return steady


def _again(keys: NDArray[np.uint64], times: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    again = np.zeros(len(keys), np.bool_)
    is_near = (np.abs(np.diff(times)) <= SAME_SECRET_US) & (np.diff(places) <= WITHIN)
    again[1:] = (keys[1:] == keys[:-1]) & is_near
    return again


def _scattered(name: str, rows: NDArray[np.intp], values: NDArray[np.bool_], height: int) -> pl.Expr:
    """Give a column that is null but for the rows."""
    whole, is_answered = np.zeros(height, np.bool_), np.zeros(height, np.bool_)
    whole[rows], is_answered[rows] = values, True
    return pl.when(pl.Series(is_answered)).then(pl.Series(name, whole)).alias(name)
