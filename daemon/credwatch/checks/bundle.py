"""Makes the support bundle: what a stranger may read of an installation, and nothing about people or secrets.

Of the settings it has numbers, switches and words of a closed list; of every other text whether it is set. Sources are
numbered. In findings every text of settings and registers, all quoted words, addresses, names of files, times and
numbers are left out.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from credwatch.app.settings import Settings
from credwatch.authoring.shapes import masked_text
from credwatch.kernel.errors import ConfigurationError, Problem
from credwatch.kernel.folders import files_below

_WORDS = frozenset(
    {"role", "log_format", "kind", "format", "read_from", "security", "time_zone", "digest_at", "language"}
)
"""Settings whose words are of a closed list, or of no person."""
_LIBRARIES = ("credwatch", "polars", "sqlalchemy", "pydantic", "msgspec")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”")
_SHORTEST = 3
_SET = "(set)"


def bundle_of(
    settings: Settings | None, problems: Sequence[Problem], standing: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the bundle as JSON values; `standing` is what `credwatch status --json` says, None where there is none."""
    private = sorted(_private(settings), key=len, reverse=True) if settings else []
    return {
        "versions": {name: version(name) for name in _LIBRARIES}
        | {"python": platform.python_version(), "kernel": platform.release(), "machine": platform.machine()},
        "distribution": _distribution(),
        "findings": [
            {
                "severity": problem.severity.value,
                "where": _redacted(problem.where, private),
                "message": _redacted(problem.message, private),
            }
            for problem in problems
        ],
        "settings": _shown(settings) if settings else None,
        "standing": _standing(standing) if standing else None,
    }


def write_bundle(bundle: Mapping[str, Any], file: Path) -> None:
    """Write a bundle to a new file that its owner alone may read; raises ConfigurationError."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        hint = "name a file that does not exist, in a folder you may write to"
        raise ConfigurationError(f"cannot be made: {error.strerror}", where=str(file), hint=hint) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(bundle, stream, indent=2, ensure_ascii=False)
        stream.write("\n")


def _distribution() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _shown(value: Any, name: str = "") -> Any:
    """Show of a setting what is of no person: numbers, switches, spans, and words of a closed list."""
    match value:
        case BaseModel():
            return {field: _shown(getattr(value, field), field) for field in type(value).model_fields}
        case bool() | int() | float() | None:
            return value
        case timedelta():
            return value.total_seconds()
        case str() if name in _WORDS:
            return value
        case tuple() | list() if all(isinstance(part, BaseModel) for part in value):
            return [_shown(part) for part in value]
        case tuple() | list() | dict() | set() | frozenset():
            return f"({len(value)})"
        case _:
            return _SET if value else ""


def _private(settings: Settings) -> Iterator[str]:
    """Give every text that people wrote into settings and registers."""
    yield from _texts(settings.model_dump(mode="json"))
    for file in files_below(settings.daemon.registers_directory, (".toml",)):
        with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):  # what is wrong with it is told already
            yield from _texts(tomllib.loads(file.read_text(encoding="utf-8-sig")))


def _texts(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case str() if len(value) >= _SHORTEST and name not in _WORDS:
            yield value
        case dict():
            for key, part in value.items():
                yield from _texts(part, key)
        case list():
            for part in value:
                yield from _texts(part, name)


def _redacted(text: str, private: Iterable[str]) -> str:
    for word in private:
        text = text.replace(word, "…")
    return masked_text(_QUOTED.sub("'…'", text))


def _standing(standing: Mapping[str, Any]) -> dict[str, Any]:
    """Show how things stand, sources by number."""
    numbers = {source["id"]: f"source {at}" for at, source in enumerate(standing["sources"], 1)}
    kept = ("alive_at", "backed_up_at", "clocks", "messages")
    return {name: standing[name] for name in kept} | {
        "blind": [
            it | {"source": numbers.get(it["source"], "" if not it["source"] else "gone")} for it in standing["blind"]
        ],
        "sources": [source | {"id": numbers[source["id"]]} for source in standing["sources"]],
        "open_incidents": sum(standing["incidents"].values()),
    }
