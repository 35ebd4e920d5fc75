"""`credwatch rehearse`: a breach that is made up, through the installation as it is configured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from credwatch.rehearsal.outcome import RehearsalOutcome


def rehearse(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="What happens: an id of --list, or a file of your own (.toml).")
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="Name the scenarios.")] = False,
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="Who gets the letters, in place of [rehearsal] address.")
    ] = "",
    within: Annotated[
        float, typer.Option("--within", min=1.0, max=3600.0, metavar="SECONDS", help="How long letters may take.")
    ] = 60.0,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Play a breach that is made up; marked letters go to one address.

    It goes through the installation as it is configured, from log lines to letters and documents. Nothing of its own
    store is read or changed. Exit code 0 where every clock was met and every document is complete, else 1.
    """
    with told_plainly():
        if listing:
            _list(as_json)
            return
        if not scenario:
            raise typer.BadParameter("name a scenario; --list has them", param_hint="SCENARIO")
        outcome = _played(scenario, to, within, config)
    if as_json:
        _print(outcome)
    else:
        for line in _report(outcome):
            say(line)
        for trouble in outcome.troubles:
            print_error(trouble)
    raise typer.Exit(ExitCode.NO if outcome.troubles else ExitCode.DONE)


def _list(as_json: bool) -> None:
    from credwatch.rehearsal.scenarios import scenarios

    if as_json:
        print_json([{"id": item.id, "title": item.title, "incident": item.incident} for item in scenarios()])
        return
    for item in scenarios():
        say(f"{item.id:<22}  {item.title}")


def _played(name: str, to: str, within: float, config: Path) -> RehearsalOutcome:
    from credwatch.app.settings import load_settings
    from credwatch.kernel.mailbox import mailbox
    from credwatch.rehearsal.playing import play
    from credwatch.rehearsal.scenarios import scenario_named

    try:
        _ = to and mailbox(to)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from error
    settings = load_settings(config)
    address = to or settings.rehearsal.address or ""
    with redirect_stdout(sys.stderr):  # what the outbox logs is talk
        return play(scenario_named(name), settings, system_clock, address=address, within_seconds=within)


def _print(outcome: RehearsalOutcome) -> None:
    from msgspec import to_builtins

    print_json({**to_builtins(outcome), "passed": not outcome.troubles})


def _report(outcome: RehearsalOutcome) -> Iterator[str]:
    where = f"letters go to {outcome.address}" if outcome.address else "letters are written, and not sent"
    yield f"Rehearsal of {outcome.scenario}: {where}"
    for entry in outcome.timeline:
        yield f"  {entry.at:%H:%M:%S.%f}"[:-3] + f"  {entry.step.value:<8}  {entry.words}"
    if outcome.seconds is not None:
        yield f"From the line to the last acceptance: {outcome.seconds:.1f} s"
    yield "Clocks"
    for clock in outcome.clocks:
        yield f"  {clock.state.value:<6}  due {rfc3339(clock.due_at)}  {clock.regime}/{clock.phase}"
    yield "Documents"
    for document in outcome.documents:
        yield f"  {'incomplete' if document.missing else 'complete':<10}  {document.form} ({document.regime})"
    if not outcome.documents:
        yield "  none: no law that applies here has a form (docs/regimes.md)"
