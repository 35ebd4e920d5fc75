"""Paths of sources that cannot be followed are named, each for its own reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credwatch.checks.followable import source_problems
from credwatch.kernel.errors import Problem, Severity
from credwatch.sources.options import FileSourceOptions


def _problems(*paths: Path) -> list[Problem]:
    source = FileSourceOptions(id="servers", paths=tuple(map(str, paths)))
    return list(source_problems([source]))


def test_logs_and_links_to_them_are_fine(tmp_path: Path) -> None:
    """Files, links to files, and globs that match some beside folders have no problem."""
    (tmp_path / "auth.log").touch()
    (tmp_path / "link.log").symlink_to(tmp_path / "auth.log")
    (tmp_path / "old.log").mkdir()
    assert [] == _problems(tmp_path / "auth.log", tmp_path / "link.log", tmp_path / "*.log")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.log", "does not exist"),
        ("dangling.log", "gone.log, which does not exist"),
        ("folder", "is a folder"),
        ("pipe", "no regular file"),
        ("pip*", "no regular file"),
        ("wide.log", "is UTF-16"),
    ],
)
def test_what_is_no_log_is_named(tmp_path: Path, name: str, said: str) -> None:
    """What is missing, leads nowhere, or is no file of lines is a fault with what to do."""
    (tmp_path / "dangling.log").symlink_to(tmp_path / "gone.log")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "wide.log").write_text("Apr 28 13:11:39 web1 sshd[7]: x\n", encoding="utf-16")
    (problem,) = _problems(tmp_path / name)
    assert (Severity.FAULT, "source servers: paths") == (problem.severity, problem.where)
    assert said in problem.message
    assert problem.hint


def test_one_file_by_two_names_is_a_warning(tmp_path: Path) -> None:
    """Hard links in one glob are named: the file is read once."""
    (tmp_path / "a.log").touch()
    (tmp_path / "b.log").hardlink_to(tmp_path / "a.log")
    (problem,) = _problems(tmp_path / "*.log")
    assert Severity.WARNING is problem.severity
    assert f"{tmp_path}/b.log and {tmp_path}/a.log are one file by two names, which is read once" == problem.message


def test_a_glob_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    """Its files may come later, but its spelling is worth a look."""
    (problem,) = _problems(tmp_path / "*.log")
    assert Severity.WARNING is problem.severity
    assert f"no file matches {tmp_path}/*.log" == problem.message
