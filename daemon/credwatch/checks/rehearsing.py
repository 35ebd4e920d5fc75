"""Finds what keeps the timetable from playing its rehearsal, or has every one of them fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from credwatch.app.settings import RehearsalOptions
from credwatch.kernel.errors import Problem, Severity, nearest
from credwatch.kernel.resources import shipped


def rehearsal_problems(options: RehearsalOptions) -> Iterator[Problem]:
    """Name a scenario that is not there, and warn where its letters would go nowhere."""
    name = options.scenario
    if not name:
        return
    names = sorted(path.stem for path in (shipped("config") / "rehearsals").glob("*.toml"))
    is_there = Path(name).is_file() if name.endswith(".toml") else name in names
    if not is_there:
        hint = nearest(name, names) or f"known are: {', '.join(names)}; or name a file, as in /etc/credwatch/own.toml"
        yield Problem("rehearsal.scenario", f"no scenario {name!r} is known", hint)
    if not options.address:
        text, hint = "letters of rehearsals go nowhere, so their clocks stay open", "name a mailbox that somebody reads"
        yield Problem("rehearsal.address", text, hint, Severity.WARNING)
