"""Sweeps a REST service: page by page from where it was left, within windows of time, whatever order it has.

A service that gives the oldest first is followed page by page, and each page is a place to go on from. One that gives
the newest first is read back to what is known already, and then given from the oldest on. In both, what became
visible late is found by asking for the last span (`overlap`) again.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace
from credwatch.sources.rest.client import RefusedStatus, RestClient
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.rest.paging import next_page, request_at
from credwatch.sources.rest.place import RestPage, RestPlace
from credwatch.sources.rest.records import Records

_FORGOTTEN = (400, 404, 410)
"""How services answer to a place that they do not know any more."""
_MOST_COLLECTED = 32 * 1024 * 1024
"""So many bytes are put in order together, where the newest comes first."""
_QUIET_SECONDS = 86_400.0
"""Where nothing comes, the next sweep begins at most so long ago, beside the overlap."""


class _Walk(Struct):
    """A sweep from the newest item back: kept while the service makes us wait, so that it comes to an end."""

    start: RestPlace
    records: Records
    next: str | int | None = None
    items: list[Item] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(len(item.line) for item in self.items)


class RestService:
    """Asks what the options say; see `PulledService`."""

    def __init__(self, options: RestSourceOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._client = RestClient(options, clock)
        self._overlap = options.overlap.total_seconds()
        self._history = options.history.total_seconds()
        self._walk: _Walk | None = None
        self._span = 0.0
        """How long a time was short enough to be put in order at once, where the present is too far; else 0."""

    @property
    def interval(self) -> float:
        """How many seconds to wait between two sweeps."""
        return self._options.interval.total_seconds()

    @property
    def width(self) -> float:
        """How coarsely the order of items is remembered, seconds."""
        return max(self._overlap / 32, 1.0)

    def sweep(self, place: PulledPlace | None, _known: Container[str] = ()) -> Iterator[PulledBatch]:
        """Give every page that is new; see `PulledService.sweep`."""
        if place is None:
            now = self._now()
            oldest = now if self._options.read_from == "end" else now - self._history
            begun = RestPlace(oldest, oldest)
            yield self._batch((), begun)
        else:
            begun = msgspec.convert(place, RestPlace)
        while True:
            start, has_gap = self._started(begun)
            batches = self._back(start) if self._options.order == "newest_first" else self._onwards(start)
            for batch in batches:
                yield replace(batch, has_expired=True) if has_gap else batch
                has_gap, begun = False, msgspec.convert(batch.place, RestPlace)
            if begun.next is not None or not begun.until:
                return

    def try_out(self) -> None:
        """Ask for one page of the present, and forget it; raises what a sweep raises."""
        now = self._now()
        self._page(RestPlace(now, now, begin=now - self._overlap), Records(self._options))

    def interrupt(self) -> None:
        """Wait for nothing any more; see `PulledService.interrupt`."""
        self._client.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _started(self, place: RestPlace) -> tuple[RestPlace, bool]:
        """Say from when to when to ask, and whether the service has forgotten what lies before that."""
        if place.next is not None:
            return place, False
        now = self._now()
        kept_from = now - self._history
        begin = max(place.since - self._overlap, place.oldest, kept_from)
        until = max(place.since, begin) + 2 * self._span if self._span else 0.0
        has_gap = place.since < kept_from - self._overlap and not place.last
        return replace(place, begin=begin, until=until if until < now else 0.0), has_gap

    def _onwards(self, place: RestPlace) -> Iterator[PulledBatch]:
        """Go from page to page, oldest first."""
        started_at, visited = self._now(), set[str | int]()
        records = Records(self._options)
        while True:
            page, place, has_expired = self._page_at(place, records)
            is_over = self._is_last(page, place)
            if page.next is not None and page.next in visited and not is_over:
                hint = "check paging, next and page_parameter"
                raise SourceError("its pages go round in a circle", where=f"source {self._options.id}", hint=hint)
            visited.update([page.next] if page.next is not None else [])
            place = self._behind(place, page, started_at, is_over=is_over)
            yield replace(self._batch(page.items, place), has_expired=has_expired)
            if is_over:
                return

    def _is_last(self, page: RestPage, place: RestPlace) -> bool:
        """Tell whether nothing comes behind a page for now."""
        if page.next is not None:
            return self._options.endless and not page.items
        return not page.last or page.last == place.last

    def _page_at(self, place: RestPlace, records: Records) -> tuple[RestPage, RestPlace, bool]:
        """Ask for a page; where the service does not know the place any more, begin again by time."""
        try:
            return self._page(place, records), place, False
        except RefusedStatus as error:
            if error.status not in _FORGOTTEN or (place.next is None and not place.last):
                raise
        begun, _ = self._started(replace(place, next=None, last=""))
        return self._page(begun, records), begun, True

    def _behind(self, place: RestPlace, page: RestPage, started_at: float, *, is_over: bool) -> RestPlace:
        """Say where to go on behind a page."""
        newest = max([place.since, *(item.order for item in page.items)])
        if is_over:
            newest = max(newest, place.until or started_at - _QUIET_SECONDS)
        last = page.last or place.last
        if page.last and not place.last and self._options.start_query:
            # The first page comes by time, the others by id: what came later may have a smaller one.
            last = page.first
        kept = page.next if not is_over or self._options.endless else None
        return replace(place, since=min(newest, self._now()), next=kept, last=last)

    def _back(self, place: RestPlace) -> Iterator[PulledBatch]:
        """Go back to where everything is known, then give what was collected, oldest first."""
        is_same = self._walk is not None and self._walk.start.since == place.since
        walk = self._walk if self._walk and is_same else _Walk(place, Records(self._options))
        self._walk = walk
        while self._goes_on(walk):
            if walk.size > _MOST_COLLECTED and not self._shorten(walk):
                yield self._batch(_in_order(walk.items), place)
                walk.items = []
        self._walk = None
        items = _in_order(walk.items)
        yield self._batch(items, self._behind(walk.start, RestPage(items, None), self._now(), is_over=True))

    def _goes_on(self, walk: _Walk) -> bool:
        """Collect one page, and say whether there are others with something new."""
        try:
            page = self._page(replace(walk.start, next=walk.next), walk.records)
        except RefusedStatus:
            self._walk = None  # from its beginning, the next time
            raise
        walk.items[:0] = (item for item in page.items if item.order >= walk.start.begin)
        walk.next = page.next
        return page.next is not None and all(item.order >= walk.start.begin for item in page.items)

    def _shorten(self, walk: _Walk) -> bool:
        """Ask for half as long a time, where that can be said; then what was collected is collected anew."""
        since, until = walk.start.since, walk.start.until or self._now()
        if not self._options.has_end or until - since < 2:
            return False
        self._span = (until - since) / 2
        walk.start, walk.next = replace(walk.start, until=since + self._span), None
        walk.items, walk.records = [], Records(self._options)
        return True

    def _page(self, place: RestPlace, records: Records) -> RestPage:
        now, options = self._now(), self._options
        request = request_at(place, options, now)
        answer = self._client.ask(request.url, request.query, request.body)
        listed = records.listed(answer.content)
        oldest_first = listed if options.order == "oldest_first" else listed[::-1]
        items = tuple(item for record in oldest_first for item in records.items_of(record, now))
        following = next_page(place, options, answer.content, answer.link, len(listed))
        return RestPage(items, following, *records.marks(listed))

    def _batch(self, items: tuple[Item, ...], place: RestPlace) -> PulledBatch:
        return PulledBatch(items, place.to_json(), place.since - self._overlap)


def _in_order(items: list[Item]) -> tuple[Item, ...]:
    """Put items into the order of time; those of one time stay as they are."""
    return tuple(sorted(items, key=lambda item: item.order))
