"""The same lines lead to the same incidents and notices, however a source cuts them into chunks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from credwatch.pipeline.pipeline import Knowledge
from credwatch.store.database import Database
from properties.budget import examples
from scenarios.lines import app, ssh, staff_access
from scenarios.outcome import Outcome, outcome_of
from scenarios.pipeline import a_pipeline, a_store, chunks_of, take, the_knowledge

USERS = ("quocbao", "ke.toan@haiau.example", "x@blueharbor.example")
ADDRESSES = ("203.0.113.7", "203.0.113.8")
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""No shrinking: an example takes a third of a second."""


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Build what the daemon knows."""
    return the_knowledge(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store once, to be copied: its migrations take longer than an example."""
    path = tmp_path_factory.mktemp("store") / "empty.sqlite"
    with a_store(path) as database:
        database.tidy()
    return path


@st.composite
def logs(draw: st.DrawFn, *, late_by: tuple[int, ...]) -> list[bytes]:
    """Draw bursts of logins, staff access and noise, some lines late by so many seconds, with their newlines."""
    lines: list[str] = []
    now = 0.0
    for number in range(draw(st.integers(1, 6))):
        user, address = draw(st.sampled_from(USERS)), draw(st.sampled_from(ADDRESSES))
        pace = draw(st.sampled_from((0.5, 5, 40)))
        for _ in range(draw(st.integers(1, 12))):
            now += pace
            seconds = max(0.0, now - draw(st.sampled_from(late_by)))
            lines.append(ssh(seconds, "Failed", user, address, process=1000 + len(lines)))
        match draw(st.sampled_from(("in", "app", "staff", "order", "noise", "nothing"))):
            case "in":
                lines.append(ssh(now, "Accepted", user, address, process=1000 + len(lines)))
            case "app":
                lines.append(app(now, "login", "success", user, "hai-au", address))
            case "staff":
                lines.append(staff_access(now, "minh", f"u{number}@haiau.example", "hai-au"))
            case "order":
                lines.append(staff_access(now, "thao", USERS[1], "hai-au"))
            case "noise":
                lines.append(f"no pack knows {user}")
        now += draw(st.sampled_from((1, 30, 200, 700, 4000)))
    return [f"{line}\n".encode() for line in lines]


def _outcome(pieces: Sequence[bytes], knowledge: Knowledge, empty_store: Path) -> Outcome:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        shutil.copy(empty_store, path)
        database = Database(path, durable=False)
        try:
            pipeline = a_pipeline(knowledge, database)
            for chunk in chunks_of(pieces):
                take(pipeline, chunk)
            return outcome_of(database)
        finally:
            database.close()


@st.composite
def splits(draw: st.DrawFn, *, late_by: tuple[int, ...]) -> tuple[list[bytes], list[bytes]]:
    """Draw the same lines as one chunk and as several."""
    lines = draw(logs(late_by=late_by))
    cuts = sorted(draw(st.sets(st.integers(1, len(lines)), max_size=8)))
    pairs = pairwise([0, *cuts, len(lines)])
    return [b"".join(lines)], [b"".join(lines[begin:end]) for begin, end in pairs if begin < end]


def test_any_split_gives_the_same(knowledge: Knowledge, empty_store: Path) -> None:
    """Detections, incidents, notices, clocks and unread lines of any chunks equal those of a single one."""

    @settings(max_examples=examples(12), phases=PHASES)
    @given(splits(late_by=(0,)))
    def holds(split: tuple[list[bytes], list[bytes]]) -> None:
        whole, pieces = split
        assert _outcome(whole, knowledge, empty_store) == _outcome(pieces, knowledge, empty_store)

    holds()


def test_any_split_of_late_lines_finds_the_same(knowledge: Knowledge, empty_store: Path) -> None:
    """Late lines, within the lateness, lead to the same episodes, and to incidents about the same by the same rules.

    A detection is told as soon as it is complete, and its record corrected by what comes later. What it told then
    stays: its id, and the customer of the event that had completed it.
    """

    @settings(max_examples=examples(12), phases=PHASES)
    @given(splits(late_by=(0, 0, 0, 4, 8)))
    def holds(split: tuple[list[bytes], list[bytes]]) -> None:
        whole, pieces = (_outcome(each, knowledge, empty_store) for each in split)
        assert _lasting(whole) == _lasting(pieces)
        assert _findings(whole) == _findings(pieces)

    holds()


def _lasting(outcome: Outcome) -> Counter[tuple[str, int, int, int]]:
    """Count the episodes by rule, opening, number of events and last event; withdrawn ones are none."""
    told = (detection for detection in outcome.detections.elements() if detection.count)
    return Counter((each.rule_id, each.opened, each.count, each.last) for each in told)


def _findings(outcome: Outcome) -> set[tuple[str, str, str]]:
    return {(each.kind, each.subject, rule) for each in outcome.incidents for rule in each.rules}
