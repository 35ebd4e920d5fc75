"""Cuts what comes over a connection into messages: octet counting and lines, RFC 6587 section 3.4 and RFC 5425."""

from __future__ import annotations

import re

_COUNT = re.compile(rb"([1-9]\d{0,9}) ")
_MAY_BE_COUNT = re.compile(rb"[1-9]\d{0,9}")
_TRAILERS = re.compile(rb"[\n\x00]")


class Frames:
    """Takes pieces of one connection, however they are cut, and gives its messages.

    Each message says by its beginning how it is framed: a number and a blank count its bytes; any other ends with a
    newline, or with the NUL of some old senders. Of a message longer than `most_bytes` the rest is dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._text = b""
        self._to_drop = 0
        self._is_dropping_line = False
        self.cut = 0
        """How many messages were cut."""

    def messages(self, piece: bytes) -> list[bytes]:
        """Give the messages that a piece completes, without what frames them."""
        self._text += piece
        messages = list[bytes]()
        while self._text and self._advance(messages):
            pass
        return messages

    def rest(self) -> bytes:
        """Give what has no end where the connection has ended; a counted message that is torn is none."""
        text, self._text = self._text, b""
        is_torn = self._to_drop or self._is_dropping_line or _COUNT.match(text) or _MAY_BE_COUNT.fullmatch(text)
        return b"" if is_torn else text[: self._most]

    def _advance(self, messages: list[bytes]) -> bool:
        """Take one step; tell whether there may be another without more bytes."""
        if self._to_drop:
            dropped = min(self._to_drop, len(self._text))
            self._text, self._to_drop = self._text[dropped:], self._to_drop - dropped
            return True
        if self._is_dropping_line:
            return self._drop_line()
        if count := _COUNT.match(self._text):
            return self._counted(int(count[1]), count.end(), messages)
        if _MAY_BE_COUNT.fullmatch(self._text) and len(self._text) <= 10:
            return False
        return self._line(messages)

    def _counted(self, size: int, begin: int, messages: list[bytes]) -> bool:
        taken = min(size, self._most)
        if len(self._text) < begin + taken:
            return False
        messages.append(self._text[begin : begin + taken])
        self._text = self._text[begin + taken :]
        self._to_drop = size - taken
        self.cut += size > taken
        return True

    def _line(self, messages: list[bytes]) -> bool:
        end = _TRAILERS.search(self._text)
        size = end.start() if end else len(self._text)
        if end is None and size <= self._most:
            return False
        messages.append(self._text[: min(size, self._most)])
        self.cut += size > self._most
        self._is_dropping_line = end is None
        self._text = self._text[end.end() :] if end else b""
        return True

    def _drop_line(self) -> bool:
        end = _TRAILERS.search(self._text)
        self._is_dropping_line = end is None
        self._text = self._text[end.end() :] if end else b""
        return True


def line_of(message: bytes) -> bytes:
    """Write a message as one line with its newline, none where it is empty: newlines in it become `#012`."""
    text = message.strip(b"\r\n\x00 ")
    return text.replace(b"\r", b"#015").replace(b"\n", b"#012") + b"\n" if text else b""
