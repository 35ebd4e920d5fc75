"""Writes a case into a folder that others can check: facts, lines, messages, receipts, rules, and the hashes of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from credwatch.casework.casebook import Casebook
from credwatch.kernel.errors import CredwatchError
from credwatch.store import receipts, sent_messages
from credwatch.store.cases import evidence

_SUMS = "SHA256SUMS"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700


class ExportError(CredwatchError):
    """The case could not be written."""


class CaseExport(Casebook):
    """Exports cases of a store that a daemon may be using; use it in a `with` block."""

    def export(self, number: str, folder: Path, read: Callable[[dict[str, Any]], Iterable[str]]) -> list[str] | None:
        """Write a case into a new folder; return the names of the files, None where the number is unknown.

        `read` puts the case into words, line by line. Messages are those that a mail server accepted, byte for byte;
        what none has accepted is no part of it. Raises ExportError or StoreError.
        """
        case = self.case(number)
        if case is None:
            return None
        files = dict(self._files(case, read))
        files[_SUMS] = sums(files)
        try:
            folder.mkdir(mode=_FOLDER_MODE)
            for name, content in files.items():
                _write(folder / name, content)
        except OSError as error:
            hint = "name a folder that is not there yet, where you may write"
            raise ExportError(f"cannot be written: {error.strerror or error}", where=str(folder), hint=hint) from error
        return sorted(files)

    def _files(self, case: dict[str, Any], read: Callable[[dict[str, Any]], Iterable[str]]) -> Iterator[_File]:
        """Give each file's name and content."""
        yield "case.json", as_json(case)
        yield "case.txt", as_text(read(case))
        yield "evidence.json", as_json(case["evidence"])
        yield "lines.txt", as_text(self._lines(case))
        yield "receipts.json", as_json(self._receipts(case))
        yield from self._messages(case)
        yield from self._rules(case)

    def _lines(self, case: dict[str, Any]) -> Iterable[str]:
        """Give the lines that are kept of it, each once; of a case that an earlier version kept, its samples."""
        if case["evidence"]:
            return [line["text"] for line in case["evidence"]]
        lines = [line for detection, _, _ in self.detections(case["number"]) for line in detection.lines]
        return dict.fromkeys([*lines, *case["lines"]])

    def _receipts(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return [row for message in case["messages"] for row in receipts.receipts_of(connection, message["id"])]

    def _messages(self, case: dict[str, Any]) -> Iterator[_File]:
        """Give the messages as they were accepted; `receipts.json` tells of every attempt, the others' too."""
        with self._database.reading() as connection:
            sent = sent_messages.sent_about(connection, case["number"])
        for command, content in sorted(sent.items()):
            yield f"messages/{command}.eml", content

    def _rules(self, case: dict[str, Any]) -> Iterator[_File]:
        """Give the rules as they were when they fired, each under the hash that its detections name."""
        versions = [detection["rule_version"] for detection in case["found"] if detection["rule_version"]]
        with self._database.reading() as connection:
            rules = evidence.rules_as_they_were(connection, versions)
        fired = set(versions)
        about = [{"id": rule.rule, "version": rule.version, "fired": rule.version in fired} for rule in rules]
        yield "rules.json", as_json(sorted(about, key=lambda rule: (not rule["fired"], rule["id"])))
        for rule in rules:
            yield f"rules/{rule.version}.json", rule.document.encode("utf-8", "surrogatepass")


_File = tuple[str, bytes]


def as_json(value: Any) -> bytes:
    """Write a value as a file of JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n").encode("utf-8", "surrogatepass")


def as_text(lines: Iterable[str]) -> bytes:
    """Write lines as a file of text."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def sums(files: dict[str, bytes]) -> bytes:
    """Write the manifest as `sha256sum -c` reads it."""
    return as_text(f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    path.touch(_FILE_MODE, exist_ok=False)
    path.write_bytes(content)
