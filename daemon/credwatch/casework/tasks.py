"""Tasks of cases: set by one person, done by another, on the timeline of the case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from credwatch.casework.acts import Actor, Casework
from credwatch.incidents.lifecycle import IllegalTransition, check_reason
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.case_task import CaseTask, OpenTask
from credwatch.kernel.incident import Incident
from credwatch.store.cases import case_entries, incidents, tasks

_MOST = 200
"""So many tasks a case has at most."""


class TaskBook(Casework):
    """Sets and ends tasks in a store that a daemon may be using; use it in a `with` block."""

    def set_task(
        self, number: str, actor: Actor, what: str, owner: str, due_at: datetime | None = None
    ) -> CaseTask | None:
        """Set a task, whether the case is open or closed; None where the number is unknown.

        Raises IllegalTransition where it says nothing, has nobody to do it, or its time is over.
        """
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            _check(incident, actor, what, owner, due_at)
            earlier = [entry for entry in case_entries.entries_of(connection, number) if entry.kind is EntryKind.TASK]
            if len(earlier) >= _MOST:
                raise IllegalTransition(f"it has {_MOST} tasks", where=number, hint="note what is to be done instead")
            task = CaseTask(f"T{len(earlier) + 1}", what.strip(), owner.strip(), due_at)
            case_entries.add_entry(connection, CaseEntry(number, actor.at, EntryKind.TASK, actor.name, task=task))
            tasks.save_tasks(connection, [*tasks.open_tasks(connection), OpenTask(number, task)])
        return task

    def end_task(self, number: str, actor: Actor, task_id: str, text: str) -> CaseTask | None:
        """Say what became of a task; None where the incident is unknown. Raises IllegalTransition where it is over."""
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            check_reason(incident, text)
            task = _open_task(connection, number, task_id)
            entry = CaseEntry(number, actor.at, EntryKind.TASK_DONE, actor.name, text, task=task)
            case_entries.add_entry(connection, entry)
            rest = [one for one in tasks.open_tasks(connection) if one.name != (number, task.id)]
            tasks.save_tasks(connection, rest)
        return task

    def open_tasks(self, owner: str = "") -> list[OpenTask]:
        """Return the tasks that nobody has done, of all cases, those due first at the top."""
        with self._database.reading() as connection:
            return [one for one in tasks.open_tasks(connection) if owner in ("", one.task.owner)]


def _check(incident: Incident, actor: Actor, what: str, owner: str, due_at: datetime | None) -> None:
    check_reason(incident, what)
    check_reason(incident, owner)
    if due_at is not None and due_at <= actor.at:
        hint = "mind the offset, as in 2026-03-02T12:00+07:00"
        raise IllegalTransition("its time is over", where=incident.number, hint=hint)


def _open_task(connection: Connection, number: str, task_id: str) -> CaseTask:
    for one in tasks.open_tasks(connection):
        if one.name == (number, task_id.upper()):
            return one.task
    raise IllegalTransition(f"no open task {task_id}", where=number, hint="credwatch incidents tasks lists them")
