"""What two sets of rules make of the same history: detections and messages gained and lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from credwatch.kernel.command import Command
from credwatch.replay.replay import Finding, Replayed

MessageKey = tuple[str, str]
"""Workflow and recipient."""


class RuleDiff(Struct, frozen=True):
    """What changes; each count is greater than 0."""

    gained: Counter[Finding]
    """Detections that only the new rules make."""
    lost: Counter[Finding]
    """Detections that only the old rules make."""
    messages_gained: Counter[MessageKey]
    """Messages that only the new rules lead to."""
    messages_lost: Counter[MessageKey]
    """Messages that only the old rules lead to."""

    @property
    def is_empty(self) -> bool:
        """Whether both make the same."""
        return not (self.gained or self.lost or self.messages_gained or self.messages_lost)


def compare(old: Replayed, new: Replayed) -> RuleDiff:
    """Compare two replays of the same files, by rule and group, and by workflow and recipient."""
    unsent, sent = _messages(old.commands), _messages(new.commands)
    gained, lost = new.tally.findings - old.tally.findings, old.tally.findings - new.tally.findings
    return RuleDiff(gained, lost, sent - unsent, unsent - sent)


def _messages(commands: Iterable[Command]) -> Counter[MessageKey]:
    return Counter((command.workflow, command.recipient) for command in commands)
