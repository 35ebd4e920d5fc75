"""What is found does not depend on how logs are grouped into files and sources, or on when they are read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from credwatch.parse.parse import SourceFormat
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.replay.replay import replay
from credwatch.service.reader import Reader
from credwatch.sources.file.source import FileOptions, FileSource
from credwatch.sources.interface import Cursor
from credwatch.store.database import Database
from credwatch.workflows.message import JOINT
from scenarios.lines import BEGIN
from scenarios.outcome import Outcome, outcome_of
from scenarios.pipeline import a_store, the_knowledge

HOSTS = 20
HOURS = 2
NOW = BEGIN + timedelta(days=3)
"""The logs are read long after they were written, so that even a stamp of hours ahead is one of the past."""


def two_hours_of_logs() -> dict[str, list[tuple[float, str]]]:
    """Write what twenty hosts log in two hours: logins, a break-in at each, and one scanner that goes over all."""
    chance = random.Random(20260302)
    logs: dict[str, list[tuple[float, str]]] = {}
    for number in range(HOSTS):
        host, lines = f"web{number:02}", []

        def say(seconds: float, outcome: str, user: str, address: str, host: str = host, lines=lines) -> None:
            moment = (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
            process = 1000 + len(lines)
            text = f"{outcome} password for {user} from {address} port 40022 ssh2"
            lines.append((seconds, f"{moment} {host} sshd[{process}]: {text}"))

        own = number / 1000  # no two hosts write at the same moment
        for _ in range(60):
            say(chance.randrange(HOURS * 3600) + own, "Accepted", f"clerk{number}", "198.51.100.4")
        begin = chance.randrange(HOURS * 3600 - 120)
        for guess in range(10):
            say(begin + guess * 2 + own, "Failed", f"chief{number}@haiau.example", f"203.0.113.{number}")
        say(begin + 30 + own, "Accepted", f"chief{number}@haiau.example", f"203.0.113.{number}")
        say(1800 + 5 * number + own, "Failed", "root", "192.0.2.99")
        logs[host] = sorted(lines)
    logs["web07"].insert(40, (0, logs["web07"][40][1].replace("T0", "T2", 1).replace("T1", "T2", 1)))
    return logs


def lines_of(logs: Mapping[str, list[tuple[float, str]]]) -> list[tuple[float, str, str]]:
    """Give every line with its host in the order in which they were written."""
    turns = []
    for host, lines in logs.items():
        latest = 0.0
        for seconds, line in lines:
            latest = max(latest, seconds)
            turns.append((latest, host, line))
    return sorted(turns, key=lambda turn: turn[0])


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Build what the daemon knows, whatever its sources are called."""
    known = the_knowledge(tmp_path_factory.mktemp("site"))
    names = [*(f"web{number:02}" for number in range(HOSTS)), "all", "replay"]
    return replace(known, formats={name: SourceFormat(name, "syslog") for name in names})


@contextmanager
def a_reader(
    knowledge: Knowledge, folder: Path, sources: Mapping[str, str], *, batch_bytes: int = 65_536
) -> Iterator[tuple[Reader, Database]]:
    """Build a reader of some sources by their globs, which nobody starts."""

    def opener(name: str, paths: str):
        def opened(cursors: Mapping[str, Cursor]) -> FileSource:
            options = FileOptions(name=name, paths=(paths,), start="start", grace_seconds=0)
            return FileSource(options, cursors, clock=lambda: NOW)

        return opened

    with a_store(folder / "store.sqlite") as database:
        pipeline = Pipeline(knowledge, database, lambda: NOW)
        openers = {name: opener(name, paths) for name, paths in sources.items()}
        yield Reader(pipeline, openers, database, batch_bytes=batch_bytes, on_report=lambda _report: None), database


def read_all(reader: Reader) -> None:
    """Have a reader take what there is."""
    while reader.turn():
        pass


def written(folder: Path, logs: Mapping[str, list[tuple[float, str]]]) -> Path:
    """Write each host's log into a file of its own."""
    folder.mkdir()
    for host, lines in logs.items():
        (folder / f"{host}.log").write_text("".join(f"{line}\n" for _, line in lines))
    return folder


