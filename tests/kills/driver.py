"""What the harness needs to know of a kind of source: a driver writes numbered lines as real programs would."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from scenarios.daemon import Site


class Driver(Protocol):
    """Writes lines for one kind of source; `write` and `disturb` are called by one thread, while daemons come and go.

    A kind is added by a class of these five, in a module of its own, and a line in `registry.py`.
    """

    loses: bool
    """Lines that are under way when the daemon dies may be lost: then the time is to be recorded as blind."""

    def settings(self) -> str:
        """Give the tables of the source, whose id is its kind; what it needs may be started here."""

    def furnished(self, site: Site) -> None:
        """Take note of the site, once its folders are there and before its daemon lives."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Write lines; returns once a patient program would go on."""

    def disturb(self, chance: random.Random) -> None:
        """Do to the source what happens to its like: rotate, truncate, vacuum, restart it."""

    def close(self) -> None:
        """Give back what was started."""


Opened = Callable[[Path], Driver]
"""Makes a driver that keeps its files in a folder."""
