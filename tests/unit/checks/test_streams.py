"""`check` asks NATS servers, and a collector's --check too: what would not work is told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credwatch.checks.streams import stream_problems
from credwatch.collect.check import problems_of
from credwatch.collect.options import CollectOptions
from credwatch.kernel.errors import Severity
from nats_server import NatsServerProcess, a_nats_server
from unit.sources.nats.following import options


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServerProcess]:
    with a_nats_server(tmp_path / "nats") as running:
        running.make_stream()
        yield running


def collected(folder: Path, url: str, subject: str = "lines", path: str = "") -> CollectOptions:
    log = folder / "auth.log"
    log.touch()
    return CollectOptions.model_validate(
        {
            "collect": {"host": "web1", "state_directory": folder / "state"},
            "nats": {"servers": (url,), "subject": subject},
            "source": ({"id": "auth", "paths": (path or str(log),)},),
        }
    )


def test_a_stream_that_is_there_has_no_problem(server: NatsServerProcess, tmp_path: Path) -> None:
    """Nothing is told where all is well, at both ends."""
    assert [] == stream_problems([options(server.url)])
    assert [] == problems_of(collected(tmp_path, server.url))


def test_a_stream_that_is_missing_is_told(server: NatsServerProcess, tmp_path: Path) -> None:
    """The reader and the collector say which stream or subject nobody has, and how to make it."""
    (problem,) = stream_problems([options(server.url, stream="OTHER")])
    assert ("there is no stream OTHER", Severity.FAULT) == (problem.message, problem.severity)
    assert [] == stream_problems([options(server.url, stream="OTHER", make="stream", subjects=("o.>",))])
    (problem,) = problems_of(collected(tmp_path, server.url, subject="nobody"))
    assert "no stream takes nobody.web1" == problem.message
    assert problem.hint


def test_a_server_that_is_away_and_a_log_that_is_missing_are_told(tmp_path: Path) -> None:
    """A log that is not there yet is a warning; a server that does not answer is more."""
    problems = problems_of(collected(tmp_path, "nats://127.0.0.1:1", path=str(tmp_path / "missing.log")))
    assert [Severity.WARNING, Severity.FAULT] == [problem.severity for problem in problems]
    (problem,) = stream_problems([options("nats://127.0.0.1:1")])
    assert "no NATS server answers" in problem.message
