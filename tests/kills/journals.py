"""Real journal files: written by systemd-journal-remote, rotated, and vacuumed once they were read."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from scenarios.daemon import Site
from scenarios.lines import BEGIN

REMOTE = Path("/lib/systemd/systemd-journal-remote")
_LINE = re.compile(r"(?P<stamp>\S+) (?P<host>\S+) (?P<program>[\w-]+)\[(?P<process>\d+)\]: (?P<message>.*)")


def is_missing() -> str:
    """Say which package is missing; empty where none is."""
    there = REMOTE.exists() and shutil.which("journalctl")
    return "" if there else "needs the Debian packages systemd and systemd-journal-remote"


def parts(line: str) -> tuple[str, str, str, str, str]:
    """Take a line apart: its stamp, host, program, process and message."""
    match = _LINE.match(line)
    assert match is not None
    return match["stamp"], match["host"], match["program"], match["process"], match["message"]


def exported(line: str) -> str:
    """Write a line as an entry in the form of `journalctl -o export`."""
    stamp, host, program, process, message = parts(line)
    moment = datetime.fromisoformat(stamp)
    fields = {
        "__CURSOR": f"i={process};t={moment.timestamp():.6f}",
        "__REALTIME_TIMESTAMP": str(round(moment.timestamp() * 1e6)),
        "__MONOTONIC_TIMESTAMP": str(round((moment - BEGIN).total_seconds() * 1e6) + 5_000_000),
        "_BOOT_ID": "0123456789abcdef0123456789abcdef",
        "_TRANSPORT": "syslog",
        "_HOSTNAME": host,
        "_UID": "0",
        "_EXE": f"/usr/sbin/{program}",
        "_PID": process,
        "SYSLOG_FACILITY": "4",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": program,
        "MESSAGE": message,
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()) + "\n"


class JournalDriver:
    """Writes into a folder of journal files."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "journal"
        self._folder.mkdir()
        self._files = [self._folder / "file-0.journal"]
        self._written_by_end: dict[Path, int] = {}
        self._written = 0
        self._number = 0
        self._site: Site | None = None

    def settings(self) -> str:
        """Read the folder from its beginning."""
        return f'[[source]]\nid = "journal"\nkind = "journal"\ndirectory = "{self._folder}"\nread_from = "start"\n'

    def furnished(self, site: Site) -> None:
        """Look into its store for what was read."""
        self._site = site

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Add an entry for each line."""
        command = [str(REMOTE), "-o", str(self._files[-1]), "-"]
        entries = "".join(map(exported, lines))
        subprocess.run(command, input=entries.encode(), capture_output=True, check=True, timeout=60)
        self._written += len(lines)

    def disturb(self, chance: random.Random) -> None:
        """Begin another file, and let the oldest go where all of it was read."""
        assert self._site is not None
        if not self._files[-1].exists():
            return
        self._written_by_end[self._files[-1]] = self._written
        self._number += 1
        self._files.append(self._folder / f"file-{self._number}.journal")
        if len(self._files) > 3 and self._site.lines_taken() >= self._written_by_end[self._files[1]]:
            # The file behind it is read too, so the place where the reader stands is not in what goes.
            self._files.pop(0).unlink()

    def close(self) -> None:
        """Leave the files."""
