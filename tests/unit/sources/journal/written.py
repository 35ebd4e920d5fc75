"""A journal as a test writes it, and a journalctl of ours that reads it: entries by number, always in their order."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credwatch.sources.interface import Cursor
from credwatch.sources.journal.source import JournalSource
from credwatch.sources.options import JournalSourceOptions
from unit.sources.followed import NOW, Seconds

BEGAN = 1_770_000_000_000_000
"""When the first entry was written, microseconds."""

JOURNALCTL = (
    f"#!{sys.executable} -IS\n"
    + """
import json, os, pathlib, sys, time
parent = os.getppid()
folder, *words = sys.argv[1:]
folder = pathlib.Path(folder)
with (folder / "commands").open("a") as log:
    log.write(json.dumps(words) + "\\n")
if (folder / "refusal").exists():
    sys.exit((folder / "refusal").read_text())
options = dict(word.removeprefix("--").partition("=")[::2] for word in words if word.startswith("--"))
number = lambda cursor: int(dict(part.split("=") for part in cursor.split(";"))["i"], 16)
first, since = 0, float(options.get("since", "@0")[1:])
try:
    first = number(options["cursor"]) if "cursor" in options else number(options.get("after-cursor", "i=-1")) + 1
except (ValueError, KeyError):
    sys.exit("Failed to seek to cursor: Invalid argument")
journal, at = folder / "journal", 0
while os.getppid() == parent:  # a daemon that is killed leaves nobody who reads
    with journal.open() as file:
        file.seek(at)
        while (line := file.readline()).endswith("\\n"):
            at = file.tell()
            entry = json.loads(line)
            if number(entry["__CURSOR"]) >= first and int(entry["__REALTIME_TIMESTAMP"]) >= since * 1e6:
                sys.stdout.write(line)
    sys.stdout.flush()
    if (folder / "end").exists():
        (folder / "end").unlink()
        sys.exit("it has had enough")
    time.sleep(0.01)
"""
)


def cursor_of(number: int) -> str:
    """Give journald's cursor of an entry."""
    return f"s=5eed;i={number + 1:x};b=b007;m={number:x};t={BEGAN + number * 1000:x};x={number:x}"


def fields_of(number: int, message: Any, **fields: Any) -> dict[str, Any]:
    """Give the fields of an entry of sshd."""
    return {
        "__CURSOR": cursor_of(number),
        "__REALTIME_TIMESTAMP": str(BEGAN + number * 1000),
        "_TRANSPORT": "syslog",
        "_HOSTNAME": "web1",
        "_UID": "0",
        "_PID": "811",
        "_EXE": "/usr/sbin/sshd",
        "SYSLOG_FACILITY": "4",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "sshd",
        "MESSAGE": message,
    } | fields


class Journal:
    """A folder with entries and with the program that follows them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self._program = folder / "journalctl"
        self._program.write_text(JOURNALCTL)
        self._program.chmod(0o755)
        (folder / "journal").touch()

    def write(self, *messages: Any, **fields: Any) -> None:
        """Add entries with these messages."""
        with (self.folder / "journal").open("a") as file:
            for message in messages:
                file.write(json.dumps(fields_of(self.number, message, **fields)) + "\n")
                self.number += 1

    def vacuum(self, number: int) -> None:
        """Delete the oldest entries."""
        lines = (self.folder / "journal").read_text().splitlines(keepends=True)
        (self.folder / "journal").write_text("".join(lines[number:]))

    def refuse(self, words: str) -> None:
        """Let the program end at once with these words on its standard error, or work where there are none."""
        (self.folder / "refusal").write_text(words) if words else (self.folder / "refusal").unlink()

    def commands(self) -> list[list[str]]:
        """Return the words with which the program was run, each time."""
        return [json.loads(line) for line in (self.folder / "commands").read_text().splitlines()]

    def source(
        self, cursors: Mapping[str, Cursor] | None = None, seconds: Seconds | None = None, **options: Any
    ) -> JournalSource:
        """Open a source that reads this journal from its beginning."""
        wanted = JournalSourceOptions(**{"id": "auth", "kind": "journal", "read_from": "start"} | options)
        command = (str(self._program), str(self.folder))
        return JournalSource(wanted, cursors or {}, clock=lambda: NOW, command=command, monotonic=seconds or Seconds())
