"""`credwatch events`: what the archive has of an account, an address, a customer, a time."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from credwatch.cli.moments import DAYS, in_utc
from credwatch.cli.options import (
    DEFAULT_CONFIG,
    AccountOption,
    AddressOption,
    ConfigOption,
    CustomerOption,
    JsonOption,
)
from credwatch.cli.output import print_json, say, tell, told_plainly
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.legible import on_a_terminal

if TYPE_CHECKING:
    from polars import DataFrame

    from credwatch.archive.search import Sought
    from credwatch.casework.events import ArchiveBook

_SHOWN = (
    "@timestamp",
    "organization.id",
    "user.name",
    "user.target.name",
    "source.ip",
    "source.port",
    "event.action",
    "event.outcome",
    "credwatch.session.id",
    "service.name",
    "host.name",
    "credwatch.source.id",
    "log.file.path",
    "log.offset",
)
"""What the law asks for, and where it stands in the logs."""
_HEAD = f"{'TIME':<25}  {'CUSTOMER':<12}  {'ACCOUNT':<24}  {'FROM':<22}  {'OUTCOME':<8}  WHAT"
_STEERS_A_SHEET = ("=", "+", "-", "@", "\t", "\r")


class EventsForm(StrEnum):
    """How events are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def events(
    account: AccountOption = "",
    address: AddressOption = "",
    customer: CustomerOption = "",
    since: Annotated[datetime | None, typer.Option(formats=DAYS, help="Happened then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAYS, help="Happened then or earlier, UTC.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="A field of the schema; may be given again.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="So many at most, the latest; 0 for all.")] = 1000,
    show: Annotated[
        str, typer.Option(metavar="FIELD,…", help="The columns of --csv; JSON has every field that is there.")
    ] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.", show_default=False)] = False,
) -> None:
    """Find archived events, in the order of time.

    What is given must all hold. An account is found in whatever role: who acted, and whose account was acted upon.
    Exit code 0 whether or not there are any.
    """
    form = EventsForm.JSON if as_json else EventsForm.CSV if as_csv else EventsForm.TABLE
    with told_plainly():
        from credwatch.archive.reading import Span
        from credwatch.archive.search import Condition, Sought
        from credwatch.casework.events import ArchiveBook, account_condition, column_names, field_condition

        conditions = [account_condition(account)] if account else []
        conditions += [Condition(("organization.id",), (customer,))] if customer else []
        conditions += [field_condition(written) for written in field or ()]
        columns = column_names([name.strip() for name in show.split(",")] if show else _SHOWN)
        wanted = Sought(Span(in_utc(since), in_utc(until)), tuple(conditions), network=address)
        with ArchiveBook.at(config) as book:
            _tell_gaps(book, wanted)
            shown = sum(_write(some, form, columns, book.zone) for some in _found(book, wanted, limit, form, columns))
    if not shown and form is EventsForm.TABLE:
        tell("no such event")
    elif limit and shown == limit:
        tell(f"the latest {limit}; there may be more: --limit 0")


def _found(
    book: ArchiveBook, wanted: Sought, limit: int, form: EventsForm, columns: Sequence[str]
) -> Iterator[DataFrame]:
    """Give what is found, after the head that it stands under."""
    if form is EventsForm.CSV:
        csv.writer(sys.stdout, lineterminator="\n").writerow(columns)
    pieces = iter([book.latest(wanted, limit)]) if limit else book.all(wanted)
    for number, some in enumerate(pieces):
        if form is EventsForm.TABLE and number == 0 and some.height:
            tell(_HEAD)
        yield some


def _write(rows: DataFrame, form: EventsForm, columns: Sequence[str], zone: str) -> int:
    """Write events; returns how many."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in rows.iter_rows(named=True):
        if form is EventsForm.CSV:
            writer.writerow([_cell(row[name]) for name in columns])
        elif form is EventsForm.JSON:
            print_json({name: _plain(value) for name, value in row.items() if value is not None})
        else:
            say(_line(row, ZoneInfo(zone)))
    return rows.height


def _tell_gaps(book: ArchiveBook, wanted: Sought) -> None:
    for interval in book.not_archived(wanted):
        until = rfc3339(interval.ended_at) if interval.ended_at else "now"
        tell(f"not archived: events from {rfc3339(interval.started_at)} to {until} may be missing")


def _line(row: dict[str, Any], zone: ZoneInfo) -> str:
    account, target = row["user.name"] or row["user.email"], row["user.target.name"] or row["user.target.email"]
    who = f"{account or '-'} → {target}" if target and target != account else account or "-"
    port = f":{row['source.port']}" if row["source.port"] is not None else ""
    whence = (row["source.ip"] or row["source.domain"] or "-") + port
    where = row["host.name"] or row["service.name"] or ""
    moment = row["@timestamp"].astimezone(zone).isoformat(timespec="seconds")
    return (
        f"{moment:<25}  {row['organization.id'] or '-':<12}  {who:<24}  {whence:<22}  "
        f"{row['event.outcome'] or '-':<8}  {row['event.action'] or '-'} {where}"
    ).rstrip()


def _plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value


def _cell(value: Any) -> str:
    """Write a value for a sheet, in which no text is a formula: whoever tries to log in chooses the name."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return on_a_terminal(f"'{value}" if value.startswith(_STEERS_A_SHEET) else value)
