"""What the engine hands out: what it found, and what a restart needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from credwatch.detect.episodes.episodes import Table
from credwatch.kernel.detection import Detection
from credwatch.rules.model import Rule, RuleDocument


class Delta(Struct, frozen=True):
    """What a batch changed in the engine's state: what the batch's transaction stores."""

    windows: tuple[tuple[str, int, bytes], ...] = ()
    """Rows added: stream name, latest event time (microseconds), rows in the stream's form."""
    forget: tuple[tuple[str, int], ...] = ()
    """What may be deleted: stream name, rows that are all older than this event time."""
    names: tuple[int, bytes] | None = None
    """Words added: generation, and what `Names.take_new` wrote."""
    trail: bytes = b""
    """The lines behind rows added, as `Trail.settle` wrote them; empty where there are none."""
    trail_lines: int = 0
    """How many lines that are."""
    watermarks: tuple[tuple[str, int], ...] = ()
    """How far each log of the batch has been read, event time in microseconds."""
    settled: int = 0
    """The event time before which nothing is expected any more, microseconds; meant where there are watermarks."""


class Episodic(Struct, frozen=True, eq=False):
    """What a batch did to the episodes of one rule."""

    rule: Rule
    """The rule."""
    opened: Table
    """New ones, as they are at the end of the batch."""
    changed: Table
    """Earlier ones that went on, ended, or turned out to have opened at another moment."""
    withdrawn: Table
    """Earlier ones that late rows have joined to the one before them: they are no more."""


class Conclusions(Struct, frozen=True, eq=False):
    """What one batch led to."""

    detections: tuple[Detection, ...] = ()
    """Detections that opened, in the order of event time."""
    episodes: tuple[Episodic, ...] = ()
    """What became of episodes, of rules that only serve others too."""
    documents: tuple[RuleDocument, ...] = ()
    """The rules that found something with consequences, and those they refer to, as they were written."""
    late: Mapping[str, int] = field(default_factory=dict)
    """How many events came later than the lateness allows, by source."""
    evaluations: int = 0
    """How many times a rule was held against an event."""
    dropped: tuple[tuple[str, int], ...] = ()
    """How many rows a full window let go before their time, by the title of each rule that looks at it."""
    delta: Delta = field(default_factory=Delta)
    """What to store."""

    def ended(self, kinds: Iterable[str]) -> list[tuple[Rule, Table]]:
        """Give the episodes that ended, for the rules that open incidents of some kinds."""
        return [
            (episodic.rule, episodic.changed[episodic.changed["closed"]])
            for episodic in self.episodes
            if episodic.rule.consequence.incident in kinds and episodic.changed["closed"].any()
        ]
