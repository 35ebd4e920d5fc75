"""Tells whether stamps say a year: a look that needs no arrays, so that who follows a file can do without them."""

from __future__ import annotations

import re

_BEGINS = rb"(?:<\d{1,3}>)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d"
_FIRST, _LATER = re.compile(_BEGINS), re.compile(rb"\n" + _BEGINS)


def tells_no_year(data: bytes) -> bool:
    """Say whether a line begins with a stamp without a year."""
    return _FIRST.match(data) is not None or _LATER.search(data) is not None
