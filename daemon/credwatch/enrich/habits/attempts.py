"""Marks the one event that counts for each login attempt, though a log writes two or three lines of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from credwatch.enrich.columns import column, has_values
from credwatch.enrich.habits.pace import Paces
from credwatch.enrich.habits.tellings import Tellings, count_tellings, repeats
from credwatch.kernel.ordering import stable_order

WITHIN_US = 10 * 60 * 1_000_000
"""An announcement and its result are at most this far apart in event time."""

WITHIN_LINES = 16_384
"""And at most so many announcements and failures lie between them, which bounds what is carried."""

_ROLE, _COUNTS, _REPEAT = "credwatch.attempt.role", "credwatch.attempt", "credwatch.repeat"
_PARTS = ("host.name", "process.name", "process.pid", "source.ip")
_FORM = f"attempts 3 polars {pl.__version__}\n".encode()
"""Hashes differ between versions of Polars; what another version carried is dropped."""


class AttemptPairing(Struct, frozen=True, eq=False):
    """The announcements (such as sshd's `Invalid user`) whose result has not been read yet, in their order."""

    keys: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Hashes of host, program, process and address."""
    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Their event times, microseconds since 1970."""
    places: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Their places in the sequence of all announcements and failures."""
    count: int = 0
    """How long that sequence is so far."""
    tellings: Tellings = Tellings()
    """What lines that tell of attempts in several ways have told so far."""
    paces: Paces = Paces()
    """The latest failures of each client, and of each secret."""

    def to_bytes(self) -> bytes:
        """Write it for the store."""
        paces = self.paces
        columns = (self.keys, self.times, self.places, *self.tellings.parts(), paces.keys, paces.times, paces.places)
        lengths = [self.count, len(self.keys), len(self.tellings.runs), paces.count, len(paces.keys)]
        numbers = np.array(lengths, np.int64)
        return _FORM + b"".join(part.tobytes() for part in (numbers, *columns))

    @classmethod
    def from_bytes(cls, data: bytes) -> AttemptPairing:
        """Read what `to_bytes` wrote; anything else is an empty pairing: a few attempts may count twice."""
        if not data.startswith(_FORM):
            return cls()
        numbers = np.frombuffer(data, np.int64, offset=len(_FORM))
        count, announcement_count, telling_count, failure_count, pace_count = (int(number) for number in numbers[:5])
        ends = np.cumsum([5, *[announcement_count] * 3, *[telling_count] * 4, *[pace_count] * 3])
        keys, times, places, runs, ways, counts, last, *paces = (numbers[begin:end] for begin, end in pairwise(ends))
        tellings = Tellings(runs.view(np.uint64), ways.view(np.uint64), counts, last)
        pace = Paces(paces[0].view(np.uint64), paces[1], paces[2], failure_count)
        return cls(keys.view(np.uint64), times, places, count, tellings, pace)


def mark_attempts(events: pl.DataFrame, pairing: AttemptPairing) -> tuple[pl.DataFrame, AttemptPairing]:
    """Add `credwatch.attempt` by `credwatch.attempt.role`, and give the pairing to carry to the next batch.

    A `result` or an `announce` counts, no role does not. The first failed `result` that follows an `announce` of the
    same host, program, process and address, within `WITHIN_US` and `WITHIN_LINES`, is the attempt that was announced
    and does not count again. An `echo` counts where no other line tells of its attempt (`tellings`). An event that
    counts for several attempts says so in `credwatch.repeat`. The result is the same however the events are split.
    """
    if not has_values(events, _ROLE):
        return events.with_columns(pl.lit(False).alias(_COUNTS)), pairing
    role, outcome = pl.col(_ROLE), column(events, "event.outcome")
    flags = events.select_seq(
        counts=((role == "result") | (role == "announce")).fill_null(False),
        announces=(role == "announce").fill_null(False),
        fails=((role == "result") & (outcome == "failure")).fill_null(False),
    )
    rows = np.flatnonzero((flags["announces"] | flags["fails"]).to_numpy())
    counts = flags["counts"]
    if not len(pairing.keys) and not flags["announces"].any():
        after = AttemptPairing(count=pairing.count + len(rows))
    else:
        again, after = _pair(_steps(events, rows, flags["announces"].to_numpy(), pairing), pairing)
        counts = counts.scatter(rows[again], False)
    tally = count_tellings(events, counts.to_numpy(), pairing.tellings)
    marked = _with_tally(events, tally.shares, tally.failed_before)
    return marked, replace(after, tellings=tally.tellings, paces=pairing.paces)


def _with_tally(events: pl.DataFrame, shares: NDArray[np.int64], failed_before: NDArray[np.int64]) -> pl.DataFrame:
    """Mark the events that count, and write for how many attempts where that is not what the line says."""
    stated_counts = repeats(events)
    is_other = (shares > 0) & (shares != stated_counts)
    if is_other.any():
        events = events.with_columns(pl.Series(_REPEAT, np.where(is_other, shares, stated_counts)))
    if failed_before.any():
        failed = pl.Series("credwatch.login.failed_before", failed_before)
        events = events.with_columns(pl.when(failed > 0).then(failed).alias(failed.name))
    return events.with_columns(pl.Series(_COUNTS, shares > 0))


class _Steps(Struct, frozen=True, eq=False):
    """Carried announcements, then those and failures of this batch, in order."""

    keys: NDArray[np.uint64]
    times: NDArray[np.int64]
    places: NDArray[np.int64]
    announces: NDArray[np.bool_]


def _steps(
    events: pl.DataFrame, rows: NDArray[np.intp], announces: NDArray[np.bool_], pairing: AttemptPairing
) -> _Steps:
    """Lay the carried announcements and the given rows behind each other; to hash all is cheaper than to pick first."""
    lines = events.select_seq("@timestamp", *(column(events, part) for part in _PARTS))
    keys = lines.select(_PARTS).hash_rows(seed=0).to_numpy()[rows]
    times = lines["@timestamp"].to_physical().to_numpy()[rows]
    places = np.arange(pairing.count, pairing.count + len(keys))
    return _Steps(
        np.concatenate([pairing.keys, keys]),
        np.concatenate([pairing.times, times]),
        np.concatenate([pairing.places, places]),
        np.concatenate([np.ones(len(pairing.keys), np.bool_), announces[rows]]),
    )


# The idea. Of one host, program, process and address, the announcements (A) and the failures (F) stand in one sequence,
# and a failure belongs to the announcement right before it:
#
#     A F        one attempt: F was announced, and does not count again
#     A A F      two: the first A has no result
#     A F F      two: nothing announces the second F
#
# What a later batch can still pair is an announcement that is the last of its sequence. It is carried until
# `WITHIN_LINES` announcements and failures have come after it. So the batches of a log may be cut anywhere.
#
# The cost is one sort of the batch's announcements and failures, and of what was carried. It is skipped
# where the batch announces nothing and nothing was carried.
def _pair(steps: _Steps, pairing: AttemptPairing) -> tuple[NDArray[np.int64], AttemptPairing]:
    """Find the failures, by their number in the batch, that stand right behind an announcement of their key."""
    order = stable_order(steps.keys)
    keys, times, places, announces = (part[order] for part in (steps.keys, steps.times, steps.places, steps.announces))
    same = keys[1:] == keys[:-1]
    near = (np.abs(np.diff(times)) <= WITHIN_US) & (np.diff(places) <= WITHIN_LINES)
    again = np.flatnonzero(same & near & announces[:-1] & ~announces[1:]) + 1
    is_last = np.append(~same, True)[: len(keys)]
    count = pairing.count + len(steps.keys) - len(pairing.keys)
    indices = np.sort(order[is_last & announces & (count - places <= WITHIN_LINES)])
    after = AttemptPairing(steps.keys[indices], steps.times[indices], steps.places[indices], count)
    return order[again] - len(pairing.keys), after
