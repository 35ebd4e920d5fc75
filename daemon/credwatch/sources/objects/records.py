"""Takes one file apart: unpacks it within a bound, and gives its records as lines of JSON, or its lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw

from credwatch.sources.file.unpacking import DAMAGE, PIECE_BYTES, unpacker_of


class DamagedObject(Exception):
    """A file cannot be read to its end, or is no such document."""


def lines_in(path: Path, records: str, most_bytes: int) -> list[bytes]:
    """Give the records of a file, each as one line with its newline; raises DamagedObject, and OSError."""
    with path.open("rb") as file:
        content = _unpacked(file, most_bytes)
    if not records:
        return [line + b"\n" for line in content.split(b"\n") if line.strip()]
    return [_on_one_line(bytes(record)) for record in _listed(content, records)]


def _unpacked(file: BinaryIO, most_bytes: int) -> bytes:
    unpacker = unpacker_of(file.read(8))
    file.seek(0)
    stream = unpacker(file) if unpacker is not None else None
    pieces, size = list[bytes](), 0
    try:
        while piece := (stream.read1(PIECE_BYTES) if stream is not None else file.read(PIECE_BYTES)):
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise DamagedObject(f"it is longer than {most_bytes} bytes")
    except DAMAGE as error:
        raise DamagedObject(f"it cannot be unpacked ({type(error).__name__})") from error
    return b"".join(pieces)


def _listed(content: bytes, path: str) -> list[Raw]:
    """Find the list at a path of keys; the records stay the bytes that they are, which costs no memory."""
    try:
        value = Raw(content)
        for key in path.split("."):
            value = msgspec.json.decode(value, type=dict[str, Raw])[key]
        return msgspec.json.decode(value, type=list[Raw])
    except KeyError:
        raise DamagedObject(f"it has no {path!r}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DamagedObject(f"it is no JSON with a list at {path!r} ({type(error).__name__})") from None


def _on_one_line(record: bytes) -> bytes:
    if b"\n" not in record and b"\r" not in record:
        return record + b"\n"
    text = json.dumps(json.loads(record), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"
