"""Holds sources to naming each file once, however it is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.app.sharing import refuse_shared_files, shared_files
from credwatch.kernel.errors import ProblemsFound
from credwatch.sources.options import FileSourceOptions


def _sources(*paths: Path) -> list[FileSourceOptions]:
    return [FileSourceOptions(id=f"source-{number}", paths=(str(path),)) for number, path in enumerate(paths)]


def _link(log: Path) -> Path:
    link = log.with_name("link.log")
    link.symlink_to(log)
    return link


def _hard_link(log: Path) -> Path:
    link = log.with_name("hard.log")
    os.link(log, link)
    return link


def _through_a_linked_folder(log: Path) -> Path:
    folder = log.parent.parent / "linked"
    folder.symlink_to(log.parent)
    return folder / log.name


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "auth.log"
    path.write_text("one\n")
    return path


@pytest.mark.parametrize(
    "name",
    [lambda log: log, _link, _hard_link, _through_a_linked_folder, lambda log: log.parent / ".." / "logs" / "auth.log",
     lambda log: log.with_name("a*.log")],
    ids=["path", "link", "hard link", "linked folder", "detour", "glob"],
)  # fmt: skip
def test_one_file_of_two_sources_is_refused(log: Path, name: Callable[[Path], Path]) -> None:
    """Whatever it is called, the error names both sources and the file."""
    with pytest.raises(ProblemsFound, match=r"source-1: paths: .* is read by source source-0 too") as caught:
        refuse_shared_files(_sources(log, name(log)))
    assert str(log.parent) in str(caught.value) or "linked" in str(caught.value)


def test_globs_that_overlap_are_refused(log: Path) -> None:
    """A file that both match is found."""
    assert 1 == len(shared_files(_sources(log.with_name("a*"), log.with_name("*.log"))))


def test_files_that_are_not_there_yet_are_refused_too(tmp_path: Path) -> None:
    """One path twice, one glob twice, and a path that a glob will match."""
    log = tmp_path / "app.log"
    for other in (log, tmp_path / "*.log"):
        assert 1 == len(shared_files(_sources(other, log)))
    assert 1 == len(shared_files(_sources(tmp_path / "*.log", tmp_path / "*.log")))


def test_other_files_are_not_shared(log: Path) -> None:
    """Rotated files beside a log, and logs of one content, are nobody's business."""
    log.with_name("app.log").write_text("one\n")
    log.with_name("auth.log.1").write_text("one\n")
    assert [] == shared_files(_sources(log.with_name("au*"), log.with_name("app.log")))
