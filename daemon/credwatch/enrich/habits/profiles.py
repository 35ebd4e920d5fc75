"""Remembers of each account when its networks, countries, systems, devices and hours were seen: sorted columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

KEPT = 4
"""So many of a value's latest steps are kept: as many as logins in any order within a step ask for."""

STEP_US = 20_000_000
"""Time is told in steps of 20 seconds since 1970, in microseconds."""

NEVER = -1
"""Stands where there is no step."""

AN_ADDRESS = -2
"""Stands as the second step of an address, which keeps the accounts that come from it."""

ROW = np.dtype([("key", "<u8"), ("account", "<u8"), ("steps", "<i4", (KEPT,)), ("about", "<i4", (KEPT,))])
"""One value of one account: its seeded hash, its account's, its latest steps, newest first, and what belongs to them.

An account itself is the value whose key is its own: `about` begins with its first step and with how many steps are
older than those kept. The value that stands for where an account was has a place for each step.
"""

Rows = NDArray[np.void]
"""Rows of type ROW."""

Keys = NDArray[np.uint64]

_MOST_VALUES = 500
_PART = 50_000
_MOST_DELTAS = 2000
_STALE = 50_000
_ACCOUNTS_FOR = 4
_RECENT = 4096


class Learning(Struct, frozen=True):
    """How habits are learnt and kept."""

    learning: timedelta = timedelta(days=14)
    """How long after an account's first login nothing of it counts as new."""
    learning_logins: int = 10
    """After so many steps with a login the learning ends earlier."""
    forget_after: timedelta = timedelta(days=90)
    """What was not seen for so long is new again; an account is forgotten after four times as long."""
    most_accounts: int = 100_000
    """So many accounts are kept, those unseen longest go first."""


class ProfileDelta(Struct, frozen=True, eq=False):
    """What a batch has changed, for the store and, once it is stored, for `Profiles.keep`."""

    rows: Rows
    """The rows with their new values, sorted by key; all rows where `whole`."""
    whole: bool = False
    """True where these rows take the place of everything that is stored."""
    evicted: int = 0
    """How many accounts that are left out for want of room."""

    def parts(self) -> Iterator[bytes]:
        """Give the rows for the store, in pieces of a few megabytes."""
        for begin in range(0, len(self.rows), _PART):
            yield self.rows[begin : begin + _PART].tobytes()


