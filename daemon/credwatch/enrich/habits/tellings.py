"""Counts attempts that are told in several ways by the number of tellings in the way that tells most.

A server says `Failed password` for each attempt; PAM says `authentication failure` for the first one and `5 more` at
the end; sshd says `PAM: Authentication failure` where a dialogue is led, and `maximum authentication attempts exceeded`
once a connection. Which of them a log has depends on the method, the log level and the machine. Within one run of lines
about one account from one address, each way tells at most as many attempts as there were. So their number is the
greatest number of tellings in any one way; it never falls, and a line counts for as many attempts as it makes that
number grow.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.enrich.columns import column
from credwatch.kernel.ordering import stable_order

PAUSE_US = 10 * 60 * 1_000_000
"""A pause longer than this ends a run of lines: what comes then is counted anew."""

MOST_REPEATS = 1000
"""A line counts for so many events at most, whatever number is written into it."""

MOST_CARRIED = 16_384
"""So many counts are carried to the next batch; where there are more, the latest ones."""

_ABOUT = ("host.name", "process.name", "source.ip")
_SERVERS = {name: "dovecot" for name in ("auth", "dovecot-auth", "dovecot/auth")}
"""Whose programs have a name of their own in what PAM tells of them."""
_KEYS = ("publickey", "hostbased", "gssapi-with-mic", "gssapi-keyex")
"""Methods that PAM has no part in; what ends a connection is told of their attempts too."""
_BY_ROLE, _BY_LIMIT = np.uint64(0), np.uint64(2)
"""The ways of all lines that count by their role, and of those that end a connection for too many attempts."""
_NONE = -(1 << 32)
"""An attempt by key takes so many off what a limit tells of its run: the limit may have been reached by keys alone."""


class Tellings(Struct, frozen=True, eq=False):
    """How many attempts each way has told of in runs of lines that may go on; one row for each run and way."""

    runs: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Hashes of host, program, address and account."""
    ways: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Hashes of what tells."""
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Attempts told so far."""
    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """When the latest line of the run was written, microseconds since 1970."""

    def parts(self) -> tuple[NDArray[np.uint64] | NDArray[np.int64], ...]:
        """Give the columns in their order, to be stored."""
        return self.runs, self.ways, self.counts, self.times


class CountedTellings(Struct, frozen=True, eq=False):
    """What is said of the events of a batch, and what is to be carried to the next one."""

    shares: NDArray[np.int64]
    """For how many attempts each event counts; 0 where it does not."""
    failed_before: NDArray[np.int64]
    """For each login that succeeds, how many attempts its run has told of so far; else 0."""
    tellings: Tellings
    """What is to be carried."""


def count_tellings(events: pl.DataFrame, counts: NDArray[np.bool_], tellings: Tellings) -> CountedTellings:
    """Say for how many attempts each event counts, and how many failed before each login.

    `counts` marks the events that count by their role. Of these, failures at a named account are held against the
    echoes about the same account, from the same address, at the same program and host. The result is the same however
    the events are split into batches.
    """
    shares, failed_before = np.where(counts, repeats(events), 0), np.zeros(len(events), np.int64)
    flags = _flags(events, counts)
    rows = np.flatnonzero(flags["takes_part"].to_numpy())
    if not len(rows):
        return CountedTellings(shares, failed_before, tellings)
    grown, greatest, after = _grown(_lines(events, flags, rows), tellings)
    succeeds, is_key = (flags[name].to_numpy()[rows] for name in ("succeeds", "is_key"))
    by_run = ~succeeds & ~is_key
    shares[rows[by_run]] = grown[by_run]
    failed_before[rows[succeeds]] = greatest[succeeds]
    return CountedTellings(shares, failed_before, after)


def repeats(events: pl.DataFrame) -> NDArray[np.int64]:
    """Say for how many equal events each line stands by what it says itself: one at least, `MOST_REPEATS` at most."""
    if "credwatch.repeat" not in events.columns:
        return np.ones(len(events), np.int64)
    return events["credwatch.repeat"].fill_null(1).clip(1, MOST_REPEATS).to_numpy()


def _flags(events: pl.DataFrame, counts: NDArray[np.bool_]) -> pl.DataFrame:
    """Say which events take part, and which of them are echoes, failures by key, and logins."""
    role, action = column(events, "credwatch.attempt.role"), column(events, "event.action")
    is_echo = ((role == "echo") & action.is_in(["login", "su"])).fill_null(False)
    outcome = column(events, "event.outcome")
    fails, succeeds = ((outcome == which).fill_null(False) for which in ("failure", "success"))
    succeeds = succeeds & (action == "login").fill_null(False)
    is_named = column(events, "user.name").is_not_null()
    is_key = column(events, "credwatch.auth.method").is_in(_KEYS).fill_null(False)
    return events.select(
        takes_part=(((is_echo | pl.lit(pl.Series(counts))) & fails) | succeeds) & is_named,
        is_echo=is_echo & fails,
        is_key=is_key & fails & ~is_echo,
        succeeds=succeeds,
    )


