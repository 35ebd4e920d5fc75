"""Holds the tally of a source to being told once, in metrics and in the log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec.structs import fields
from structlog.testing import capture_logs

from credwatch.service.losses import Losses
from credwatch.sources.interface import Tally
from credwatch.telemetry.label_values import FILE_EVENTS
from unit.sources.followed import Reader, a_file_source, append


def test_what_is_lost_is_told_once(tmp_path: Path) -> None:
    """A rotated file that was deleted unread is counted and said; a rotation is only counted."""
    log = tmp_path / "auth.log"
    append(log, "one\n")
    reader = Reader(a_file_source(log))
    reader.drain()
    reader.source.close()
    (tmp_path / "elsewhere").mkdir()
    log.rename(tmp_path / "elsewhere" / log.name)  # deleted, without its inode number being used again
    append(log, "two\n" * 2)
    after = Reader(a_file_source(log, cursors=reader.cursors))
    after.drain()
    counts: Counter[str] = Counter()
    losses = Losses(lambda source, what, more: counts.update({f"{source} {what}": more}))
    with capture_logs() as entries:
        losses.notice(after.source)
        losses.notice(after.source)
        log.rename(tmp_path / "auth.log.1")
        append(log, "three\n")
        after.drain()
        losses.notice(after.source)
    assert {"auth vanished": 1, "auth rotations": 1} == counts
    assert [("source.lines_may_be_lost", "auth", "vanished")] == [
        (entry["event"], entry["source"], entry["what"]) for entry in entries
    ]


def test_a_source_that_is_opened_again_counts_anew(tmp_path: Path) -> None:
    """What the first one met is not taken from what the second one meets."""
    counts: Counter[str] = Counter()
    losses = Losses(lambda _source, what, more: counts.update({what: more}))
    for _ in range(2):
        log = tmp_path / "auth.log"
        log.write_text("one\n")
        reader = Reader(a_file_source(log))
        reader.drain()
        log.write_text("")
        reader.drain()
        losses.notice(reader.source)
        reader.source.close()
    assert {"truncations": 2} == counts


def test_every_count_has_its_series() -> None:
    """The names of the tally are those of the metric."""
    assert {field.name for field in fields(Tally)} == {*FILE_EVENTS}