class Profiles:
    """The rows of all accounts, found by key: a large sorted run, and a small one that takes up new rows.

    `seed` is the store's, so that hashes are the same after a restart and nobody can craft equal ones.
    """

    def __init__(self, seed: bytes, deltas: Iterable[bytes] = ()) -> None:
        """Take up what the store has, in the order it was stored: later rows replace earlier ones."""
        stored = [np.frombuffer(data, ROW) for data in deltas]
        rows = np.concatenate(stored) if stored else np.empty(0, ROW)
        self.seed = seed
        self._settled = _ProfileRun(_latest(rows))
        self._recent = _ProfileRun(np.empty(0, ROW))
        self._stored_rows, self._stored_deltas = len(rows), len(stored)
        self.accounts = _count_accounts(self._settled.rows)

    def find(self, keys: Keys) -> Rows:
        """Give a copy of the row of each key; where there is none, one without steps."""
        rows = np.zeros(len(keys), ROW)
        rows["key"], rows["steps"], rows["about"] = keys, NEVER, NEVER
        for run in (self._settled, self._recent):
            at, there = run.places(keys)
            rows[there] = run.rows[at[there]]
        return rows

    def delta(self, rows: Rows, learning: Learning, received_at: datetime) -> ProfileDelta:
        """Turn changed rows into what must be stored: those rows, or now and then everything that is kept.

        The latter leaves out what is too old and what is too much, so it happens too where there are too many accounts.
        """
        is_long = self._stored_deltas >= _MOST_DELTAS or self._stored_rows > 2 * len(self) + _STALE
        new = _count_accounts(rows[~self._knows(rows["key"])])
        if not is_long and self.accounts + new <= learning.most_accounts + learning.most_accounts // 20:
            return ProfileDelta(rows)
        whole = _ProfileRun(self._settled.merged(self._recent.rows)).merged(rows)
        return _trimmed(whole, learning, int(received_at.timestamp() * 1_000_000) // STEP_US)

    def keep(self, delta: ProfileDelta) -> None:
        """Take up a delta, which is to be stored."""
        if delta.whole:
            # The delta is yet to be stored, and what is kept here changes in place.
            self._settled, self._recent = _ProfileRun(delta.rows.copy()), _ProfileRun(np.empty(0, ROW))
            self._stored_rows, self._stored_deltas = len(delta.rows), -(-len(delta.rows) // _PART)
            self.accounts = _count_accounts(delta.rows)
            return
        self._stored_rows, self._stored_deltas = self._stored_rows + len(delta.rows), self._stored_deltas + 1
        new = self._recent.replaced(self._settled.replaced(delta.rows))
        if not len(new):
            return
        self.accounts += _count_accounts(new)
        self._recent = _ProfileRun(self._recent.merged(new))
        if len(self._recent.rows) > _RECENT + len(self._settled.rows) // 32:
            self._settled = _ProfileRun(self._settled.merged(self._recent.rows))
            self._recent = _ProfileRun(np.empty(0, ROW))

    def __len__(self) -> int:
        return len(self._settled.rows) + len(self._recent.rows)

    def _knows(self, keys: Keys) -> NDArray[np.bool_]:
        return np.asarray(self._settled.places(keys)[1] | self._recent.places(keys)[1])


class _ProfileRun:
    """Rows sorted by key, each key once."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._keys = np.ascontiguousarray(rows["key"])

    def places(self, keys: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Give the place of each key, and whether it is there at all."""
        if not len(self._keys):
            return np.zeros(len(keys), np.intp), np.zeros(len(keys), np.bool_)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return at, self._keys[at] == keys

    def replaced(self, rows: Rows) -> Rows:
        """Put the rows whose key is here in the place of those that are, and give the others."""
        at, there = self.places(rows["key"])
        self.rows[at.compress(there)] = rows.compress(there)
        return rows.compress(~there)

    def merged(self, rows: Rows) -> Rows:
        """Give these rows and those that are here, in order; of two with one key, the given one."""
        at, there = self.places(rows["key"])
        new = rows.compress(~there)
        both = np.concatenate([self.rows, new])
        both[at.compress(there)] = rows.compress(there)
        return both.take(np.argsort(both["key"], kind="stable"))


def _latest(rows: Rows) -> Rows:
    """Sort rows by key, and keep the last of each."""
    order = np.argsort(rows["key"], kind="stable")
    keys = rows["key"][order]
    is_last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    return np.asarray(rows[order[is_last]])


def _count_accounts(rows: Rows) -> int:
    return int(np.count_nonzero((rows["key"] == rows["account"]) & (rows["steps"][:, 1] != AN_ADDRESS)))


def _trimmed(rows: Rows, learning: Learning, present: int) -> ProfileDelta:
    """Drop accounts that are too old or too many, values their account has not shown for long, and values too many."""
    is_account = rows["key"] == rows["account"]
    newest = rows["steps"][:, 0]
    forget = _steps(learning.forget_after)
    # A clock far ahead makes nobody else old; a log of last year, replayed, is not old either.
    present = min(present, int(newest.max(initial=NEVER)))
    survivors = rows[is_account & (newest >= present - _ACCOUNTS_FOR * forget)]
    addresses = len(survivors) - _count_accounts(survivors)
    excess = max(0, len(survivors) - learning.most_accounts - min(addresses, learning.most_accounts))
    oldest_first = np.lexsort((survivors["key"], survivors["steps"][:, 0]))
    survivors = _latest(survivors[oldest_first[excess:]])
    at, there = _ProfileRun(survivors).places(rows["account"])
    there &= is_account | (newest >= (survivors["steps"][:, 0][at] if len(survivors) else newest) - forget - KEPT)
    return ProfileDelta(_capped(rows[there], np.bincount(at[there])), whole=True, evicted=excess)


def _capped(rows: Rows, numbers: NDArray[np.intp]) -> Rows:
    """Keep the newest values of each account, and the account itself; the order stays. `numbers` of rows by account."""
    if numbers.max(initial=0) <= _MOST_VALUES:
        return rows
    is_value = rows["key"] != rows["account"]
    order = np.lexsort((-rows["steps"][:, 0], is_value, rows["account"]))
    accounts = rows["account"][order]
    begins = np.append(True, accounts[1:] != accounts[:-1])[: len(rows)]
    starts = np.flatnonzero(begins)
    number = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return rows[np.sort(order[number <= _MOST_VALUES])]


def _steps(span: timedelta) -> int:
    return int(span.total_seconds() * 1_000_000) // STEP_US
