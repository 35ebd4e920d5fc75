"""`last message repeated 3 times` is read wherever a source cuts its file, and whatever is killed in between."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from credwatch.enrich.enrich import Enricher
from credwatch.kernel.resources import shipped
from credwatch.parse.parse import SourceFormat
from credwatch.pipeline.preparing import prepare
from credwatch.rules.packs.packs import load_packs
from credwatch.sources.interface import Chunk, Cursor, Source
from credwatch.sources.replay import ReplaySource
from credwatch.world.register import Registers
from unit.sources.followed import NOW, a_file_source

PACKS = load_packs(shipped("rules") / "packs")
ENRICHER = Enricher(Registers(), mfa_required_for={}, staff_profile="default")
FAILED = "Feb  7 08:00:00 web1 sshd[7]: Failed password for lan from 203.0.113.7 port 22 ssh2\n"
OTHER = "Feb  7 08:00:01 web2 CRON[1]: (root) CMD (true)\n"
LONG = f"Feb  7 08:00:02 web2 CRON[1]: (root) CMD ({'x' * 900})\n"
REPEATED = "Feb  7 08:00:09 web1 last message repeated 3 times\n"
TEXT = REPEATED + FAILED + REPEATED + OTHER + OTHER + REPEATED + LONG * 10 + REPEATED + FAILED + REPEATED
"""The first one and the fourth stand for no line: there is none, or it is too far back."""

Form = Literal["followed", "replayed", "compressed"]


@pytest.fixture(params=["followed", "replayed", "compressed"])
def form(request: pytest.FixtureRequest) -> Form:
    """Name a way to read a file."""
    return request.param


def opened(form: Form, folder: Path, cursors: dict[str, Cursor]) -> Source:
    """Open the log that stands in a folder, to go on from cursors."""
    log = folder / "auth.log"
    if form == "followed":
        return a_file_source(log, cursors=cursors)
    return ReplaySource("auth", [str(log)], cursors, clock=lambda: NOW)


def chunks(form: Form, folder: Path, limit: int) -> Iterator[Chunk]:
    """Read the log in chunks, each by a source that was opened anew from the cursor of the one before."""
    cursors: dict[str, Cursor] = {}
    while True:
        source = opened(form, folder, cursors)
        chunk = source.read(limit)
        source.close()
        if chunk is None:
            return
        cursors[chunk.file] = chunk.cursor
        yield chunk


@pytest.mark.parametrize("limit", [1, 300, 8_000, 65_536])
def test_a_repeated_line_is_read_across_chunks(form: Form, limit: int, tmp_path: Path) -> None:
    """The line that is meant is found behind any cut and any restart, and is itself given once."""
    text = TEXT.encode()
    (tmp_path / "auth.log").write_bytes(gzip.compress(text) if form == "compressed" else text)
    prepared = [
        part
        for chunk in chunks(form, tmp_path, limit)
        for part in prepare([chunk], PACKS, SourceFormat("auth"), ENRICHER, timedelta(days=400))
    ]
    lines = [int(position) for part in prepared for position in part.positions]
    assert lines == [at + 1 for at, letter in enumerate(text) if letter == 10]
    repeats = [count for part in prepared if part.events.height for count in part.events["credwatch.repeat"]]
    assert [1, 3, 3, 1, 3] == repeats
    reasons = [reason for part in prepared for reason in part.unparsed["reason"]]
    assert ["no_envelope", "no_envelope"] == reasons


def test_chunks_prepared_together_are_as_apart(tmp_path: Path) -> None:
    """The lines before each of several chunks are left out of what that chunk comes to."""
    (tmp_path / "auth.log").write_text(TEXT)
    every = [*chunks("replayed", tmp_path, 300)]
    settings = (PACKS, SourceFormat("auth"), ENRICHER, timedelta(days=400))
    apart = [part for chunk in every for part in prepare([chunk], *settings)]
    together = prepare(every, *settings)
    assert [part.events.height for part in apart] == [part.events.height for part in together]
    assert [part.positions.tolist() for part in apart] == [part.positions.tolist() for part in together]
    assert [part.unparsed.rows() for part in apart] == [part.unparsed.rows() for part in together]
