"""What a collector reads is on disk before it is sent, once, in order, and within bounds."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from credwatch.collect.buffer import Buffer
from credwatch.collect.destination import Ship
from credwatch.collect.gathering import LONGEST_LINE, LineGathering, cut_long
from credwatch.collect.options import CollectorOptions
from credwatch.collect.shipping import Shipping
from credwatch.kernel.errors import SourceError, StoreError
from credwatch.sources.options import FileSourceOptions
from credwatch.sources.shipped.batch import LogBatch
from unit.sources.followed import NOW, append


class Place:
    """The other side: takes batches, or refuses so many of them."""

    where = "the other side"

    def __init__(self, refusals: int = 0) -> None:
        self.taken: list[LogBatch] = []
        self.refusals = refusals

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Ship]:
        async def ship(batch: LogBatch, packed: bytes) -> None:
            assert zstandard.ZstdDecompressor().decompress(packed) == batch.before + batch.data
            if self.refusals:
                self.refusals -= 1
                raise SourceError("not now", where=self.where)
            self.taken.append(batch)

        yield ship

    async def asked(self) -> None:
        """Take anything."""


class Host:
    """A host with one log, and the collector's parts on it."""

    def __init__(self, folder: Path, **changes: object) -> None:
        self.log = folder / "auth.log"
        self.log.touch()
        self.options = CollectorOptions.model_validate(
            {"host": "web1", "state_directory": folder, "linger": 0.05} | changes
        )
        self.source = FileSourceOptions(id="auth", paths=(str(self.log),), read_from="start", time_zone="Asia/Tokyo")
        self.path = folder / "buffer.sqlite"
        self.restart()

    def restart(self) -> None:
        """Begin anew with what is on disk, as after a kill."""
        if hasattr(self, "buffer"):
            self.buffer.close()
        self.buffer = Buffer(self.path)
        self.gathering = LineGathering(self.options, (self.source,), self.buffer, lambda: NOW)

    def read(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.gathering.turn()

    def send(self, place: Place) -> Shipping:
        """Send all that is on disk, once."""
        shipping = Shipping(self.buffer, place, "web1")
        with suppress(SourceError):
            asyncio.run(shipping.flush())
        return shipping


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_lines_are_kept_with_their_place_and_sent_in_order(host: Host) -> None:
    """Each batch says which bytes of its log it has, whatever is read in one turn, and across a restart."""
    place = Place()
    append(host.log, "one\ntwo\n")
    host.read()
    host.restart()
    append(host.log, "three\n")
    host.read()
    host.send(place)
    assert [(0, b"one\ntwo\n"), (8, b"three\n")] == [(it.begin, it.data) for it in place.taken]
    assert {("web1", str(host.log), "Asia/Tokyo", None)} == {
        (it.host, it.log, it.zone, it.format) for it in place.taken
    }
    assert 1 == len({it.series for it in place.taken})
    assert (0, 0) == (host.buffer.batches, host.buffer.packed_bytes)


def test_what_was_not_taken_over_stays_and_is_sent_again_alike(host: Host) -> None:
    """A refusal, or a kill before the answer, leaves the batch as it was: same bytes, same place."""
    append(host.log, "one\n")
    host.read()
    assert host.send(Place(refusals=1)).shipped.batches == 0
    first, second = Place(), Place()
    kept = host.buffer.oldest(8)
    host.send(first)
    host.restart()
    host.send(second)
    assert [b"one\n"] == [it.data for it in first.taken]
    assert [] == second.taken
    assert 1 == len(kept)


def test_a_full_buffer_blocks_reading_and_loses_nothing(tmp_path: Path) -> None:
    """Beyond its bound nothing is read; the log keeps it, and it is read once there is room."""
    host, place = Host(tmp_path, buffer_bytes=1024**2), Place()
    host.buffer.packed_bytes = 1024**2
    append(host.log, "one\n")
    host.read()
    assert host.gathering.state.is_full
    assert 0 == host.buffer.batches
    host.buffer.packed_bytes = 0
    host.read()
    host.send(place)
    assert not host.gathering.state.is_full
    assert [b"one\n"] == [it.data for it in place.taken]


def test_what_is_too_old_is_dropped_and_its_place_is_not_given_again(host: Host) -> None:
    """The next batch begins behind what was dropped, so that the daemon sees that something is missing."""
    place = Place()
    append(host.log, "one\ntwo\n")
    host.read()
    assert 0 == host.buffer.drop_before(NOW)
    assert 2 == host.buffer.drop_before(NOW + timedelta(seconds=1))
    append(host.log, "three\n")
    host.read()
    host.send(place)
    assert [(8, b"three\n")] == [(it.begin, it.data) for it in place.taken]


def test_a_full_disk_is_told_and_the_lines_are_read_again(host: Host) -> None:
    """Where the buffer cannot be written nothing moves; afterwards every line is there, once."""
    place = Place()
    append(host.log, "".join(f"{sha256(str(number).encode()).hexdigest()}\n" for number in range(4000)))
    connection = host.buffer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    host.read()
    assert "full" in host.gathering.state.trouble
    assert 0 == host.buffer.batches
    connection.execute("PRAGMA max_page_count = 1000000")
    host.read(2)
    host.send(place)
    assert "" == host.gathering.state.trouble
    assert host.log.read_bytes() == b"".join(it.data for it in place.taken)


def test_a_buffer_that_is_none_is_refused(tmp_path: Path) -> None:
    """What lies in its place is not touched, and the error names it."""
    path = tmp_path / "buffer.sqlite"
    path.write_bytes(b"something else\n" * 100)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Buffer(path)
    assert str(path) == caught.value.where
    assert path.read_bytes().startswith(b"something else")


def test_a_second_collector_is_refused(host: Host) -> None:
    """Two on one buffer would send everything twice."""
    with pytest.raises(StoreError, match="another collector runs here"):
        Buffer(host.path)


def test_a_buffer_of_another_version_is_refused(host: Host) -> None:
    """A form that this version does not know is not written to."""
    host.buffer.close()
    with sqlite3.connect(host.path) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE name = 'form'")
    connection.close()
    with pytest.raises(StoreError, match="another version"):
        Buffer(host.path)


def test_a_rotation_is_read_through(host: Host) -> None:
    """The rotated file is read to its end, and the positions of the log go on."""
    place = Place()
    append(host.log, "one\n")
    host.read()
    append(host.log, "two\n")
    host.log.rename(host.log.with_name("auth.log.1"))
    append(host.log, "three\n")
    while host.gathering.state.lines < 3:
        host.read()
    host.send(place)
    assert b"one\ntwo\nthree\n" == b"".join(it.data for it in place.taken)
    assert [it.begin for it in place.taken][1:] == [it.end for it in place.taken][:-1]


@pytest.mark.parametrize(
    ("data", "lines", "cut"),
    [
        (b"", [], 0),
        (b"a\nb", [1, 1], 0),
        (b"x" * (LONGEST_LINE + 5) + b"\nb\n", [LONGEST_LINE - 1, 1], 1),
        (b"x" * (LONGEST_LINE - 1) + b"\n", [LONGEST_LINE - 1], 0),
        (b"a\n" * LONGEST_LINE, [1] * LONGEST_LINE, 0),
    ],
    ids=["nothing", "no newline", "too long", "just so", "many"],
)
def test_lines_are_whole_and_bounded(data: bytes, lines: list[int], cut: int) -> None:
    """The last line has its newline, and one that is too long is cut and counted."""
    text, number = cut_long(data)
    assert (lines, cut) == ([len(line) for line in text.splitlines()], number)
    assert not text or text.endswith(b"\n")


def test_the_collector_needs_none_of_the_heavy_libraries() -> None:
    """Its memory allows no frames, no arrays, no store of the daemon's and no web server."""
    heavy = ("polars", "numpy", "sqlalchemy", "starlette", "alembic", "httpx")
    code = (
        "import sys, credwatch.collect.collector, credwatch.collect.to_nats, credwatch.collect.to_push\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
