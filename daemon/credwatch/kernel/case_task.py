"""A task of a case: what somebody is to do, and by when."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class CaseTask(Struct, frozen=True, omit_defaults=True):
    """One task, as it was set."""

    id: str
    """Its number within the case, such as T1."""
    what: str
    """What is to be done."""
    owner: str
    """Who is to do it: a login name."""
    due_at: datetime | None = None
    """By when, UTC; None where no time was given."""


class OpenTask(Struct, frozen=True):
    """A task that nobody has done yet."""

    incident: str
    """The number of its case."""
    task: CaseTask
    """The task."""
    is_told: bool = False
    """Whether the operators were told that its time is over."""

    @property
    def name(self) -> tuple[str, str]:
        """What names it among all tasks."""
        return self.incident, self.task.id
