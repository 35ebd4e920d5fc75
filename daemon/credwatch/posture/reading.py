"""Reads one source to its end: all its accounts at one moment, or an error and nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.posture.account import AccountState
from credwatch.posture.options import AccountSourceOptions
from credwatch.posture.readers.registry import reader_of
from credwatch.posture.rows import AccountRows, Row, RowProblem
from credwatch.world.owners import Owner


class AccountsReading(Struct, frozen=True):
    """What a source said."""

    source: str
    """Its id."""
    at: datetime
    """When it was read, UTC."""
    accounts: tuple[AccountState, ...]
    """The accounts, in the source's order; of two rows with one name the later counts."""
    wrong: int
    """How many values were not what their column should hold."""
    problems: tuple[RowProblem, ...]
    """The first of them."""


def read(options: AccountSourceOptions, owner_of: Callable[[str], Owner | None], clock: Clock) -> AccountsReading:
    """Read a source; raises SourceError where it cannot be read to its end within its bounds.

    Where neither the row nor the source's own `customer` says whose an account is, the registers do.
    """
    rows, at = AccountRows(options.id, ZoneInfo(options.time_zone)), clock()
    accounts = {(state.customer, state.user): state for state, _ in states(options, rows, owner_of, clock)}
    return AccountsReading(options.id, at, tuple(accounts.values()), rows.wrong, tuple(rows.problems))


def states(
    options: AccountSourceOptions, rows: AccountRows, owner_of: Callable[[str], Owner | None], clock: Clock
) -> Iterator[tuple[AccountState, Row]]:
    """Give each account with its row, which holds the stored password; raises SourceError as `read` does."""
    for number, row in enumerate(reader_of(options, clock).rows()):
        if number == options.most_accounts:
            message = f"it gives more than {options.most_accounts} accounts"
            hint = "narrow the query, or raise most_accounts"
            raise SourceError(message, where=f"source {options.id}", hint=hint)
        state = rows.state_of(row)
        if state is not None:
            owner = owner_of(state.user)
            customer = state.customer or options.customer or (owner.customer if owner else None) or ""
            yield replace(state, customer=customer), row
