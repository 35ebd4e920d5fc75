"""`credwatch check`: everything that `run` would find wrong, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, print_problems, tell, told_plainly

if TYPE_CHECKING:
    from credwatch.kernel.errors import Problem


def _one_address(address: str | None) -> str | None:
    from credwatch.kernel.mailbox import mailbox

    try:
        return address and mailbox(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


SendOption = Annotated[
    str | None,
    typer.Option(
        "--send",
        metavar="ADDRESS",
        callback=_one_address,
        help="Where the mail server is well, send a test message there and say what it answers.",
    ),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Ask no mail server, service or database.", show_default=False)
]


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    send: SendOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find everything that `run` would refuse, at once.

    Looks at settings, registers, packs, rules, templates, sources, secrets, and whether the gate and the metrics can
    listen; where they cannot, `run` starts without them. Connects to the mail servers, encrypts, logs in and names the
    sender, in 20 seconds at most. Warnings name what `run` goes on with and what is most likely not meant. Exit code 0
    where all is well, 1 where there is a problem, 2 where the command line is wrong.
    """
    from credwatch.checks.check import check_everything
    from credwatch.kernel.errors import Severity

    if send and offline:
        raise typer.BadParameter("leave out --offline: a test message needs the mail server", param_hint="--send")
    problems, places, thresholds = check_everything(config, online=not offline), _places(config), _thresholds(config)
    answer = "" if send is None else _sent(config, send, problems)
    errors = [problem for problem in problems if problem.severity is not Severity.WARNING]
    if as_json:
        further = {"answer": answer, "places": places, "thresholds": thresholds}
        further = {name: value for name, value in further.items() if value}
        print_json({"problems": [asdict(problem) for problem in problems], **further})
    else:
        for name, words in places.items():
            for place in (words,) if isinstance(words, str) else words:
                tell(f"source {name}: {place}")
        for text in thresholds:
            tell(f"threshold: {text}")
        print_problems(problems)
        if send:
            tell(f"test message to {send}: {answer}")
        warnings = f", warnings: {len(problems) - len(errors)}" if len(problems) > len(errors) else ""
        tell((f"problems found: {len(errors)}" if errors else "no problems found") + warnings)
    raise typer.Exit(ExitCode.NO if errors else ExitCode.DONE)


def _thresholds(config: Path) -> list[str]:
    """Say which numbers are in force where they are not the rules' own."""
    from credwatch.app.build import rule_folders, rules_in, thresholds_of
    from credwatch.checks.salvage import salvaged
    from credwatch.kernel.thresholds import Thresholds
    from credwatch.rules.thresholds import in_force

    settings = salvaged(config)
    if settings is None or thresholds_of(settings) == Thresholds():
        return []
    return list(in_force(rules_in(rule_folders(settings), settings)[0].correlations))


def _places(config: Path) -> dict[str, str | list[str]]:
    """Say where each source of kind machine finds its lines here, how files differ by path, and which are polled."""
    from credwatch.checks.followable import polling_of, ways_of
    from credwatch.checks.salvage import salvaged
    from credwatch.sources.machine import place_of, placed
    from credwatch.sources.options import FileSourceOptions, MachineSourceOptions

    settings = salvaged(config)
    sources = settings.source if settings is not None else ()
    places: dict[str, str | list[str]] = {}
    for source in sources:
        if isinstance(source, MachineSourceOptions):
            places[source.id] = place_of(placed(source))
        elif isinstance(source, FileSourceOptions) and (ways := [*polling_of(source), *ways_of(source)]):
            places[source.id] = ways
    return places


def _sent(config: Path, address: str, problems: list[Problem]) -> str:
    """Send a test message and return the answer; where it is not accepted, `problems` gets one more."""
    from credwatch.app.settings import load_settings
    from credwatch.checks.mail import not_accepted, send_trial_message
    from credwatch.kernel.clock import system_clock
    from credwatch.kernel.receipt import Delivered

    if any(problem.where.startswith("outbox.email") for problem in problems):
        return "not sent, for the mail server has a problem"
    with told_plainly():
        receipt = send_trial_message(load_settings(config), address, system_clock)
    if (problem := not_accepted(receipt, address)) is not None:
        problems.append(problem)
    return receipt.reply if isinstance(receipt, Delivered) else receipt.reason
