"""Tells of login attempts whether the account has come from this address before, and whether many others have.

Behind the address of an office forty people mistype now and then, and at home a phone keeps trying an old password: an
address that guesses is told from these by who has logged in from it. An address (of IPv6 the /64) keeps the first
accounts that logged in from it; one more than that never changes what is said. A login right behind guesses at its
account is not learnt from, or whoever guessed it once would be at home there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.enrich.columns import column, has_values
from credwatch.enrich.habits.logins import account_hashes, address_hashes
from credwatch.enrich.habits.profiles import AN_ADDRESS, KEPT, NEVER, STEP_US, Profiles, Rows

SHARED_BY = 3
"""An address from which so many accounts have logged in is shared."""

CROWDS = ("own", "egress", "mobile")
"""The kinds of networks behind whose addresses many people sit: an office, a proxy, a carrier's NAT."""

LEARNT_BELOW = 3
"""A login is learnt from where fewer attempts at its account, from its address, have failed right before it."""

_DAY_STEPS = 24 * 3600 * 1_000_000 // STEP_US
_USUAL, _SHARED = "credwatch.source.usual", "credwatch.source.shared"
_Marks = NDArray[np.bool_]


def mark_usual(events: pl.DataFrame, profiles: Profiles) -> tuple[pl.DataFrame, Rows]:
    """Add `credwatch.source.usual` and `credwatch.source.shared` (Boolean) to attempts, and give what to remember.

    Both are null but for attempts that name an address. `usual`: the account has logged in from this address before.
    `shared`: at least `SHARED_BY` accounts have, or its network is one behind which many sit. Events are taken in their
    order. The rows, sorted by key, belong into the delta of `profiles`.
    """
    nothing = np.empty(0, profiles.find(np.empty(0, np.uint64)).dtype)
    if not has_values(events, "source.ip"):
        return events, nothing
    attempts = _attempts(events)
    if attempts.is_empty():
        return events, nothing
    addresses = address_hashes(attempts["address"], profiles.seed)
    keys, number = np.unique(addresses, return_inverse=True)
    rows = profiles.find(keys)
    rows["account"], rows["steps"][:, 1] = keys, AN_ADDRESS
    # Accounts are looked at only where an address has some, or is about to have its first.
    learns = attempts["learns"].to_numpy()
    has_some = rows["about"][:, 0] != NEVER
    indices = np.flatnonzero(has_some[number] | np.isin(number, number[learns]))
    usual, shared = np.zeros(len(number), np.bool_), np.zeros(len(number), np.bool_)
    accounts = account_hashes(attempts["account"][indices], profiles.seed)
    steps = attempts["time"].to_numpy()[indices] // STEP_US
    changed = set(_gone_through(rows, number[indices], accounts, steps, learns[indices], indices, (usual, shared)))
    shared |= attempts["is_crowd"].to_numpy()
    return _marked(events, attempts["row"].to_numpy(), usual, shared), rows[sorted(changed)]


def accounts_at(block: str, profiles: Profiles) -> int:
    """Tell how many accounts have logged in from an address, or from a /64 of IPv6: `KEPT` at most."""
    (row,) = profiles.find(address_hashes(pl.Series([block]), profiles.seed))
    return int(np.count_nonzero(row["about"] != NEVER))


def _attempts(events: pl.DataFrame) -> pl.DataFrame:
    """Find the attempts with an address: `row`, `address`, `account`, `time`, `learns`, `is_crowd`."""
    is_attempt = column(events, "event.action").is_in(["login", "invalid_user", "user_not_allowed"])
    is_login = (column(events, "event.outcome") == "success") & (column(events, "event.action") == "login")
    failed = column(events, "credwatch.login.failed_before").fill_null(0)
    account = pl.concat_str(
        column(events, "organization.id").fill_null(""), column(events, "user.name"), separator="\0"
    )
    return (
        events.with_row_index("row")
        .filter(is_attempt & column(events, "source.ip").is_not_null() & column(events, "user.name").is_not_null())
        .select(
            pl.col("row").cast(pl.Int64),
            address=pl.coalesce(column(events, "credwatch.source.block"), "source.ip"),
            account=account,
            time=pl.col("@timestamp").dt.timestamp("us"),
            learns=(is_login & (failed < LEARNT_BELOW)).fill_null(False),
            is_crowd=column(events, "credwatch.network.kind").is_in(CROWDS).fill_null(False),
        )
    )


def _gone_through(
    rows: Rows,
    number: NDArray[np.intp],
    accounts: NDArray[np.int32],
    steps: NDArray[np.int64],
    learns: _Marks,
    places: NDArray[np.intp],
    marks: tuple[_Marks, _Marks],
) -> Iterator[int]:
    """Go through attempts in their order, mark them by what their address has, and learn; give the rows that change.

    A loop, for each answer depends on the logins before it; it sees only addresses from which somebody logs in.
    """
    usual, shared = marks
    has = [[int(account) for account in about if account != NEVER] for about in rows["about"]]
    for at, account, step, learn, place in zip(
        number.tolist(), accounts.tolist(), steps.tolist(), learns.tolist(), places.tolist(), strict=True
    ):
        usual[place] = account in has[at]
        shared[place] = len(has[at]) >= SHARED_BY
        if not learn:
            continue
        if not usual[place] and len(has[at]) < KEPT:
            rows["about"][at, len(has[at])] = account
            has[at].append(account)
            yield at
        if step >= rows["steps"][at, 0] + _DAY_STEPS:
            rows["steps"][at, 0] = step
            yield at


def _marked(events: pl.DataFrame, places: NDArray[np.int64], usual: _Marks, shared: _Marks) -> pl.DataFrame:
    answers = pl.DataFrame({"row": places, _USUAL: usual, _SHARED: shared}).cast({"row": pl.UInt32})
    whole = events.with_row_index("row").join(answers, on="row", how="left", maintain_order="left")
    return whole.drop("row")
