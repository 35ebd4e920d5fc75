"""Searches of the archive are held against a plain filter over all events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archived_events import ACCOUNTS, BEGIN, CUSTOMERS, an_event, fill, offsets, rows_of, some_events
from credwatch.archive import days
from credwatch.archive.days import compact
from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.form import BATCH
from credwatch.archive.reading import ArchiveReader, Span
from credwatch.archive.sealing import MasterKey, sealed
from credwatch.archive.search import ACCOUNTS as ACCOUNT_FIELDS
from credwatch.archive.search import Condition, Search, Sought
from credwatch.kernel.secret import Secret

EVENTS = some_events(300, seed=7)
PERSONAL = ("user.name", "user.target.name", "source.ip", "message")
MASTER = MasterKey(Secret("master"))
KEYS = {customer or "": MASTER.make(customer or "") for customer in CUSTOMERS}

moments = st.none() | st.integers(-40 * 60, 80 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
conditions = st.lists(
    st.sampled_from(
        [
            *(Condition(ACCOUNT_FIELDS, (account,)) for account in (*ACCOUNTS, "nobody")),
            *(Condition(("organization.id",), (customer,)) for customer in CUSTOMERS if customer),
            *(Condition(("event.outcome",), (outcome,)) for outcome in ("success", "failure")),
            *(Condition(("source.port",), (port,)) for port in (22, 50_000)),
            *(Condition(("credwatch.masked",), (masked,)) for masked in (True, False)),
            Condition(("user.domain",), ("no event has this field",)),
            Condition(("user.name", "message"), ("linh", "line 12")),
        ]
    ),
    max_size=3,
)
networks = st.sampled_from(
    ["", "192.0.2.2/32", "192.0.0.0/23", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128", "10.0.0.0/8"]
)


@pytest.fixture(scope="module", params=["clear", "sealed"])
def search(request: pytest.FixtureRequest) -> Iterator[Search]:
    """Give an archive with events in days, in segments and waiting, of which some waiting ones have moved already."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(days, "_GROUP", 8)
        patch.setattr(days, "_PIECE", 32)
        is_sealed = request.param == "sealed"
        patch.setattr("archived_events.rows_of", lambda batch: seal(rows_of(batch)) if is_sealed else rows_of(batch))
        folder = ArchiveFolder(Path(name) / "archive")
        fill(folder, [EVENTS[start : start + 7] for start in range(0, 140, 7)])
        compact(folder)
        fill(folder, [EVENTS[start : start + 10] for start in range(140, 240, 10)], first=100)
        late = seal(rows_of(EVENTS[230:])) if is_sealed else rows_of(EVENTS[230:])
        numbered = late.with_columns(pl.Series(BATCH, [109] * 10 + [110 + n // 6 for n in range(60)]))
        reader = ArchiveReader(folder, lambda: iter([numbered.head(35), numbered.tail(35)]))
        yield Search(reader, {key.id: key for key in KEYS.values()} if is_sealed else {}, held=20)


def seal(rows: pl.DataFrame) -> pl.DataFrame:
    return sealed(rows, KEYS, PERSONAL)


def plainly(wanted: Sought) -> list[int]:
    """Find events by looking at each of them."""
    tests = [_holds(condition) for condition in wanted.conditions]
    tests.append(lambda it: wanted.span.since is None or it["@timestamp"] >= wanted.span.since)
    tests.append(lambda it: wanted.span.until is None or it["@timestamp"] <= wanted.span.until)
    tests.append(lambda it: not wanted.network or _comes_from(it["source.ip"], wanted.network))
    found = [it for it in EVENTS if all(test(it) for test in tests)]
    return [it["log.offset"] for it in sorted(found, key=lambda it: (it["@timestamp"], it["log.offset"]))]


def _holds(condition: Condition) -> Callable[[dict[str, Any]], bool]:
    return lambda it: any(it.get(name) in condition.values for name in condition.fields if it.get(name) is not None)


def _comes_from(address: str | None, network: str) -> bool:
    return address is not None and ip_address(address) in ip_network(network)


@settings(max_examples=25, deadline=None)
@given(since=moments, until=moments, conditions=conditions, network=networks, limit=st.integers(1, 60))
def test_search_finds_what_a_plain_filter_finds(
    search: Search,
    since: datetime | None,
    until: datetime | None,
    conditions: list[Condition],
    network: str,
    limit: int,
) -> None:
    """Whatever is asked, the latest events and all of them are those of a plain filter, in the order of time."""
    wanted = Sought(Span(since, until), tuple(conditions), network=network)
    expected = plainly(wanted)
    assert expected[-limit:] == offsets(search.latest(wanted, limit))
    assert expected == [offset for some in search.all(wanted) for offset in offsets(some)]


def test_values_come_back_in_clear(search: Search) -> None:
    """What is sealed is opened for whoever has the keys, each value and each null as it was."""
    rows = search.latest(Sought(), 1000)
    by_offset = {it["log.offset"]: it for it in EVENTS}
    for row in rows.iter_rows(named=True):
        expected = by_offset[row["log.offset"]]
        assert expected == {name: row[name] for name in expected}


def test_many_events_of_one_moment_are_all_given(tmp_path: Path) -> None:
    """A moment that has more events than are held at once is given as a whole."""
    folder = ArchiveFolder(tmp_path / "archive")
    fill(folder, [[an_event(number) for number in range(50)]])
    pieces = [*Search(ArchiveReader(folder), {}, held=10).all(Sought())]
    assert [*range(50)] == [offset for some in pieces for offset in offsets(some)]
