"""Which files of a folder count: those that a person put there, by whatever link, and none that a program hides."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """List what has one of these suffixes in a folder and all below it, in the order of the names.

    Linked folders are gone into, each once. What begins with a dot is passed over: editors keep their locks and copies
    so, and Kubernetes the generations of a ConfigMap, to which the visible names are links.
    """
    paths: list[Path] = []
    visited: set[tuple[int, int]] = set()
    for at, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and _is_new(at, name, visited))
        shown = (name for name in (*folders, *files) if not name.startswith("."))
        paths += (Path(at, name) for name in shown if name.endswith(tuple(suffixes)))
    return sorted(paths)


def links_below(folder: Path) -> list[Path]:
    """List the links in a folder and all real folders below it, hidden ones too."""
    links = []
    for at, folders, files in os.walk(folder):
        links += [path for name in (*folders, *files) if os.path.islink(path := Path(at, name))]  # noqa: PTH114
    return links


def _is_new(at: str, name: str, visited: set[tuple[int, int]]) -> bool:
    """Note a folder, so that links in a circle end."""
    try:
        status = os.stat(os.path.join(at, name))  # noqa: PTH116, PTH118
    except OSError:
        return False
    identity = status.st_dev, status.st_ino
    is_new = identity not in visited
    visited.add(identity)
    return is_new
