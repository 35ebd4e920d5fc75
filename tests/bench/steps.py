"""A replay watched from inside: what it has cost after each batch, which cannot be seen from another process."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from bench.programs import KIB_IN_MIB

_FEWEST_BATCHES = 8
_SMALLEST_BATCH = 65_536


class Step(Struct, frozen=True):
    """What a replay had cost when a batch was committed."""

    lines: int
    """Lines so far."""
    seconds: float
    """Since the beginning."""
    commit_seconds: float
    """How long transactions took, which run beside the rest."""
    window_seconds: float
    """CPU time of them that storing windows took."""
    peak_mib: float
    """The most memory the process has held so far."""


class Watched(Struct, frozen=True):
    """A replay that was watched."""

    correlations: int
    """How many correlations were on."""
    steps: list[Step]
    """What it had cost after each batch."""

    @property
    def first(self) -> Step:
        """The first step; what came before it includes the making of a store."""
        return self.steps[0]

    @property
    def last(self) -> Step:
        """The last step."""
        return self.steps[-1]

    def at(self, lines: int) -> Step:
        """Return the first step at which so many lines were taken, the last one where none was."""
        place = bisect_left(self.steps, lines, key=lambda step: step.lines)
        return self.steps[min(place, len(self.steps) - 1)]


def watched(log: Path, config: Path | None = None) -> Watched:
    """Replay a log with the rules of a settings file, or the shipped ones alone; to be called in a fresh process."""
    from credwatch.service.memory import tune_allocators

    tune_allocators()  # as the command line does, before polars and numpy are imported

    from credwatch.app.build import build_knowledge
    from credwatch.app.settings import Settings, load_settings
    from credwatch.kernel.clock import system_clock
    from credwatch.kernel.secret import Secret
    from credwatch.parse.parse import SourceFormat
    from credwatch.replay.replay import SOURCE, ReplayTally, replay

    settings = load_settings(config) if config else Settings()
    knowledge = build_knowledge(settings, notice_key=Secret("bench"))
    knowledge = replace(knowledge, formats={SOURCE: SourceFormat(SOURCE, "auto", "UTC")})
    batch_bytes = min(settings.detection.batch_bytes, max(_SMALLEST_BATCH, log.stat().st_size // _FEWEST_BATCHES))
    steps: list[Step] = []
    began = perf_counter()

    def note(_bytes: int, tally: ReplayTally) -> None:
        steps.append(Step(tally.lines, perf_counter() - began, tally.commit_seconds, tally.window_seconds, _peak_mib()))

    replay([str(log)], knowledge, system_clock, batch_bytes=batch_bytes, on_progress=note)
    return Watched(len(knowledge.rules.correlations), steps)


def seconds_a_line(begin: Step, end: Step) -> float:
    """Return what a line between two steps cost."""
    return (end.seconds - begin.seconds) / (end.lines - begin.lines)


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / KIB_IN_MIB for line in status.splitlines() if line.startswith("VmHWM"))
