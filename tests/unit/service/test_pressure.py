"""Holds the reader to fairness: a source of which very much waits holds up no other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from credwatch.pipeline.prepared import Counts
from credwatch.pipeline.report import BatchResult
from credwatch.service import reader as reading
from credwatch.service.reader import Reader
from credwatch.sources.file.source import FileOptions, FileSource
from scenarios.pipeline import NOW, a_pipeline, a_store, the_knowledge

LINE = b"2026-03-02T03:00:%02dZ srv1 sshd[1]: Accepted password for lan from 203.0.113.7 port 38066 ssh2\n"
_TURNS = 5


@pytest.mark.parametrize("files", [1, 40], ids=["one file", "many files"])
def test_a_fast_source_never_starves_a_slow_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Of a backlog of megabytes there is still most when the one line of another source, though later, is committed."""
    monkeypatch.setattr(reading, "_PATIENCE_SECONDS", 0.0)
    for number in range(files):
        (tmp_path / f"fast-{number}.log").write_bytes(LINE % 1 * (40_000 // files))
    (tmp_path / "slow.log").write_bytes(LINE % 59)
    reports: list[BatchResult] = []
    options = {name: FileOptions(name, (f"{tmp_path}/{name}*.log",), "start", polls=True) for name in ("fast", "slow")}
    openers = {name: partial(FileSource, it, clock=lambda: NOW, wake=lambda: None) for name, it in options.items()}
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(the_knowledge(tmp_path), database)
        one = Reader(pipeline, openers, database, batch_bytes=65_536, on_report=reports.append)
        for _ in range(_TURNS):
            one.turn()
        one.stop()
        one.run()
    lines = {name: sum(it.lines for it in _parts(reports, name)) for name in options}
    assert 1 == lines["slow"]
    assert 0 < lines["fast"] < 20_000


def _parts(reports: list[BatchResult], source: str) -> list[Counts]:
    return [part for report in reports for part in report.parts if part.source == source]
