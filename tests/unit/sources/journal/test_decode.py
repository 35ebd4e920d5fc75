"""Entries are found in every dress in which journalctl writes them for machines."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

import pytest

from credwatch.sources.journal.decode import decoder_of
from unit.sources.journal.written import fields_of

MESSAGES = ["one", "two\nlines", "ba\udcffd"]
SHOWN = [b"one", b"two#012lines", b"ba\xffd"]


def _json(message: str) -> dict[str, object]:
    raw = message.encode("utf-8", "surrogateescape")
    return fields_of(0, message if raw.isascii() else [*raw])


def _exported(message: str) -> bytes:
    """Write an entry as the export format has it: what is no plain line with its length before it."""
    fields = [*fields_of(0, message).items()]
    parts = []
    for name, value in fields:
        raw = str(value).encode("utf-8", "surrogateescape")
        is_plain = raw.isascii() and b"\n" not in raw
        length = struct.pack("<Q", len(raw))
        parts.append(f"{name}=".encode() + raw if is_plain else name.encode() + b"\n" + length + raw)
    return b"\n".join(parts) + b"\n\n"


DRESSES: dict[str, Callable[[str], bytes]] = {
    "json": lambda message: json.dumps(_json(message)).encode() + b"\n",
    "json-sse": lambda message: b"data: " + json.dumps(_json(message)).encode() + b"\n\n",
    "json-seq": lambda message: b"\x1e" + json.dumps(_json(message)).encode() + b"\n",
    "json-pretty": lambda message: json.dumps(_json(message), indent="\t").encode() + b"\n",
    "export": _exported,
}


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize("dress", DRESSES)
def test_entries_are_found_however_the_text_is_cut(dress: str, piece: int) -> None:
    """Each entry gives its line, whether the text comes byte by byte or at once."""
    text = b"".join(DRESSES[dress](message) for message in MESSAGES)
    decoder = decoder_of(text)
    assert decoder is not None
    lines = b"".join(decoder.lines(text[at : at + piece]) for at in range(0, len(text), piece)) + decoder.rest()
    assert SHOWN == [line.rpartition(b"] ")[2] for line in lines.splitlines()]


@pytest.mark.parametrize("dress", DRESSES)
def test_the_last_entry_needs_no_end(dress: str) -> None:
    """What is torn off behind the last field is an entry all the same."""
    text = DRESSES[dress]("one").rstrip(b"\n")
    decoder = decoder_of(text)
    assert decoder is not None
    assert (decoder.lines(text) + decoder.rest()).endswith(b"] one\n")


@pytest.mark.parametrize("text", [b"", b"Nov 30 06:39:00 web1 sshd[1]: x\n", b'{"uuid": "1"}\n', b"NAME=value\n"])
def test_other_texts_are_no_journal(text: bytes) -> None:
    """Logs and other JSON lines stay as they are."""
    assert decoder_of(text) is None


def test_what_is_no_entry_stays_as_it_is() -> None:
    """A torn object among the others is not lost: it is given as a line, to be told as unread."""
    whole = DRESSES["json"]("one")
    decoder = decoder_of(whole)
    assert decoder is not None
    lines = decoder.lines(whole + whole[:50] + b"\n" + b'{"a": 1}\n' + whole)
    assert [True, False, False, True] == [line.startswith(b"<38>1 ") for line in lines.splitlines()]
    assert whole[:50] in lines


def test_a_length_that_cannot_be_is_passed_over() -> None:
    """Damage in an export costs the entry it is in, and no memory."""
    damaged = _exported("one").replace(b"MESSAGE=one\n", b"MESSAGE\n" + b"\xff" * 8 + b"\n")
    decoder = decoder_of(damaged)
    assert decoder is not None
    assert decoder.lines(damaged + _exported("two")).endswith(b"] two\n")
