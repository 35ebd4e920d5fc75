"""Holds the files of one source to being read as their paths say, though they are prepared together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credwatch.app.sources import format_of
from credwatch.checks.followable import source_problems, ways_of
from credwatch.enrich.enrich import Enricher
from credwatch.kernel.errors import ProblemsFound, Severity
from credwatch.kernel.options import validated
from credwatch.kernel.resources import shipped
from credwatch.pipeline.again import read_again
from credwatch.pipeline.preparing import prepare
from credwatch.rules.packs.packs import load_packs
from credwatch.sources.interface import Chunk
from credwatch.sources.options import FileSourceOptions
from credwatch.store.state.unparsed import UnparsedLine
from credwatch.world.register import Registers

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LINE = "Apr 28 13:11:39 web1 sshd[7]: Failed password for lan from 203.0.113.7 port 38066 ssh2"
ENRICHER = Enricher(Registers(), mfa_required_for={}, staff_profile="default")
PACKS = load_packs(shipped("rules") / "packs")


def _source(folder: str = "/logs", **table: object) -> FileSourceOptions:
    matches = [
        {"path": f"{folder}/hanoi-*/**", "time_zone": "Asia/Ho_Chi_Minh"},
        {"path": f"{folder}/*/app/*.log", "format": "json"},
        {"path": f"{folder}/hanoi-1/x.log", "time_zone": "Europe/Berlin"},
    ]
    raw = {"id": "branches", "paths": [f"{folder}/**/*.log"], "match": matches} | table
    return validated(raw, FileSourceOptions, where="settings")


def _chunk(file: str) -> Chunk:
    return Chunk("branches", file, f"{LINE}\n".encode(), 0, {}, NOW, NOW, 0)


def test_each_file_has_the_zone_of_the_first_table_that_means_it() -> None:
    """Chunks that are prepared together come back in their order, each in the zone and the format of its path."""
    files = ["/logs/a.log", "/logs/hanoi-1/x.log", "/logs/hue/app/x.log", "/logs/b.log", "/logs/hanoi-2/app/y.log"]
    prepared = prepare([*map(_chunk, files)], PACKS, format_of(_source()), ENRICHER, timedelta(minutes=5))
    assert files == [it.chunk.file for it in prepared]
    hours = [it.events["@timestamp"][0].hour if it.events.height else None for it in prepared]
    assert [13, 6, None, 13, 6] == hours
    assert ["not_json"] == prepared[2].unparsed["reason"].to_list()


def test_kept_lines_are_read_again_as_their_paths_say() -> None:
    """A pack that comes later reads a kept line in the zone of its file."""
    kept = [
        UnparsedLine(number, "branches", file, 90, NOW, "unknown_message", LINE)
        for number, file in enumerate(["/logs/a.log", "/logs/hanoi-1/x.log"])
    ]
    events = read_again(kept, PACKS, {"branches": format_of(_source())}).events
    assert {"/logs/a.log": 13, "/logs/hanoi-1/x.log": 6} == {
        file: when.hour for file, when in events.select("file", "@timestamp").rows()
    }


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"path": "/x/*", "timezone": "UTC"}, "unknown key"),
        ({"path": "/x/*"}, "it says nothing of the files"),
        ({"path": "x/*", "time_zone": "UTC"}, "is not absolute"),
        ({"path": "/x/*", "time_zone": "Hanoi"}, "unknown time zone"),
        ({"path": "/x/*", "format": "csv"}, "'auto', 'syslog' or 'json'"),
        ({"time_zone": "UTC"}, "this key is missing"),
    ],
)
def test_a_wrong_table_is_refused(match: dict[str, str], said: str) -> None:
    """What is misspelled, empty, relative or unknown is named with its key."""
    with pytest.raises(ProblemsFound) as refused:
        _source(match=[match])
    (problem,) = refused.value.problems
    assert "match.0" in problem.where
    assert said in problem.message


def test_check_says_what_comes_to_which_table(tmp_path: Path) -> None:
    """Each table is listed with how many files come to it, and one that stands behind another in vain is a warning."""
    for file in ("a.log", "hanoi-1/x.log", "hue/app/x.log"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    source = _source(str(tmp_path))
    assert [
        f"{tmp_path}/hanoi-*/**: format auto, time zone Asia/Ho_Chi_Minh, files now 1",
        f"{tmp_path}/*/app/*.log: format json, time zone UTC, files now 1",
        f"{tmp_path}/hanoi-1/x.log: format auto, time zone Europe/Berlin, files now 0",
        "all others: format auto, time zone UTC, files now 1",
    ] == ways_of(source)
    (problem,) = source_problems([source])
    assert ("source branches: match.2", Severity.WARNING) == (problem.where, problem.severity)