class _Lines(Struct, frozen=True, eq=False):
    """The lines that take part, in their order."""

    runs: NDArray[np.uint64]
    ways: NDArray[np.uint64]
    weights: NDArray[np.int64]
    times: NDArray[np.int64]


def _lines(events: pl.DataFrame, flags: pl.DataFrame, rows: NDArray[np.intp]) -> _Lines:
    """Read what is needed of them, and number the ways: hashes are odd, the two ways that have a name are not."""
    chosen = pl.Series(rows.astype(np.uint32))
    names = ("event.dataset", "event.provider", "event.reason", "user.name", "@timestamp", *_ABOUT)
    read = events.select(column(events, name) for name in names)[chosen]
    read = read.with_columns(pl.col("process.name").replace(_SERVERS))
    runs = read.select(*_ABOUT, pl.col("user.name").str.to_lowercase()).hash_rows(seed=0).to_numpy()
    reason = pl.when(pl.col("event.provider").is_null()).then("event.reason")
    ways = read.select("event.dataset", "event.provider", reason.alias("reason")).hash_rows(seed=1).to_numpy() | 1
    is_echo, is_key, succeeds = (flags[name].to_numpy()[rows] for name in ("is_echo", "is_key", "succeeds"))
    is_limit = is_key | (read["event.reason"] == "maximum_attempts").fill_null(False).to_numpy()
    ways = np.where(is_limit, _BY_LIMIT, np.where(is_echo, ways, _BY_ROLE))
    weights = np.where(is_key, _NONE, np.where(succeeds, 0, repeats(events)[rows]))
    return _Lines(runs, np.asarray(ways, np.uint64), weights, read["@timestamp"].to_physical().to_numpy())


def _grown(lines: _Lines, tellings: Tellings) -> tuple[NDArray[np.int64], NDArray[np.int64], Tellings]:
    """Say by how much each line makes the greatest count of its run grow, and what that count is then.

    All lines are sorted by run, in their order; a pause begins a new run. Within a run, lines are sorted by way, and
    summed up; then back in their order the greatest sum so far is taken. Both running figures are made for all runs at
    once: sums by taking off what stood at the beginning, the greatest by lifting each run above the one before.
    """
    carried = len(tellings.runs)
    runs, ways, weights, times = (
        np.concatenate(pair)
        for pair in zip(tellings.parts(), (lines.runs, lines.ways, lines.weights, lines.times), strict=True)
    )
    order = stable_order(runs)
    times_of_run = times[order]
    begins = np.append(True, (runs[order][1:] != runs[order][:-1]) | (np.abs(np.diff(times_of_run)) > PAUSE_US))
    number = np.cumsum(begins[: len(order)]) - 1
    by_way = np.lexsort((ways[order], number))  # stable: of one way, lines stay in their order
    sums = _sums_by(number, ways[order], weights[order], by_way)
    lift = number * (int(sums.max(initial=0)) + 1)
    greatest = np.maximum.accumulate(np.maximum(sums, 0) + lift) - lift
    before = np.where(begins[: len(order)], 0, np.append(0, greatest[:-1]))
    grown, so_far = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    grown[order], so_far[order] = greatest - before, greatest
    return (
        grown[carried:],
        so_far[carried:],
        _carried(runs[order], number, ways[order], sums, times_of_run, order, by_way),
    )


def _sums_by(
    number: NDArray[np.intp], ways: NDArray[np.uint64], weights: NDArray[np.int64], order: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Sum up the weights of each way within each run, up to and with each line; `order` sorts by run and way."""
    begins = np.append(True, (number[order][1:] != number[order][:-1]) | (ways[order][1:] != ways[order][:-1]))
    running = np.cumsum(weights[order])
    first = np.flatnonzero(begins[: len(order)])
    base = running[first] - weights[order][first]
    sums = np.empty(len(ways), np.int64)
    sums[order] = running - np.repeat(base, np.diff(first, append=len(order)))
    return sums


def _carried(
    runs: NDArray[np.uint64],
    number: NDArray[np.intp],
    ways: NDArray[np.uint64],
    sums: NDArray[np.int64],
    times: NDArray[np.int64],
    order: NDArray[np.intp],
    by_way: NDArray[np.intp],
) -> Tellings:
    """Keep the last sum of each way of each run whose pause may not be over, the latest runs first to stay."""
    last_of_run = np.flatnonzero(np.append(number[1:] != number[:-1], True))
    latest = times[last_of_run]
    is_open = np.append(runs[last_of_run][1:] != runs[last_of_run][:-1], True) & (latest >= times.max() - PAUSE_US)
    is_last = np.append(
        (number[by_way][1:] != number[by_way][:-1]) | (ways[by_way][1:] != ways[by_way][:-1]),
        True,
    )
    indices = by_way[is_last]
    indices = indices[is_open[number[indices]]]
    indices = indices[np.argsort(order[last_of_run[number[indices]]], kind="stable")][-MOST_CARRIED:]
    return Tellings(runs[indices], ways[indices], sums[indices], latest[number[indices]])
