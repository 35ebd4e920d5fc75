"""Finds the files that say what the daemon does, or hold a secret, and that others may write or read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from credwatch.app.settings import Settings
from credwatch.app.sources import configured_sources
from credwatch.kernel.errors import Problem, Severity
from credwatch.kernel.folders import files_below
from credwatch.sources.options import pulled_among
from credwatch.sources.outgoing import secret_path

_OTHERS_WRITE = stat.S_IWOTH
_OTHERS_READ = stat.S_IROTH


def permission_problems(config: Path, settings: Settings) -> Iterator[Problem]:
    """Warn of settings, registers, rules, packs and templates that anybody may change, and of secrets anybody may read.

    Whoever may write a rule decides what is found. A file that belongs to another account than root and the one that
    asks counts as one that others may write.
    """
    for path in _governing(config, settings):
        yield from _writable(path)
    for path in _secrets(settings):
        yield from _writable(path)
        if _mode(path) & _OTHERS_READ:
            yield _warning(path, "holds a secret, and every account of this machine may read it", f"chmod o-r {path}")


def _governing(config: Path, settings: Settings) -> Iterator[Path]:
    yield config
    daemon = settings.daemon
    folders = [daemon.registers_directory, *daemon.rules_directories, *daemon.packs_directories]
    for folder in [*folders, *([daemon.templates_directory] if daemon.templates_directory else [])]:
        yield folder
        if folder.is_dir():
            yield from files_below(folder, (".toml", ".yml", ".yaml", ".j2"))


def _secrets(settings: Settings) -> Iterator[Path]:
    email = settings.outbox.email
    if email.password_file is not None:
        yield email.password_file
    if settings.inbox.imap is not None:
        yield secret_path(settings.inbox.imap.password_file)
    for source in pulled_among(configured_sources(settings)):
        if source.secret_file is not None:
            yield source.secret_file
    for options, key in _others(settings):
        path = getattr(options, key, None)
        if path is not None:
            yield path


def _others(settings: Settings) -> Iterator[tuple[object, str]]:
    """Give what may name a file with a secret, and by which key: each kind has the key or has it not."""
    yield from ((source, "password_file") for source in settings.posture.source)
    yield from ((channel, "secret_file") for channel in settings.enforcement.channel)


def _writable(path: Path) -> Iterator[Problem]:
    if _mode(path) & _OTHERS_WRITE:
        yield _warning(path, "every account of this machine may change it", f"chmod o-w {path}")
    with suppress(OSError):
        owner = path.stat().st_uid
        if owner not in (0, os.geteuid()):
            yield _warning(
                path, f"belongs to the account with the number {owner}, which may change it", "chown it to root"
            )


def _mode(path: Path) -> int:
    with suppress(OSError):  # what is missing or closed to us is told by whoever reads it
        return path.stat().st_mode
    return 0


def _warning(path: Path, message: str, hint: str) -> Problem:
    return Problem(str(path), message, hint, Severity.WARNING)
