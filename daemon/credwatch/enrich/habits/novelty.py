"""Adds what is new about a successful login, and how far its owner would have travelled since the last one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.enrich.habits.history import History, in_steps
from credwatch.enrich.habits.logins import (
    COUNTRY,
    DEVICE,
    HOUR,
    HOUR_AFTER,
    HOUR_BEFORE,
    NETWORK,
    PLACE,
    SYSTEM,
    Logins,
)
from credwatch.enrich.habits.profiles import NEVER, Learning, ProfileDelta, Profiles, Rows
from credwatch.enrich.habits.travel import kilometres
from credwatch.kernel.dtypes import dtype_of

_DAY = timedelta(days=1)
_KINDS = {
    "network": (NETWORK,),
    "country": (COUNTRY,),
    "as": (SYSTEM,),
    "device": (DEVICE,),
    "hour": (HOUR, HOUR_BEFORE, HOUR_AFTER),
}
"""What counts as seen before, by the novelty's name: any of these."""

_Answer = tuple[str, NDArray[np.generic], NDArray[np.bool_]]
"""A column's name, its value for each login, and whether there is one."""


def mark_novelty(
    events: pl.DataFrame,
    logins: Logins | None,
    profiles: Profiles,
    learning: Learning,
    received_at: datetime,
    also: Rows | None = None,
) -> tuple[pl.DataFrame, ProfileDelta | None]:
    """Add `credwatch.novelty.*`, `.login.days_since_last` and `.travel.*` to logins, and give what must be remembered.

    A column is absent where no login shows what it is about.

    Each login is compared with those of its account that happened at least a step (20 s) before; those nearer by do not
    count, whichever came first. So the answers are the same for any order of arrival within a step, and for any
    batches. What arrives later than that is taken as if it had happened a step before the account's newest login.

    `logins` is what `logins_in` finds in these events, with the seed of the profiles. `profiles` stays as it is: give
    it the delta (`Profiles.keep`) once that is stored. None: nothing has changed. `also`: rows that belong into the
    delta besides, of other keys.
    """
    changed = profiles.find(np.empty(0, np.uint64)) if also is None else also
    if logins is None:
        return events, profiles.delta(changed, learning, received_at) if len(changed) else None
    history = History(logins, profiles)
    answers = [*_novelties(logins, history, learning), _dormancy(history), *_travel(logins, history)]
    marked = events.with_columns_seq(_scattered(answer, logins, events.height) for answer in answers)
    both = np.concatenate([history.changed(), changed])
    changed = both[np.argsort(both["key"], kind="stable")]
    return marked, profiles.delta(changed, learning, received_at) if len(changed) else None


def _novelties(logins: Logins, history: History, learning: Learning) -> Iterator[_Answer]:
    is_learnt = history.learnt(history.sightings(0), learning)
    oldest = history.steps - in_steps(learning.forget_after)
    for name, kinds in _KINDS.items():
        if not logins.shown[kinds[0]].any():
            continue
        latest = np.maximum.reduce([history.sightings(kind).step for kind in kinds])
        is_known = (latest != NEVER) & (latest >= oldest)
        yield f"credwatch.novelty.{name}", ~is_known, is_learnt & logins.shown[kinds[0]]


def _dormancy(history: History) -> _Answer:
    last = history.sightings(0).step
    return "credwatch.login.days_since_last", (history.steps - last) // in_steps(_DAY), last != NEVER


def _travel(logins: Logins, history: History) -> Iterator[_Answer]:
    """Measure the way from where each account was last, and the speed by the time that the stamps say."""
    if not logins.shown[PLACE].any():
        return
    sightings = history.sightings(PLACE)
    there = logins.shown[PLACE] & (sightings.step != NEVER)
    way = np.where(there, kilometres(history.places(sightings), logins.places), 0.0)
    steps = np.maximum(np.abs(logins.steps - sightings.step), 1)
    yield "credwatch.travel.km", np.rint(way).astype(np.int64), there
    yield "credwatch.travel.kmh", np.rint(way * in_steps(timedelta(hours=1)) / steps).astype(np.int64), there


def _scattered(answer: _Answer, logins: Logins, height: int) -> pl.Expr:
    """Give a column that is null but for the logins."""
    name, values, there = answer
    whole, is_answered = np.zeros(height, values.dtype), np.zeros(height, np.bool_)
    whole[logins.rows], is_answered[logins.rows] = values[logins.number], there[logins.number]
    return pl.when(pl.Series(is_answered)).then(pl.Series(name, whole, dtype_of(name))).alias(name)
