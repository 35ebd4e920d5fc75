"""Finds the rules and configuration that credwatch ships."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(folder: str) -> Path:
    """Return the shipped `rules` or `config` folder: inside an installed wheel, or at the top of a checkout."""
    packaged = _PACKAGE / "_shipped" / folder
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent / folder


def is_shipped(where: str) -> bool:
    """Say whether the place that a rule or a pack names lies in what credwatch ships, which no operator edits."""
    return Path(where).is_relative_to(shipped("rules"))