def outcome(database: Database) -> tuple[object, ...]:
    """Tell what was found and who is told; whether an episode has ended yet depends on what came last."""
    whole: Outcome = outcome_of(database)
    detections = Counter(told._replace(closed=False) for told in whole.detections.elements())
    return detections, whole.incidents, whole.notices, whole.clocks


@pytest.fixture(scope="module")
def expected(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """Read the lines as one file, in the order in which they were written."""
    folder = tmp_path_factory.mktemp("one")
    path = folder / "all.log"
    path.write_text("".join(f"{line}\n" for _, _, line in lines_of(two_hours_of_logs())))
    with a_reader(knowledge, folder, {"all": str(path)}) as (reader, database):
        read_all(reader)
        return outcome(database)


def test_the_logs_lead_to_something(expected: tuple[object, ...]) -> None:
    """There is a break-in at each host."""
    _, incidents, notices, _ = expected
    assert HOSTS == sum(incident.kind == "own_break_in" for incident in incidents)
    assert len(notices) >= HOSTS


def test_one_source_of_many_files(knowledge: Knowledge, expected: tuple[object, ...], tmp_path: Path) -> None:
    """A backlog in twenty files under one glob is found as if it had been one file."""
    folder = written(tmp_path / "logs", two_hours_of_logs())
    with a_reader(knowledge, tmp_path, {"all": f"{folder}/*.log"}) as (reader, database):
        read_all(reader)
        assert expected == outcome(database)


def test_many_sources(knowledge: Knowledge, expected: tuple[object, ...], tmp_path: Path) -> None:
    """So is a backlog in twenty sources."""
    folder = written(tmp_path / "logs", two_hours_of_logs())
    sources = {path.stem: str(path) for path in folder.iterdir()}
    with a_reader(knowledge, tmp_path, sources) as (reader, database):
        read_all(reader)
        assert expected == outcome(database)


def test_a_new_start_for_every_turn(knowledge: Knowledge, expected: tuple[object, ...], tmp_path: Path) -> None:
    """So is a backlog of which only a part is committed, and the rest read again, over and over."""
    folder = written(tmp_path / "logs", two_hours_of_logs())
    for _ in range(1000):
        with a_reader(knowledge, tmp_path, {"all": f"{folder}/*.log"}, batch_bytes=4096) as (reader, database):
            took = reader.turn()
            result = outcome(database)
            lines = outcome_of(database).lines
        if not took:
            break
    assert (expected, len(lines_of(two_hours_of_logs()))) == (result, lines)


@pytest.mark.parametrize("sources", ["one", "many"])
def test_live(knowledge: Knowledge, expected: tuple[object, ...], tmp_path: Path, sources: str) -> None:
    """So are lines that come one minute after the other."""
    folder = written(tmp_path / "logs", dict.fromkeys(two_hours_of_logs(), ()))
    names = {path.stem: str(path) for path in folder.iterdir()} if sources == "many" else {"all": f"{folder}/*.log"}
    with a_reader(knowledge, tmp_path, names) as (reader, database):
        read_all(reader)
        turns = lines_of(two_hours_of_logs())
        for begin in range(0, len(turns), 15):
            for _, host, line in turns[begin : begin + 15]:
                with (folder / f"{host}.log").open("a") as file:
                    file.write(f"{line}\n")
            read_all(reader)
        assert expected == outcome(database)


def test_replay_of_files_that_ran_side_by_side(
    knowledge: Knowledge, expected: tuple[object, ...], tmp_path: Path
) -> None:
    """A replay merges them too, in whatever order they are named."""
    folder = written(tmp_path / "logs", two_hours_of_logs())
    names = sorted((str(path) for path in folder.iterdir()), reverse=True)
    replayed = replay(names, knowledge, lambda: NOW, batch_bytes=65_536)
    _, incidents, notices, _ = expected
    assert sorted(incident.number for incident in incidents) == sorted(it.number for it in replayed.incidents)
    alone = {command.id for command in replayed.commands if command.workflow in JOINT}
    assert alone
    assert alone <= {notice[0] for notice in notices}
