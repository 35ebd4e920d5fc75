"""How many examples the dearest properties get: few in every run, as many as one likes by `make properties`."""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("CREDWATCH_EXAMPLES", "1"))


def examples(number: int) -> int:
    """Return the number for every run, or so many times as many as CREDWATCH_EXAMPLES says."""
    return number * _TIMES
