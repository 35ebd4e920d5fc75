"""Every preset against a server that pages, orders and repeats as its service does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from rest_services import a_service
from unit.sources.rest.presets_served import PRESETS, Served, a_rest_source, drained, records, rest_options, take

BY_NAME = pytest.mark.parametrize("served", PRESETS, ids=lambda served: served.preset)


@BY_NAME
def test_a_backlog_of_many_pages_comes_once_in_order(served: Served, tmp_path: Path) -> None:
    """All that the service has kept comes, oldest first, each event once, however small its pages are."""
    begin = time.time() - 3000
    events = [served.event(number, begin + number) for number in range(57)]
    with a_service(served.server) as server:
        server.most = 10
        server.add(*events)
        source = a_rest_source(rest_options(served, server, tmp_path, read_from="start", page_size=10))
        assert events == records(drained(source, len(events)).lines)
        source.close()


@BY_NAME
def test_what_comes_late_is_found_and_nothing_comes_twice(served: Served, tmp_path: Path) -> None:
    """An event that becomes visible behind later ones comes all the same, and the others do not come again."""
    begin = time.time() - 100
    first = [served.event(number, begin + number) for number in range(6) if number != 3]
    with a_service(served.server) as server:
        server.add(*first)
        source = a_rest_source(rest_options(served, server, tmp_path, read_from="start"))
        reader = drained(source, len(first))
        server.add(served.event(30, begin + 3), served.event(31, begin + 50))
        while len(reader.lines) < len(first) + 2:
            take(reader)
        asked = len(server.asked)
        while len(server.asked) < asked + 3:
            take(reader)
        came = [*first, served.event(30, begin + 3), served.event(31, begin + 50)]
        assert came == records(reader.lines)
        source.close()


@BY_NAME
def test_a_start_at_the_end_tells_nothing_of_before(served: Served, tmp_path: Path) -> None:
    """With read_from = "end" only what happens from then on comes."""
    with a_service(served.server) as server:
        server.add(*(served.event(number, time.time() - 60 + number) for number in range(5)))
        source = a_rest_source(rest_options(served, server, tmp_path))
        reader = drained(source, 0)
        event: Any = served.event(9, time.time() + 0.5)
        server.add(event)
        while not reader.lines:
            take(reader)
        assert [event] == records(reader.lines)
        source.close()


@BY_NAME
def test_every_committed_cursor_leads_to_the_rest(served: Served, tmp_path: Path) -> None:
    """From the cursor of any chunk a new source gives what is left, also within a page."""
    begin = time.time() - 200
    events = [served.event(number, begin + number) for number in range(23)]
    with a_service(served.server) as server:
        server.add(*events)
        options = rest_options(served, server, tmp_path, read_from="start", page_size=5)
        server.most = 5
        chunks = drained(first := a_rest_source(options), len(events), limit=600).chunks
        first.close()
        done: list[bytes] = []
        for chunk in chunks[:-1:3]:
            done = [line for it in chunks[: chunks.index(chunk) + 1] for line in it.data.splitlines()]
            source = a_rest_source(options, {chunk.file: chunk.cursor})
            assert events == records(done + drained(source, len(events) - len(done)).lines)
            source.close()
