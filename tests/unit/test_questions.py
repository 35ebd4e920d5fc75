"""The questions of CONTRIBUTING.md: each names a file that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ANSWERS = re.findall(r"^\| (.+\?) \| `(.+)` \|$", TEXT, re.M)


def test_there_are_twenty_questions() -> None:
    """A newcomer finds an answer to at least twenty, and no two have the same file."""
    files = [file for _, file in ANSWERS]
    assert len(files) >= 20
    assert sorted(set(files)) == sorted(files)


@pytest.mark.parametrize(("question", "file"), ANSWERS)
def test_an_answer_is_a_file(question: str, file: str) -> None:
    """Each answer is a file of the package, or one beside it."""
    assert (ROOT / "daemon" / "credwatch" / file).is_file() or (ROOT / file).is_file(), question


def test_no_two_classes_share_a_name() -> None:
    """One noun has one owner in the whole package."""
    owners: dict[str, list[str]] = {}
    for path in (ROOT / "daemon" / "credwatch").rglob("*.py"):
        for name in re.findall(r"^ *class (\w+)", path.read_text(encoding="utf-8"), re.M):
            owners.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {} == {name: paths for name, paths in owners.items() if len(paths) > 1}
