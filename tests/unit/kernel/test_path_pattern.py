"""Holds patterns of paths to meaning what a glob finds."""

from __future__ import annotations

import glob
import time
from pathlib import Path

import pytest

from credwatch.kernel.path_pattern import is_meant

FILES = ("a.log", "hanoi-1/a.log", "hanoi-1/app/b.log", "hanoi-2/app/deep/c.json", "hue/[x].log", "hue/a b.log")


@pytest.mark.parametrize(
    "pattern",
    [
        "*.log",
        "**/*.log",
        "hanoi-*/**/*",
        "hanoi-?/app/*.log",
        "**/app/**/*.json",
        "hue/[[]x].log",
        "*/[!a]*.log",
        "none/**",
    ],
)
def test_a_pattern_means_what_its_glob_finds(tmp_path: Path, pattern: str) -> None:
    """Of files on a disk those are meant, and no others, that the same glob lists."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    whole = f"{tmp_path}/{pattern}"
    listed = {path for path in glob.glob(whole, recursive=True) if Path(path).is_file()}  # noqa: PTH207
    assert listed == {path for file in FILES if is_meant(path := f"{tmp_path}/{file}", whole)}


def test_what_ends_with_any_depth_means_all_below() -> None:
    """`/**` at the end means every file below, however deep."""
    assert is_meant("/logs/hanoi-1/a.log", "/logs/hanoi-*/**")
    assert is_meant("/logs/hanoi-1/x/y/a.log", "/logs/hanoi-*/**")
    assert not is_meant("/logs/hue/a.log", "/logs/hanoi-*/**")


def test_many_stars_cost_little() -> None:
    """A pattern with twenty `**` is held against a deep path at once."""
    began = time.process_time()
    assert not is_meant("/a" * 200 + "/x", "/**/a" * 20 + "/y")
    assert time.process_time() - began < 5
