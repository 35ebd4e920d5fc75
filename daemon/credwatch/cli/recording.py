"""`credwatch incidents` moment and assess: who knew what when, what was handed over, and what is owed."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, WhyOption, incidents_app, unknown
from credwatch.cli.moments import AtOption
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, tell_hint, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.moment import WHOLE_CASE, DutyPhase, Moment


@incidents_app.command()
def moment(
    number: NumberArgument,
    which: Annotated[Moment, typer.Argument(metavar="MOMENT", help="Which moment, such as aware or submitted.")],
    why: WhyOption,
    at: AtOption = None,
    about: Annotated[str, typer.Option("--of", metavar="REGIME/PHASE", help="The report that it is a moment of.")] = "",
    customer: Annotated[str, typer.Option(help="The id of the customer whose duty it is, or toward whom.")] = "",
    reference: Annotated[str, typer.Option(help="The number that the receiver gave to a report.")] = "",
    late_reason: Annotated[str, typer.Option("--late-reason", help="Why a report was late.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record when a person was aware, or handed a report over.

    Clocks of laws and contracts start at such moments and are met by them; without --at it is now. Exit code 1 where
    the number is unknown.
    """
    now = system_clock()
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.casebook import described
        from credwatch.casework.recording import Recorded, Recording

        when = at.astimezone(UTC) if at else now
        recorded = Recorded(which, when, why, read_phase(about), customer, reference, late_reason)
        with Recording.at(config) as recording:
            incident = recording.record(number, Actor(login_name(by), now), recorded)
    if incident is None:
        raise unknown(number)
    print_json(described(incident)) if as_json else say(f"{number}: {which} recorded")


class Verdict(StrEnum):
    """Whether a law asks for a report."""

    NOTIFIABLE = "notifiable"
    NOT_NOTIFIABLE = "not-notifiable"


@incidents_app.command()
def assess(
    number: NumberArgument,
    about: Annotated[str, typer.Argument(metavar="REGIME[/PHASE]", help="The law, or one report that it asks for.")],
    verdict: Annotated[Verdict, typer.Argument(metavar="VERDICT", help="notifiable or not-notifiable.")],
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Decide whether a law asks for a report of a breach.

    That none is owed takes two people: the clocks end once a second one decides the same. Exit code 1 where the number
    is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.assessing import Assessing
        from credwatch.casework.casebook import described

        regime, _, phase = about.partition("/")
        actor, is_owed = Actor(login_name(by), system_clock()), verdict is Verdict.NOTIFIABLE
        with Assessing.at(config) as assessing:
            outcome = assessing.assess(number, actor, DutyPhase(regime, phase), notifiable=is_owed, why=why)
    if outcome is None:
        raise unknown(number)
    incident, assessment = outcome
    is_proposed = not is_owed and not assessment.confirms
    if as_json:
        print_json(described(incident) | {"verdict": verdict, "proposed": is_proposed})
    else:
        say(f"{number}: {about} {verdict}" + (", proposed" if is_proposed else ""))
    if is_proposed:
        tell_hint("the clocks run on until a second person decides the same, with the same command")


def read_phase(text: str) -> DutyPhase:
    """Read `regime/phase`; raises BadParameter, which is a mistake of usage."""
    regime, slash, phase = text.partition("/")
    if text and not (regime and slash and phase):
        raise typer.BadParameter("expected a regime and its phase, such as vn-personal-data/notification")
    return DutyPhase(regime, phase) if text else WHOLE_CASE
