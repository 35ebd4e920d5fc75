"""A real journal is collected as the daemon itself reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from credwatch.collect.buffer import Buffer
from credwatch.collect.gathering import LineGathering
from credwatch.collect.options import CollectorOptions
from credwatch.sources.options import JournalSourceOptions
from real.journals import REMOTE, Journals
from scenarios.daemon import await_
from unit.collect.kept import texts_of
from unit.sources.followed import NOW, Reader

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not Path(REMOTE).exists() or shutil.which("journalctl") is None,
        reason="needs systemd-journal-remote and journalctl of the Debian packages of these names",
    ),
]


def test_entries_are_collected_once_across_restarts(tmp_path: Path) -> None:
    """What a collector keeps, begun anew between, are the lines that the journal source gives."""
    journals = Journals(tmp_path)
    options = CollectorOptions(host="web1", state_directory=tmp_path)
    source = JournalSourceOptions(id="auth", kind="journal", read_from="start", directory=journals.folder)
    kept = b""
    for count in (5, 7):
        expected = kept.count(b"\n") + count
        journals.write("one", count)
        buffer = Buffer(tmp_path / "buffer.sqlite")
        gathering = LineGathering(options, (source,), buffer, lambda: NOW)

        def all_kept(gathering: LineGathering = gathering, buffer: Buffer = buffer, expected: int = expected) -> bool:
            gathering.turn()
            return texts_of(buffer).count(b"\n") >= expected

        await_(all_kept, what="the entries are kept")
        gathering.stop()
        gathering.run()
        kept = texts_of(buffer)
        buffer.close()
    reader = Reader(journals.source())
    await_(lambda: (reader.step(), len(reader.lines) >= 12)[1], what="the source gives them")
    reader.source.close()
    assert reader.lines == kept.splitlines()
