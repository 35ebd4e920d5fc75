"""What the fallback cannot do is told before it is needed."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import pytest

from credwatch.checks import ways
from credwatch.checks.ways import way_problems
from credwatch.outbox.options import FallbackOptions


@pytest.mark.parametrize(
    ("groups", "privileges", "warned"),
    [(["tty"], "1", False), ([], "1", True), ([], "0", False)],
)
def test_terminals_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: list[str], privileges: str, warned: bool
) -> None:
    """`wall` within a unit that lets no program gain privileges needs the group of the terminals."""
    status = tmp_path / "status"
    status.write_text(f"Name:\tcredwatch\nNoNewPrivs:\t{privileges}\n")
    monkeypatch.setattr(ways, "_STATUS", status)
    monkeypatch.setattr(os, "geteuid", lambda: 999)
    monkeypatch.setattr(os, "getegid", lambda: 999)
    monkeypatch.setattr(os, "getgroups", lambda: [grp.getgrnam(name).gr_gid for name in groups])
    assert warned == ("outbox.fallback.wall" in {problem.where for problem in way_problems(FallbackOptions(wall=True))})


def test_a_program_that_is_not_there() -> None:
    """It is named."""
    (problem,) = way_problems(FallbackOptions(command=("no-such-program-at-all",)))
    assert ("outbox.fallback", "no-such-program-at-all cannot be run") == (problem.where, problem.message)
