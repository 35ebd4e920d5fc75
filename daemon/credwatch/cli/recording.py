"""`credwatch incidents moment`: when a person knew, when a report was handed over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, WhyOption, incidents_app, unknown
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.moment import WHOLE_CASE, DutyPhase, Moment

AtOption = Annotated[
    datetime | None,
    typer.Option("--at", metavar="MOMENT", formats=["%Y-%m-%dT%H:%M%z"], help="When, as 2026-03-02T12:00+07:00."),
]


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
    """Record a moment of a breach: when a person was aware, assessed it, handed a report over.

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


def read_phase(text: str) -> DutyPhase:
    """Read `regime/phase`; raises BadParameter, which is a mistake of usage."""
    regime, slash, phase = text.partition("/")
    if text and not (regime and slash and phase):
        raise typer.BadParameter("expected a regime and its phase, such as vn-personal-data/notification")
    return DutyPhase(regime, phase) if text else WHOLE_CASE
