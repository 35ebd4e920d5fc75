"""Tells whether a path is one that a glob with `**` means, without a look at the disk."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def is_meant(path: str, pattern: str) -> bool:
    """Tell whether a pattern means a path: `*`, `?` and `[…]` within a folder, `**` for any depth of folders."""
    return _fits(path.split("/"), pattern.split("/"))


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    # Row by row as for an edit distance: of n names and m parts n·m pairs are looked at, whatever the pattern is.
    reached = [True, *(False for _ in path)]
    for part in pattern:
        if part == "**":
            first = reached.index(True) if True in reached else len(reached)
            reached = [at >= first for at in range(len(reached))]
        else:
            steps = (here and fnmatchcase(name, part) for here, name in zip(reached, path, strict=False))
            reached = [False, *steps]
    return reached[-1]
