"""Finds events in the archive, in the order of time, in bounded memory.

Days are asked in growing groups, from the side that is wanted. A group that has more than can be held is cut into
halves, down to single moments. Each condition is one that Parquet's least and greatest values can refuse a whole group
of rows by; where several fields may hold what is asked for, each is asked by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from ipaddress import ip_address, ip_network
from operator import and_

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from credwatch.archive.form import BATCH, ORDER, SCHEMA, SEAL
from credwatch.archive.reading import ArchivedRows, ArchiveReader, Span
from credwatch.archive.sealing import SealingKey, opened

ACCOUNTS = ("user.name", "user.target.name", "user.effective.name", "user.email", "user.target.email")
"""The fields that name an account."""
ADDRESS = "source.ip"
"""The field that has the address."""
_HELD = 50_000
"""So many events are held at once."""
_MOMENT = timedelta(microseconds=1)


class Condition(Struct, frozen=True):
    """What an event must have: one of some values, in one of some fields."""

    fields: tuple[str, ...]
    """The fields."""
    values: tuple[str | int | float | bool | datetime, ...]
    """The values, of the fields' type."""


class Sought(Struct, frozen=True):
    """Which events are asked for."""

    span: Span = Span()
    """When they happened."""
    conditions: tuple[Condition, ...] = ()
    """What each must have; all of them."""
    but: tuple[Condition, ...] = ()
    """What none may have."""
    network: str = ""
    """The network, in CIDR, that they come from; empty for any."""


class Search:
    """Answers questions about one archive."""

    def __init__(self, reader: ArchiveReader, keys: Mapping[str, SealingKey], *, held: int = _HELD) -> None:
        self._reader = reader
        self._keys = keys
        self._held = held

    def latest(self, wanted: Sought, limit: int) -> pl.DataFrame:
        """Return the latest events, `limit` at most, in the order of time; raises ArchiveError."""
        wanted = self._told(wanted)
        frames: list[pl.DataFrame] = []
        for span in self._backwards(wanted.span):
            some = self._asked(replace(wanted, span=span), limit)
            frames.insert(0, some)
            limit -= some.height
            if not limit:
                break
        return opened(pl.concat(frames), self._keys) if frames else pl.DataFrame(schema=SCHEMA)

    def all(self, wanted: Sought) -> Iterator[pl.DataFrame]:
        """Give all events in the order of time, some at a time; raises ArchiveError."""
        wanted = self._told(wanted)
        for span in self._forwards(wanted.span):
            yield from (opened(some, self._keys) for some in self._pieces(replace(wanted, span=span)))

    def _pieces(self, wanted: Sought) -> Iterator[pl.DataFrame]:
        """Give the events of a span with two ends, cut into halves where there are too many."""
        since, until = wanted.span.since, wanted.span.until
        assert since is not None, "spans that are cut have two ends"
        assert until is not None, "spans that are cut have two ends"
        is_moment = since >= until
        some = self._asked(wanted, None if is_moment else self._held + 1)
        if is_moment or some.height <= self._held:
            if some.height:
                yield some
            return
        del some
        middle = since + (until - since) // 2
        yield from self._pieces(replace(wanted, span=Span(since, middle)))
        yield from self._pieces(replace(wanted, span=Span(middle + _MOMENT, until)))

    def _asked(self, wanted: Sought, most: int | None) -> pl.DataFrame:
        """Return the latest events, so many at most, sorted."""

        def choose(rows: ArchivedRows) -> Iterator[pl.DataFrame]:
            for condition in conditions_for(rows, wanted, self._keys):
                some = rows.frame.filter(condition)
                if most is not None:
                    some = some.top_k(most, by=[name for name in ORDER if name in rows.columns])
                yield some.collect(engine="streaming")

        frames = [whole(some) for some in self._reader.chosen(wanted.span, choose)]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
        rows = rows.sort(ORDER, nulls_last=True, maintain_order=True)
        return rows if most is None else rows.tail(most)

    def _told(self, wanted: Sought) -> Sought:
        """Say which addresses a network means: those that are in the archive."""
        if not wanted.network:
            return wanted
        network = ip_network(wanted.network)
        if network.num_addresses == 1:
            values: tuple[str, ...] = (str(network.network_address),)
        else:
            values = tuple(it for it in self._addresses(wanted.span) if _lies_in(it, network))
        return replace(wanted, network="", conditions=(*wanted.conditions, Condition((ADDRESS,), values)))

    def _addresses(self, span: Span) -> Collection[str]:
        def distinct(rows: ArchivedRows) -> Iterator[pl.DataFrame]:
            if ADDRESS in rows.columns:
                names = [ADDRESS, *({SEAL, BATCH} & rows.columns)]
                yield rows.frame.filter(_every(span.tests())).select(names).unique().collect(engine="streaming")

        columns = (opened(some, self._keys)[ADDRESS] for some in self._reader.chosen(span, distinct))
        return {address for addresses in columns for address in addresses if address is not None}

    def _backwards(self, span: Span) -> Iterator[Span]:
        for since, until in reversed(self._steps(span, from_end=True)):
            yield Span(since, until)

    def _forwards(self, span: Span) -> Iterator[Span]:
        for since, until in self._steps(span, from_end=False):
            yield Span(since, until)

    def _steps(self, span: Span, *, from_end: bool) -> list[tuple[datetime, datetime]]:
        """Cut a span into steps of 1, 2, 4 … days, the shortest at one end."""
        bounds = self._reader.bounds()
        if bounds is None:
            return []
        begin, end = max(span.since or bounds[0], bounds[0]), min(span.until or bounds[1], bounds[1])
        steps: list[tuple[datetime, datetime]] = []
        length = timedelta(days=1)
        while begin <= end:
            if from_end:
                steps.insert(0, (max(begin, end - length + _MOMENT), end))
                end = steps[0][0] - _MOMENT
            else:
                steps.append((begin, min(end, begin + length - _MOMENT)))
                begin = steps[-1][1] + _MOMENT
            length *= 2
        return steps


