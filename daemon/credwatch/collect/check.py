"""What `credwatch collect --check` looks at: all that a start would find wrong, and whether lines would be taken."""

from __future__ import annotations

import asyncio
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from credwatch.collect.destinations import destination_of
from credwatch.collect.options import CollectOptions
from credwatch.kernel.errors import ConfigurationError, CredwatchError, Problem, Severity
from credwatch.kernel.options import read_toml
from credwatch.sources.machine import placed
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, PlacedSource


def load_collect_options(path: Path) -> CollectOptions:
    """Read the settings; raises ConfigurationError or ProblemsFound."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        hint = "docs/sources.md has one to copy"
        raise ConfigurationError(f"cannot be read: {why}", where=str(path), hint=hint) from error
    return read_toml(text, CollectOptions, where=str(path))


def problems_of(options: CollectOptions) -> list[Problem]:
    """List what is wrong with the sources, the folder and the destination; connects to it."""
    problems = [problem for source in options.source for problem in _source_problems(placed(source))]
    problems += _folder_problems(options.collect.state_directory)
    try:
        asyncio.run(_reached(options))
    except CredwatchError as error:
        problems.append(Problem.of(error, Severity.FAULT))
    return problems


async def _reached(options: CollectOptions) -> None:
    destination = destination_of(options)
    async with destination.opened():
        await destination.asked()


def _folder_problems(folder: Path) -> Iterator[Problem]:
    nearest = next(it for it in (folder, *folder.parents) if it.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        hint = "let this user write there, or name another state_directory"
        yield Problem(where=f"collect.state_directory: {nearest}", message="cannot be written", hint=hint)


def _source_problems(source: PlacedSource) -> Iterator[Problem]:
    where = f"source {source.id}"
    if isinstance(source, JournalSourceOptions) and shutil.which("journalctl") is None:
        hint = 'install systemd, or follow files with kind = "file"'
        yield Problem(where=where, message="journalctl is missing", hint=hint, severity=Severity.FAULT)
    if not isinstance(source, FileSourceOptions):
        return
    for pattern in source.paths:
        paths = glob.glob(pattern, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
        if not paths:
            hint = "it is read once it comes; see that the path is right"
            yield Problem(where=f"{where}: {pattern}", message="is not there", hint=hint, severity=Severity.WARNING)
        for path in paths:
            if not os.access(path, os.R_OK):
                hint = "let this user read it, for instance by the group adm"
                yield Problem(where=f"{where}: {path}", message="cannot be read", hint=hint, severity=Severity.FAULT)
