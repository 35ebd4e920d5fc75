"""The tasks that are open, of all cases, as one value of the engine; their cases have each for good."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.json import decode, encode
from sqlalchemy import Connection

from credwatch.kernel.case_task import OpenTask
from credwatch.store.state import progress

_OPEN = "open_tasks"


def open_tasks(connection: Connection) -> list[OpenTask]:
    """Return them, those due first at the top; those without a time come last."""
    stored = progress.value(connection, _OPEN)
    tasks = decode(stored, type=list[OpenTask]) if stored else []
    return sorted(tasks, key=lambda one: (one.task.due_at is None, one.task.due_at or 0, one.incident, one.task.id))


def save_tasks(connection: Connection, tasks: Iterable[OpenTask]) -> None:
    """Keep the tasks that are open now, in place of those before."""
    progress.save_value(connection, _OPEN, encode([*tasks]))
