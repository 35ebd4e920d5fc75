"""Reminds the operators of tasks whose time is over."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.store import outbox
from credwatch.store.cases import incidents, tasks
from credwatch.workflows.escalation import on_task_due
from credwatch.workflows.facts import Facts


def remind_of_tasks(connection: Connection, facts: Facts, now: datetime) -> int:
    """Write once about each open task whose time is over; return how many letters were queued.

    A task whose case is gone goes with it.
    """
    every = tasks.open_tasks(connection)
    kept = [one for one in every if incidents.incident(connection, one.incident) is not None]
    due = [one for one in kept if not one.is_told and one.task.due_at is not None and one.task.due_at <= now]
    if due or kept != every:
        tasks.save_tasks(connection, [replace(one, is_told=True) if one in due else one for one in kept])
    return outbox.queue(connection, [letter for one in due for letter in on_task_due(one, facts, now)])
