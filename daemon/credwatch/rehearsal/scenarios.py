"""Scenarios as data: the lines of a made-up breach, what must come of them, and what people would have to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field

from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.kernel.options import Options, read_toml
from credwatch.kernel.resources import shipped
from credwatch.world.entries import Id, Name

_EARLIER = timedelta(seconds=30)
"""A scenario is read at once, so all that it tells of lies within so long before."""


class ScriptedLines(Options):
    """One `[[lines]]`: like events, one after the other."""

    times: int = Field(default=1, ge=1, le=200)
    """How often it comes; `@N@` in a text is its number, from 1."""
    event: dict[str, str | bool]
    """The fields, as an application writes them (docs/application-events.md); the time is put in."""


class Scenario(Options):
    """One file of `config/rehearsals`, or of the operator's own."""

    id: Id
    """Its id: the name of the file."""
    title: Name
    """What happens, in a sentence."""
    incident: Name
    """The kind of incident that must come of it."""
    lines: tuple[ScriptedLines, ...] = Field(min_length=1)
    """Its lines, in their order."""
    answers: dict[str, str] = Field(default_factory=dict)
    """What an officer would find out and answer to the questions of forms, by the id of the question."""

    def written(self, now: datetime) -> Iterator[str]:
        """Give its lines, the last of them at the present moment."""
        count = sum(script.times for script in self.lines)
        at, step = now - _EARLIER, _EARLIER / count
        for script in self.lines:
            for number in range(1, script.times + 1):
                at += step
                event = {name: _filled(value, number) for name, value in script.event.items()}
                stamp = at.isoformat(timespec="milliseconds")
                yield json.dumps({"schema": "credwatch-app/1", "@timestamp": stamp, **event}, ensure_ascii=False)


def scenarios() -> tuple[Scenario, ...]:
    """Read the shipped scenarios, by name."""
    return tuple(_read(path) for path in sorted((shipped("config") / "rehearsals").glob("*.toml")))


def scenario_named(name: str) -> Scenario:
    """Return a shipped scenario, or read that of a file; raises ConfigurationError or ProblemsFound."""
    if name.endswith(".toml"):
        return _read(Path(name))
    by_id = {scenario.id: scenario for scenario in scenarios()}
    if name not in by_id:
        hint = nearest(name, by_id) or f"known are: {', '.join(by_id)}; or name a file, as in ./own.toml"
        raise ConfigurationError(f"no scenario {name!r} is known", where="SCENARIO", hint=hint)
    return by_id[name]


def _read(path: Path) -> Scenario:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path), hint="name a file in UTF-8") from error
    return read_toml(text, Scenario, where=str(path))


def _filled(value: str | bool, number: int) -> str | bool:
    return value.replace("@N@", str(number)) if isinstance(value, str) else value
