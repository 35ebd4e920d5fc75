"""Real journal files, made by systemd-journal-remote."""

from __future__ import annotations

import subprocess
from pathlib import Path

from credwatch.sources.interface import Cursor
from credwatch.sources.journal.source import JournalSource
from credwatch.sources.options import JournalSourceOptions
from unit.sources.followed import NOW

REMOTE = "/lib/systemd/systemd-journal-remote"
BEGAN = 1_770_000_000_000_000


class Journals:
    """A folder of journal files, to which entries are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "journals"
        self.folder.mkdir()
        self.number = 0

    def write(self, file: str, count: int, **fields: str) -> list[str]:
        """Add entries to a file, which is made where it is not there; return their messages."""
        messages = [f"entry {number}" for number in range(self.number, self.number + count)]
        exported = "".join(self._entry(message, fields) for message in messages)
        self._remote("-o", str(self.folder / f"{file}.journal"), "-", text=exported)
        return messages

    def source(self, cursors: dict[str, Cursor] | None = None) -> JournalSource:
        """Open a source from the beginning of the oldest file."""
        options = JournalSourceOptions(id="auth", kind="journal", read_from="start", directory=self.folder)
        return JournalSource(options, cursors or {}, clock=lambda: NOW)

    def shown(self, form: str) -> bytes:
        """Return what journalctl writes in one of its forms."""
        command = ["journalctl", f"--directory={self.folder}", "--all", "--no-pager", f"--output={form}"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def _entry(self, message: str, further: dict[str, str]) -> str:
        moment = self.number * 1000
        self.number += 1
        fields = {
            "__REALTIME_TIMESTAMP": str(BEGAN + moment),
            "__MONOTONIC_TIMESTAMP": str(5_000_000 + moment),
            "_BOOT_ID": "0123456789abcdef0123456789abcdef",
            "_TRANSPORT": "syslog",
            "_HOSTNAME": "web1",
            "_UID": "0",
            "_PID": "811",
            "SYSLOG_FACILITY": "4",
            "PRIORITY": "6",
            "SYSLOG_IDENTIFIER": "sshd",
            "MESSAGE": message,
        } | further
        return "".join(f"{name}={value}\n" for name, value in fields.items()) + "\n"

    @staticmethod
    def _remote(*words: str, text: str) -> None:
        subprocess.run([REMOTE, *words], input=text.encode(), capture_output=True, check=True)
