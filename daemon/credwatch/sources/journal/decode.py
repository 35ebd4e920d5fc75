"""Takes entries out of what journalctl writes for machines: JSON in its four dresses, and the export format.

Formats: https://systemd.io/JOURNAL_EXPORT_FORMATS/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from credwatch.sources.journal.entry import Entry, line_of

MOST_ENTRY_BYTES = 16 * 1024 * 1024
"""Of a longer entry the rest is dropped; a message of 1 MiB in bytes takes 4 in JSON."""

_LENGTH_BYTES = 8
_PREFIXES = (b"data: ", b"\x1e")
"""What json-sse and json-seq put before an object."""

_EXPORTED = (b"__CURSOR=", b"__REALTIME_TIMESTAMP=")
"""How the export format begins."""

_MARKS = (*_PREFIXES, *_EXPORTED)
_MOMENT = b'"__REALTIME_TIMESTAMP"'

_DECODER = msgspec.json.Decoder(Entry)


def entry_of(text: bytes) -> Entry | None:
    """Read an entry from a JSON object; None where it is none."""
    try:
        entry = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return entry if entry.realtime else None


class Decoder(Protocol):
    """Turns pieces of a text into lines."""

    def lines(self, piece: bytes) -> bytes:
        """Give the lines of the entries that a piece completes."""

    def rest(self) -> bytes:
        """Give what is left where the text ends."""


class JsonDecoder:
    """Reads one object a line, also with what json-sse and json-seq put before it, and objects of many lines."""

    def __init__(self) -> None:
        self._text = b""
        self._object = b""

    def lines(self, piece: bytes) -> bytes:
        """Give the lines of the objects that a piece completes; what is no entry is given as it is."""
        self._text += piece
        whole, newline, rest = self._text.rpartition(b"\n")
        self._text = rest[:MOST_ENTRY_BYTES]
        return b"".join(self._line(text) for text in whole.split(b"\n")) if newline else b""

    def rest(self) -> bytes:
        """Read what has no newline."""
        text, self._text = self._text + b"\n", b""
        return self.lines(text) if text.strip() else b""

    def _line(self, text: bytes) -> bytes:
        text = _undressed(text)
        if text.strip() == b"{" or self._object:  # json-pretty
            return self._part(text)
        entry = entry_of(text)
        return line_of(entry) if entry else text + b"\n" if text.strip() else b""

    def _part(self, text: bytes) -> bytes:
        self._object += text + b"\n"
        if text.strip() != b"}" and len(self._object) < MOST_ENTRY_BYTES:
            return b""
        whole, self._object = self._object, b""
        entry = entry_of(whole)
        return line_of(entry) if entry else whole


class ExportDecoder:
    """Reads fields as `NAME=value` lines, or as a name, a length and bytes; an empty line ends an entry."""

    def __init__(self) -> None:
        self._text = b""
        self._fields: dict[str, list[str | list[int]]] = {}

    def lines(self, piece: bytes) -> bytes:
        """Give the lines of the entries that a piece completes."""
        self._text += piece
        at, lines = 0, []
        while (end := self._field_end(at)) is not None:
            if end == at + 1:
                lines.append(self._line_of_fields())
            else:
                self._keep(self._text[at:end])
            at = end
        self._text = self._text[at:][: 2 * MOST_ENTRY_BYTES]
        return b"".join(lines)

    def rest(self) -> bytes:
        """Give the entry that has no empty line behind it."""
        return self.lines(b"\n\n") if self._text or self._fields else b""

    def _field_end(self, at: int) -> int | None:
        """Say where the field ends that begins here; None where more must come."""
        end = self._text.find(b"\n", at) + 1
        if not end:
            return None
        if end == at + 1 or b"=" in self._text[at:end]:
            return end
        length = int.from_bytes(self._text[end : end + _LENGTH_BYTES], "little")
        if length > MOST_ENTRY_BYTES:
            return end  # no length, but something else: the text is damaged here
        end += _LENGTH_BYTES + length + 1
        return end if end <= len(self._text) else None

    def _keep(self, text: bytes) -> None:
        begin, _, value = text.partition(b"\n")
        name, is_text, rest = begin.partition(b"=")
        raw = rest if is_text else value[_LENGTH_BYTES:-1]
        self._fields.setdefault(name.decode("ascii", "replace"), []).append(_shown(raw))

    def _line_of_fields(self) -> bytes:
        fields, self._fields = self._fields, {}
        return line_of(_entry(fields)) if fields else b""


def _shown(raw: bytes) -> str | list[int]:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return [*raw]


def _entry(fields: Mapping[str, list[str | list[int]]]) -> Entry:
    entry = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    try:
        return msgspec.convert(entry, Entry)
    except msgspec.ValidationError:  # a field that must be text is bytes, or there twice
        return msgspec.convert({name: value for name, value in entry.items() if name[:2] != "__"}, Entry)


def may_be_journal(beginning: bytes) -> bool:
    """Tell whether a text may be a journal of which too little is there to say so."""
    text = _undressed(beginning)
    if text.lstrip().startswith(b"{"):
        is_whole = b"\n}" in text if text.partition(b"\n")[0].strip() == b"{" else b"\n" in text
        return not is_whole and _MOMENT not in text
    return any(mark.startswith(beginning[: len(mark)]) and len(beginning) < len(mark) for mark in _MARKS)


def decoder_of(beginning: bytes) -> Decoder | None:
    """Tell from the beginning of a text how its entries are written; None where it is no journal."""
    if beginning.startswith(_EXPORTED):
        return ExportDecoder()
    text = _undressed(beginning)
    return JsonDecoder() if text.startswith(b"{") and _MOMENT in text else None


def _undressed(text: bytes) -> bytes:
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text
