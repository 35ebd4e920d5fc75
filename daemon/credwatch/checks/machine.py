"""Finds what is wrong with the machine around the daemon: its unit, its clock, its disk, its Linux-PAM."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from credwatch.app.lock import holder_of
from credwatch.app.settings import Settings
from credwatch.kernel.errors import Problem, Severity

UNIT = "credwatch.service"
_SECONDS = 10
_LEAST_BYTES = 1 << 30
_LEAST_SHARE = 0.05
_PAM = (1, 6)
"""Since this version pam_exec hands a new password to the program it runs (expose_authtok for `password`)."""
_SYSTEMD = Path("/run/systemd/system")

Ask = Callable[[Sequence[str]], str]
"""Runs a program and returns what it says; an empty text where it is not there, fails or does not answer."""


def ask(command: Sequence[str]) -> str:
    """Run a program of the machine, for ten seconds at most, and return what it says on stdout; never raises."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        ended = subprocess.run(  # noqa: S603  # our own words, and no shell
            [program, *command[1:]],
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout if ended.returncode == 0 else ""


def machine_problems(settings: Settings, ask: Ask = ask, systemd: Path = _SYSTEMD) -> Iterator[Problem]:
    """Yield what keeps the daemon from its work though its settings are good; `systemd` is there where systemd runs."""
    if systemd.is_dir():
        yield from _unit(ask)
        yield from _clock(ask)
    folder = settings.daemon.state_directory
    if folder.is_dir():
        if holder_of(folder) is None:
            hint = "systemctl start credwatch; journalctl -u credwatch says why it ended"
            yield Problem(str(folder), "no daemon runs on this state directory", hint, Severity.FAULT)
        yield from _disk(folder)
    if settings.gate.enabled:
        yield from _pam(ask)


def _unit(ask: Ask) -> Iterator[Problem]:
    names = ("LoadState", "UnitFileState", "ActiveState", "NRestarts")
    properties = ask(["systemctl", "show", UNIT, *(f"--property={name}" for name in names)])
    state = dict(line.partition("=")[::2] for line in properties.splitlines())
    if state.get("LoadState") != "loaded":
        yield Problem(UNIT, "the unit is not installed", "make install (docs/operations.md)", Severity.WARNING)
        return
    if state.get("UnitFileState") not in ("enabled", "enabled-runtime", "static"):
        yield Problem(UNIT, "it does not start with the machine", f"systemctl enable {UNIT}", Severity.WARNING)
    if state.get("ActiveState") not in ("active", "activating", "reloading"):
        hint = f"systemctl start {UNIT}; journalctl -u credwatch says why it ended"
        yield Problem(UNIT, f"it is {state.get('ActiveState') or 'in no known state'}", hint, Severity.FAULT)
    restarts = state.get("NRestarts", "0")
    if restarts.isdecimal() and int(restarts):
        message = f"it was started again {restarts} times after it had died"
        yield Problem(UNIT, message, "journalctl -u credwatch -p err says why", Severity.WARNING)


def _clock(ask: Ask) -> Iterator[Problem]:
    if ask(["timedatectl", "show", "--property=NTPSynchronized", "--value"]).strip() == "no":
        message = "nothing keeps the clock of this machine right: deadlines and the order of lines follow it"
        hint = "timedatectl set-ntp true, with systemd-timesyncd or chrony installed"
        yield Problem("clock", message, hint, Severity.WARNING)


def _disk(folder: Path) -> Iterator[Problem]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        hint = "look at its file system"
        yield Problem(str(folder), f"cannot be looked at: {error.strerror}", hint, Severity.FAULT)
        return
    if usage.free < min(_LEAST_BYTES, usage.total * _LEAST_SHARE):
        message = f"only {usage.free // (1 << 20)} MiB are free where the store is"
        hint = "make room, or shorten [retention]; without room nothing can be committed"
        yield Problem(str(folder), message, hint, Severity.FAULT)


def _pam(ask: Ask) -> Iterator[Problem]:
    """Warn where the machine's Linux-PAM hands no new password to a program, so that the gate cannot judge it."""
    answer = ask(["dpkg-query", "-W", "-f=${Version}", "libpam-modules"]) or ask(
        ["rpm", "-q", "--qf=%{VERSION}", "pam"]
    )
    version = re.match(r"(?:\d+:)?(\d+)\.(\d+)", answer)
    if version and (int(version[1]), int(version[2])) < _PAM:
        message = f"Linux-PAM {version[0]} gives no new password to programs, so that passwd cannot ask the gate"
        yield Problem("gate", message, "take Linux-PAM 1.6 or later for it; docs/gate.md", Severity.WARNING)
