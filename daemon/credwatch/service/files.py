"""Which files decide what the daemon does, whose they are, and what became of them since they were last looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from credwatch.app.settings import Settings
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.world.staff_changes import Edit

_ENDINGS = {".toml", ".yml", ".yaml", ".json", ".j2", ".txt"}
_PROGRAM = "credwatch"
_UNREADABLE = "unreadable"


def digests(config: Path, settings: Settings) -> dict[str, str]:
    """Return the SHA-256 of the settings, each register, rule, pack and template of the operators, by path.

    What is shipped with the program changes with its version alone, which stands beside them.
    """
    daemon, lists = settings.daemon, settings.gate.blocklists
    folders = [*daemon.rules_directories, *daemon.packs_directories, daemon.templates_directory]
    files = {config, *daemon.registers_directory.glob("*.toml"), *lists}
    for folder in folders:
        files |= {path for path in folder.rglob("*") if path.suffix in _ENDINGS} if folder is not None else set()
    return {_PROGRAM: version("credwatch")} | {str(path.absolute()): _digest(path) for path in sorted(files)}


def changes(before: Mapping[str, str], after: Mapping[str, str], now: datetime) -> Iterator[Act]:
    """Say which files came, went and changed, from which digest to which, and whose each is."""
    for path in sorted({*before, *after}):
        was, is_now = before.get(path, ""), after.get(path, "")
        if was != is_now:
            details: dict[str, object] = {"file": path, "from": was, "to": is_now}
            yield Act(now, ActKind.FILE_CHANGED, _owner(path), details=details)


def edit_of(act: Act) -> Edit:
    """Say of a file what was done to it, from the act that the trail has."""
    file, before, after = (str(act.details[name]) for name in ("file", "from", "to"))
    return Edit(file, before, after, act.actor)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return _UNREADABLE


def _owner(path: str) -> str:
    """Name the owner of a file, or of the folder that it has gone from; the daemon where nobody can be named."""
    for place in (Path(path), Path(path).parent):
        try:
            return MACHINE if path == _PROGRAM else place.owner()
        except (OSError, KeyError):
            continue
    return MACHINE
