"""Whatever way lines come: each counts once, whenever the daemon is killed, on both stores.

`make kills` makes a long run of it. Where it fails, the seed is told: CREDWATCH_KILL_SEED repeats it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kills.holding import hold_each_once, hold_equal, hold_losses_told
from kills.numbered import NumberedLine, numbered_lines
from kills.registry import DRIVERS, MISSING
from kills.trial import Place, killed, quiet
from postgresql_server import Server
from scenarios.outcome import Outcome

ALL = os.environ.get("CREDWATCH_KILLS", "150")
KILLS = int(ALL) * 9 // 10
"""Spread evenly over the kinds and the stores; the other tenth is of `scenarios/test_killed_daemon.py`."""
SEED = os.environ.get("CREDWATCH_KILL_SEED", "20261127")
STORES = ("sqlite", "postgresql")
_EACH = 12


def kills_of_one() -> int:
    """Say how often the daemon is killed under one kind on one store."""
    return max(2, KILLS // (len(DRIVERS) * len(STORES)))


@cache
def quiet_outcome(kind: str) -> Outcome:
    """Tell what becomes of the lines of a kind where nothing happens."""
    with TemporaryDirectory() as folder:
        return quiet(Place(Path(folder) / "quiet", DRIVERS[kind]), lines_of(kind))


def lines_of(kind: str) -> list[NumberedLine]:
    """Write the lines of a kind; where some may be lost, each tells by itself."""
    return numbered_lines(kills_of_one() * _EACH, attacks=kind not in LOSSY)


LOSSY = {kind for kind, opened in DRIVERS.items() if opened.loses}


@pytest.mark.slow
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", DRIVERS)
def test_each_line_counts_once(kind: str, store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """After SIGKILLs at random instants each line is an event, or kept as unread, once: all else is as if nothing was.

    Where lines that were under way may be lost, none comes twice, and what is missing was sent in a time that the
    daemon has recorded as blind.
    """
    if kind in MISSING and (missing := MISSING[kind]()):
        pytest.skip(missing)
    server: Server | None = request.getfixturevalue("postgresql") if store == "postgresql" else None
    place = Place(tmp_path / "site", DRIVERS[kind], server and server.empty_database())
    seed = f"{SEED}/{kind}/{store}"
    print(f"to repeat: CREDWATCH_KILL_SEED={SEED} CREDWATCH_KILLS={ALL}, the test with [{kind}-{store}]")
    result = killed(place, lines_of(kind), kills=kills_of_one(), seed=seed)
    if kind in LOSSY:
        hold_losses_told(lines_of(kind), result)
    else:
        hold_each_once(lines_of(kind), result)
        hold_equal(quiet_outcome(kind), result.outcome)
