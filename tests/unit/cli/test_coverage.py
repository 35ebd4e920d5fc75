"""`credwatch coverage` names what no source here can feed, and says so by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.cli.output import ExitCode


def settings(folder: Path, sources: str) -> str:
    """Write settings with these sources and no registers."""
    path = folder / "credwatch.toml"
    path.write_text(f'[daemon]\nregisters_directory = "{folder}"\nstate_directory = "{folder}"\n{sources}')
    return str(path)


def test_a_journal_alone_leaves_gaps(tmp_path: Path) -> None:
    """What only products' own words tell has no source; each gap names its rules."""
    config = settings(tmp_path, '[[source]]\nid = "auth"\nkind = "journal"\n')
    done = CliRunner().invoke(app, ["coverage", "--config", config])
    assert ExitCode.NO == done.exit_code
    assert "✓ clause 8.2: " in done.stdout
    assert "✗ technique T1484.002: no source here feeds " in done.stdout


def test_files_of_any_format_leave_none(tmp_path: Path) -> None:
    """Each clause and technique has a rule that the file may feed."""
    config = settings(tmp_path, f'[[source]]\nid = "all"\npaths = ["{tmp_path}/*.log"]\n')
    done = CliRunner().invoke(app, ["coverage", "--json", "--config", config])
    told = json.loads(done.stdout)
    assert (ExitCode.DONE, 0) == (done.exit_code, told["gaps"])
    assert {"8.1", "8.2", "8.4"} == {subject["name"] for subject in told["covered"] if subject["kind"] == "clause"}


def test_clauses_alone_are_kept_by_a_journal(tmp_path: Path) -> None:
    """Whoever runs none of the products asks for the policy alone."""
    config = settings(tmp_path, '[[source]]\nid = "auth"\nkind = "journal"\n')
    done = CliRunner().invoke(app, ["coverage", "--clauses", "--config", config])
    assert (ExitCode.DONE, 3) == (done.exit_code, len(done.stdout.splitlines()))
