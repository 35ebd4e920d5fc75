"""Makes the most of a settings file with mistakes, so that what it names is checked in the same run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from credwatch.app.settings import Settings


def salvaged(config: Path) -> Settings | None:
    """Read settings with every key left out that is wrong, None where nothing is left to read.

    What is left out has its default; nothing is said of the mistakes, for `load_settings` names them.
    """
    try:
        raw = tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    while True:
        try:
            return Settings.model_validate(raw)
        except ValidationError as error:
            if not _left_out(raw, error.errors(include_input=False, include_url=False)[0]["loc"]):
                return None


def _left_out(raw: dict[str, Any], location: tuple[int | str, ...]) -> bool:
    """Delete what a mistake is about: the key, or the entry or table that lacks one; return whether there was any."""
    holder: Any = raw
    last: tuple[Any, int | str] | None = None
    for part in location:
        is_there = part in holder if isinstance(holder, dict) else isinstance(holder, list)
        if not is_there:
            continue  # the tag of a kind, which nobody has written; or the key itself is missing
        last = holder, part
        holder = holder[part]
    if last is None:
        # The mistake is between tables: names of sources that are equal, a profile for staff that is not there.
        return any([raw.pop(name, None) is not None for name in ("source", "staff_profile")])
    del last[0][last[1]]
    return True
