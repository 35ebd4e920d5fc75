"""Sums up what running clocks have left: by workflow, and by regime and phase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from credwatch.kernel.command import LegalClock
from credwatch.telemetry.regime_metrics import PhaseStanding
from credwatch.workflows.clocks import is_short
from credwatch.workflows.facts import Facts


def by_workflow(
    running: Sequence[LegalClock], times_left: Mapping[str, timedelta]
) -> dict[str, tuple[int, int, float]]:
    """Tell of each workflow how many clocks run, how many are overdue, and the least remaining seconds.

    A clock whose messages are held runs, and is neither overdue nor near its end.
    """
    clocks: dict[str, tuple[int, int, float]] = {}
    for clock in running:
        count, overdue, remaining = clocks.get(clock.workflow, (0, 0, math.inf))
        seconds = math.inf if clock.held else times_left[clock.id].total_seconds()
        clocks[clock.workflow] = (count + 1, overdue + (seconds <= 0), min(remaining, seconds))
    return clocks


def by_phase(
    running: Sequence[LegalClock], times_left: Mapping[str, timedelta], facts: Facts
) -> dict[tuple[str, str], PhaseStanding]:
    """Tell how each phase stands: those of all regimes that apply, and of any other whose clock still runs."""
    applying = [facts.contract, *(regime for regimes in facts.regimes.values() for regime in regimes)]
    standings = {(regime.id, phase.id): PhaseStanding() for regime in applying for phase in regime.phase}
    for clock in running:
        if not clock.regime or clock.held:
            continue
        before = standings.get((clock.regime, clock.phase), PhaseStanding())
        left = times_left[clock.id]
        standings[clock.regime, clock.phase] = PhaseStanding(
            remaining=min(before.remaining, left.total_seconds()),
            short=before.short + is_short(clock, left),
            overdue=before.overdue + (left <= timedelta()),
        )
    return standings
