"""Runs `credwatch check` beside the start of the daemon, in a process of its own whose memory ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound, Severity


class FirstCheck:
    """A check that begins at once, while the caller loads what it needs, and is asked for its outcome later.

    Beside an operator's packs and templates it reads every sample and renders every notice, which the daemon would
    otherwise carry for life.
    It asks no mail server: the daemon starts where that is dead.
    """

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-P", "-m", "credwatch", "check", "--json", "--offline", "--config", str(config)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  # our own program

    def refuse_on_problems(self) -> list[Problem]:
        """Wait for the outcome and return faults and warnings, which keep nothing from starting.

        Raises ProblemsFound where there is an error, with the faults beside it, CredwatchError where nothing came out.
        """
        answer, _ = self._process.communicate()
        try:
            problems = [_problem(entry) for entry in json.loads(answer)["problems"]]
        except (ValueError, KeyError) as error:
            raise CredwatchError("the check gave no answer", where="credwatch check", hint="run it by hand") from error
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise ProblemsFound([problem for problem in problems if problem.severity is not Severity.WARNING])
        return problems


def _problem(entry: dict[str, Any]) -> Problem:
    return Problem(**{**entry, "severity": Severity(entry["severity"])})
