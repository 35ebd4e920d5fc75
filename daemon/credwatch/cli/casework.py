"""`credwatch incidents`: assign, note, acknowledge, reopen, and record an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, WhyOption, incidents_app, unknown
from credwatch.cli.moments import AtOption
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, tell_hint, told_plainly
from credwatch.kernel.case_entry import Answer, Statement, Way
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from pathlib import Path

    from credwatch.casework.acts import Actor, Casework
    from credwatch.kernel.incident import Incident

_Act = Callable[["Casework", "Actor"], "Incident | None"]

TextOption = Annotated[str, typer.Option("--text", help="A few words, kept with the case.")]


@incidents_app.command()
def assign(
    number: NumberArgument,
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Who is in charge from now on: a login name.")],
    text: TextOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put somebody in charge of an open incident.

    A new incident is in progress from then on. Exit code 1 where the number is unknown.
    """
    _do(
        lambda work, actor: work.assign(number, actor, owner, text), number, f"assigned to {owner}", config, by, as_json
    )


@incidents_app.command()
def note(
    number: NumberArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you saw or did.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write something into the case of an incident, open or closed.

    What is written stays as it is. Exit code 1 where the number is unknown.
    """
    _do(lambda work, actor: work.note(number, actor, text), number, "noted", config, by, as_json)


@incidents_app.command()
def acknowledge(
    number: NumberArgument,
    text: TextOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that you have read an open incident.

    A new incident is in progress from then on. Exit code 1 where the number is unknown.
    """
    _do(lambda work, actor: work.acknowledge(number, actor, text), number, "acknowledged", config, by, as_json)


@incidents_app.command()
def reopen(
    number: NumberArgument,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Open a closed incident again.

    Nobody is written to. The next closing sends its update once more. Exit code 1 where the number is unknown.
    """
    _do(lambda work, actor: work.reopen(number, actor, why), number, "open again", config, by, as_json)


@incidents_app.command()
def answer(
    number: NumberArgument,
    statement: Annotated[Statement | None, typer.Option("--said", help="What they say of the act.")] = None,
    party: Annotated[str, typer.Option("--from", metavar="WHO", help="Who said it.")] = "",
    way: Annotated[Way, typer.Option("--way", help="How it came.")] = Way.OTHER,
    spoken_at: AtOption = None,
    customer: Annotated[str, typer.Option(help="The id of who answers, where the case concerns several.")] = "",
    reference: Annotated[str, typer.Option(help="Their number for it, such as the vendor's.")] = "",
    text: TextOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record what a customer or the vendor said.

    The operators are no longer reminded of it. After `not-us` the incident is critical, and they are told.
    Exit code 1 where the number is unknown.
    """
    moment = spoken_at.astimezone(UTC) if spoken_at else None
    spoken = Answer(statement=statement, party=party, way=way, reference=reference, spoken_at=moment)
    _do(
        lambda work, actor: work.answer(number, actor, spoken, text, customer),
        number,
        "answer recorded",
        config,
        by,
        as_json,
    )
    if statement is Statement.OURS:
        tell_hint(f'if that settles it: credwatch incidents close {number} --outcome authorised --why "…"')


def _do(act: _Act, number: str, done: str, config: Path, by: str, as_json: bool) -> None:
    """Do one step of work on a case, and say what was done."""
    with told_plainly():
        from credwatch.casework.acts import Actor, Casework
        from credwatch.casework.casebook import described

        with Casework.at(config) as work:
            incident = act(work, Actor(login_name(by), system_clock()))
    if incident is None:
        raise unknown(number)
    print_json(described(incident)) if as_json else say(f"{number}: {done}")
