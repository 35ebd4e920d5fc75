"""`credwatch check` asks services and databases, and says what keeps each from being asked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from credwatch.checks.pulled import pulled_problems, secret_problems
from credwatch.kernel.errors import Severity
from rest_services import TOKEN, OktaServer, a_service, okta_event
from unit.sources.rest.presets_served import OKTA, PRESETS, Served, rest_options
from unit.sources.sql.tables import SqliteTable, logins, sql_options


@pytest.mark.parametrize("served", PRESETS, ids=lambda served: served.preset)
def test_a_service_that_answers_is_no_problem(served: Served, tmp_path: Path) -> None:
    """One page is asked for, of the present alone."""
    with a_service(served.server) as server:
        server.add(served.event(1, time.time() - 5))
        assert [] == pulled_problems([rest_options(served, server, tmp_path)])
        assert 1 == len([asked for asked in server.asked if asked.path == "/log"])


def test_what_keeps_each_from_being_asked_is_told(tmp_path: Path) -> None:
    """A wrong token and a table that is gone are faults, a service that is busy is a warning; each names its source."""
    table = SqliteTable(tmp_path)
    table.run(logins(1))
    good = sql_options(table)
    gone = sql_options(table, "SELECT id FROM away WHERE id > :cursor ORDER BY id", id="gone")
    nowhere = good.model_copy(update={"id": "nowhere", "url": f"sqlite:///{tmp_path}/away.sqlite"})
    with a_service(OktaServer) as wrong, a_service(OktaServer) as busy:
        wrong.token = "another"
        busy.refuse(429, Retry_After="60")
        busy.add(okta_event(1, time.time()))
        services = [
            rest_options(OKTA, server, tmp_path, id=name) for name, server in (("wrong", wrong), ("busy", busy))
        ]
        problems = pulled_problems([*services, good, gone, nowhere])
    told = {problem.where: problem.severity for problem in problems}
    fault = Severity.FAULT
    assert {
        "source wrong": fault, "source busy": Severity.WARNING, "source gone": fault, "source nowhere": fault,
    } == told  # fmt: skip
    assert all(problem.hint for problem in problems)
    assert TOKEN not in str(problems)
    assert not (tmp_path / "away.sqlite").exists()


def test_a_secret_that_is_missing_is_told_without_asking(tmp_path: Path) -> None:
    """Where the file of a token is not there, that is told with the source, and the service is not asked for it."""
    with a_service(OktaServer) as server:
        options = rest_options(OKTA, server, tmp_path)
        (tmp_path / "secret").unlink()
        (problem,) = secret_problems([options])
        assert ("source pulled", True) == (problem.where, "cannot be read" in problem.message)
        assert [] == pulled_problems([options])
        assert [] == server.asked