def conditions_for(rows: ArchivedRows, wanted: Sought, keys: Mapping[str, SealingKey]) -> Iterator[pl.Expr]:
    """Say which of some rows are wanted, in conditions of which each row fulfils one at most."""
    chosen, several = wanted.span.tests(), [pl.lit(True)]  # a condition that every row fulfils
    for condition in wanted.conditions:
        fields = [name for name in condition.fields if name in rows.columns]
        tests = [_test(name, condition.values, keys, sealed=SEAL in rows.columns) for name in fields]
        if not tests or not condition.values:
            return
        if len(tests) == 1:
            chosen += tests
        else:
            first = [_every([test, *map(_fails, tests[:number])]) for number, test in enumerate(tests)]
            several = [_every([one, other]) for one in several for other in first]
    for condition in wanted.but:
        fields = [name for name in condition.fields if name in rows.columns and condition.values]
        chosen += [_fails(_test(name, condition.values, keys, sealed=SEAL in rows.columns)) for name in fields]
    yield from (_every([test, *chosen]) for test in several)


def _every(tests: Sequence[pl.Expr]) -> pl.Expr:
    """Say that all tests are passed, in a form that Parquet's least and greatest values can answer."""
    return reduce(and_, tests) if tests else pl.lit(True)  # as above


def _fails(test: pl.Expr) -> pl.Expr:
    return ~test.fill_null(value=False)


def _test(field: str, values: Sequence[object], keys: Mapping[str, SealingKey], *, sealed: bool) -> pl.Expr:
    """Say where a field has one of some values, in clear or sealed by any of the keys."""
    texts = [value for value in values if isinstance(value, str)]
    seals = [seal for key in keys.values() for seal in key.sealed(field, texts).values()] if sealed and texts else []
    either = [*values, *seals]
    return pl.col(field).eq(either[0]) if len(either) == 1 else pl.col(field).is_in(either)


def whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows every column of the schema, in its order."""
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items()
    )


def _lies_in(address: str, network: object) -> bool:
    try:
        return ip_address(address) in network  # type: ignore[operator]  # of either version
    except ValueError:
        return False
