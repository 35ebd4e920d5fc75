"""Finds what has nothing in it although the job needs it: logs to follow, customers to tell, operators to hear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from credwatch.app.settings import Settings
from credwatch.kernel.errors import Problem, Severity
from credwatch.pipeline.pipeline import Knowledge


def emptiness_problems(settings: Settings, knowledge: Knowledge, problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield each thing that is empty; where `found` names a mistake in it already, that explains the emptiness."""
    for key, problem in _empty(settings, knowledge):
        if not any(key in other.where for other in problems):
            yield problem


def _empty(settings: Settings, knowledge: Knowledge) -> Iterator[tuple[str, Problem]]:
    if not settings.source:
        hint = 'add a table [[source]] with an id and kind = "machine" (docs/sources.md)'
        problem = Problem("source", "no log is followed: nothing can be detected", hint, Severity.FAULT)
        yield ": source", problem
    if not settings.operators.addresses:
        problem = Problem("operators.addresses", "nobody is there to hear of escalations", 'add addresses = ["…"]')
        yield ": operators", problem
    if settings.daemon.role == "provider" and not knowledge.facts.recipients:
        path = settings.daemon.registers_directory / "customers.toml"
        message = "there is no customer in it" if path.exists() else "there is no register of customers"
        hint = "add a table [[customer]] (docs/registers.md)" if path.exists() else "write it (docs/registers.md)"
        yield str(path), Problem(str(path), f"{message}: nobody is told of anything", hint, Severity.FAULT)
