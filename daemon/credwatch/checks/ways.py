"""Which of the other ways to reach people cannot work: the programs, the file and the terminals of the fallback."""

from __future__ import annotations

import grp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from credwatch.kernel.errors import Problem, Severity
from credwatch.outbox.options import FallbackOptions

_STATUS = Path("/proc/self/status")
_NO_NEW_PRIVILEGES = "NoNewPrivs:\t1"


def way_problems(fallback: FallbackOptions) -> Iterator[Problem]:
    """Warn of programs that are not there, of a file whose folder is not, and of terminals that cannot be written to.

    `run` goes on without them.
    """
    programs = [*fallback.command[:1], *(["wall"] if fallback.wall else [])]
    for program in programs:
        if shutil.which(program) is None:
            hint = "name it with its whole path, or install it"
            yield Problem("outbox.fallback", f"{program} cannot be run", hint, Severity.WARNING)
    if fallback.file is not None and not os.access(fallback.file.parent, os.W_OK | os.X_OK):
        hint = "create it for the daemon's user"
        yield Problem("outbox.fallback.file", f"{fallback.file.parent} cannot be written to", hint, Severity.WARNING)
    if fallback.wall and _is_kept_from_terminals():
        hint = "add tty to SupplementaryGroups= of the unit; wall itself does not say that nobody saw its message"
        yield Problem("outbox.fallback.wall", "wall would reach no terminal", hint, Severity.WARNING)


def _is_kept_from_terminals() -> bool:
    """Tell whether programs gain nothing by their setgid bit, which is how wall comes to the group of the terminals."""
    status = _STATUS.read_text() if _STATUS.exists() else ""
    if _NO_NEW_PRIVILEGES not in status or os.geteuid() == 0:
        return False
    try:
        return grp.getgrnam("tty").gr_gid not in {os.getegid(), *os.getgroups()}
    except KeyError:  # a system without that group guards its terminals otherwise
        return False
