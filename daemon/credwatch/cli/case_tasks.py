"""`credwatch incidents` attach, task, task-done and tasks: files of a case, and what people are to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.casework import TextOption
from credwatch.cli.incidents import NumberArgument, WhyOption, incidents_app, unknown
from credwatch.cli.moments import MOMENT
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from credwatch.kernel.case_task import CaseTask, OpenTask


@incidents_app.command()
def attach(
    number: NumberArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; 25 MB at most.")],
    text: TextOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Keep a file with the case of an incident, open or closed.

    It is copied under its SHA-256, stands on the timeline, and is part of `credwatch evidence`. Exit code 1 where the
    number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.attaching import Attaching

        with Attaching.at(config) as attaching:
            kept = attaching.attach(number, Actor(login_name(by), system_clock()), file, text)
    if kept is None:
        raise unknown(number)
    if as_json:
        print_json({"name": kept.name, "media_type": kept.media_type, "size": kept.size, "sha256": kept.sha256})
    else:
        say(f"{number}: {kept.name}, {kept.size} bytes, SHA-256 {kept.sha256}")


@incidents_app.command()
def task(
    number: NumberArgument,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What is to be done.")],
    owner: Annotated[str, typer.Option("--owner", help="Who is to do it: a login name.")],
    due: Annotated[
        datetime | None,
        typer.Option("--due", metavar="MOMENT", formats=MOMENT, help="By when, as 2026-03-02T12:00+07:00."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Set a task in the case of an incident.

    Once its time is over and nobody has done it, the operators are written to. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.tasks import TaskBook

        due_at = due.astimezone(UTC) if due else None
        with TaskBook.at(config) as book:
            made = book.set_task(number, Actor(login_name(by), system_clock()), what, owner, due_at)
    if made is None:
        raise unknown(number)
    print_json(_row(number, made)) if as_json else say(f"{number}: {_line(made)}")


@incidents_app.command()
def task_done(
    number: NumberArgument,
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="Its number, such as T1.")],
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what became of a task.

    How it was done, or why it is dropped. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.tasks import TaskBook

        with TaskBook.at(config) as book:
            ended = book.end_task(number, Actor(login_name(by), system_clock()), task_id, why)
    if ended is None:
        raise unknown(number)
    print_json(_row(number, ended)) if as_json else say(f"{number}: {ended.id} is done")


@incidents_app.command("tasks")
def list_tasks(
    owner: Annotated[str, typer.Option("--owner", help="Those of one person alone.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the open tasks of all cases, those due first at the top."""
    with told_plainly():
        from credwatch.casework.tasks import TaskBook

        with TaskBook.at(config) as book:
            every: list[OpenTask] = book.open_tasks(owner)
    if as_json:
        print_json([_row(one.incident, one.task) for one in every])
        return
    now = system_clock()
    for one in every:
        late = "  OVERDUE" if one.task.due_at is not None and one.task.due_at <= now else ""
        say(f"{one.incident}  {_line(one.task)}{late}")
    if not every:
        say("no task is open")


def _row(number: str, task: CaseTask) -> dict[str, str]:
    due_at = rfc3339(task.due_at) if task.due_at else ""
    return {"incident": number, "id": task.id, "what": task.what, "owner": task.owner, "due_at": due_at}


def _line(task: CaseTask) -> str:
    due = f", due {rfc3339(task.due_at)}" if task.due_at else ""
    return f"{task.id}  {task.what}  by {task.owner}{due}"
