"""Counts what is missing where senders number their messages: `sequenceId` of RFC 5424 section 7.3.1."""

from __future__ import annotations

import re
from collections import OrderedDict

_NUMBERED = re.compile(
    rb"<\d{1,3}>1 \S+ (?P<host>\S+) \S+ \S+ \S+ \[(?:[^\]]*\]\[)*?"
    rb'meta [^\]]*?sequenceId="(?P<number>\d{1,10})"'
)
_MOST_SENDERS = 4096
_REORDERED = 1000
"""A number that is so little lower than the highest is late, and no new beginning."""


class Sequences:
    """Remembers the highest number of each sender."""

    def __init__(self) -> None:
        self._highest: OrderedDict[tuple[str, bytes], int] = OrderedDict()

    def missing(self, sender: str, message: bytes) -> int:
        """Say how many messages of a sender are missing before this one; 0 where it is not numbered.

        A number that comes late was missing before: then it is -1.
        """
        match = _NUMBERED.match(message)
        if match is None:
            return 0
        key, number = (sender, match["host"]), int(match["number"])
        highest = self._highest.get(key)
        if highest is not None and 0 < highest - number < _REORDERED and number != 1:
            return -1
        self._highest[key] = number
        self._highest.move_to_end(key)
        if len(self._highest) > _MOST_SENDERS:
            self._highest.popitem(last=False)
        if highest is None or number <= highest:
            return 0
        return number - highest - 1
