"""Writes a case into a folder that others can check: facts, lines, messages, receipts, rules, and the hashes of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from credwatch.app.rendering import build_renderer
from credwatch.casework.casebook import Casebook
from credwatch.kernel.errors import CredwatchError
from credwatch.store import outbox, receipts

_SUMS = "SHA256SUMS"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700


class ExportError(CredwatchError):
    """The case could not be written."""


class CaseExport(Casebook):
    """Exports cases of a store that a daemon may be using; use it in a `with` block."""

    def export(self, number: str, folder: Path, read: Callable[[dict[str, Any]], Iterable[str]]) -> list[str] | None:
        """Write a case into a new folder; return the names of the files, None where the number is unknown.

        `read` puts the case into words, line by line. The messages are made again from what was stored: the same bytes
        as were sent, while templates and sender are the same. Raises ExportError, TemplateError or StoreError.
        """
        case = self.case(number)
        if case is None:
            return None
        files = dict(self._files(case, read))
        files[_SUMS] = _sums(files)
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
        yield "case.json", _json(case)
        yield "case.txt", _text(read(case))
        yield "lines.txt", _text(self._lines(case))
        yield "receipts.json", _json(self._receipts(case))
        yield from self._messages(case)
        yield from self._rules(case)

    def _lines(self, case: dict[str, Any]) -> Iterable[str]:
        """Give the lines that are kept of it, each once: those of its detections, then the samples of the incident."""
        kept = [line for detection, _, _ in self.detections(case["number"]) for line in detection.lines]
        return dict.fromkeys([*kept, *case["lines"]])

    def _receipts(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return [row for message in case["messages"] for row in receipts.receipts_of(connection, message["id"])]

    def _messages(self, case: dict[str, Any]) -> Iterator[_File]:
        renderer = build_renderer(self._settings)
        with self._database.reading() as connection:
            messages = outbox.messages_of(connection, case["number"])
        for stored in messages:
            yield f"messages/{stored.command.id}.eml", bytes(renderer.render(stored.command))

    def _rules(self, case: dict[str, Any]) -> Iterator[_File]:
        """Give the rules that fired as they are now, and the files that they stand in."""
        by_id = self._knowledge().rules.by_id()
        rules = [by_id[id_] for id_ in case["rules"] if id_ in by_id]
        files = {path: path.read_bytes() for path in sorted({Path(rule.where) for rule in rules}) if path.is_file()}
        hashes = {str(path): hashlib.sha256(content).hexdigest() for path, content in files.items()}
        yield (
            "rules.json",
            _json(
                [
                    {"id": id_, "title": rule.title, "file": rule.where, "sha256": hashes.get(rule.where, "")}
                    if (rule := by_id.get(id_))
                    else {"id": id_, "title": "", "file": "", "sha256": ""}
                    for id_ in case["rules"]
                ]
            ),
        )
        for place, (path, content) in enumerate(files.items(), start=1):
            yield f"rules/{place}-{path.name}", content


_File = tuple[str, bytes]


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n").encode("utf-8", "surrogatepass")


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def _sums(files: dict[str, bytes]) -> bytes:
    """Write the manifest as `sha256sum -c` reads it."""
    return _text(f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    path.touch(_FILE_MODE, exist_ok=False)
    path.write_bytes(content)
