"""`credwatch doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import asdict

from credwatch.cli.check import OfflineOption
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, print_problems, tell, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from datetime import datetime

    from credwatch.app.settings import Settings
    from credwatch.kernel.errors import Problem

BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="FILE", help="Write what may be shown to a stranger to a new file, too."),
]


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    bundle: BundleOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with this installation, and how to mend it.

    Looks at all that `check` looks at, at the unit, the machine's clock, disk and Linux-PAM, and in the store: schema,
    what is not seen, silent sources, overdue duties, refused messages, the last backup. A bundle has no secret and
    nothing about people; read it before you send it. Exit code 0 where nothing but warnings is found, else 1.
    """
    from credwatch.checks.check import check_everything
    from credwatch.checks.machine import machine_problems
    from credwatch.checks.salvage import salvaged
    from credwatch.kernel.errors import Severity

    now, settings = system_clock(), salvaged(config)
    problems, standing = check_everything(config, online=not offline), None
    if settings is not None:
        problems += machine_problems(settings)
        complaints, standing = _store(settings, now)
        problems += complaints
    if bundle is not None:
        with told_plainly():
            from credwatch.checks.bundle import bundle_of, write_bundle

            write_bundle(bundle_of(settings, problems, standing), bundle)
    grave = [problem for problem in problems if problem.severity is not Severity.WARNING]
    if as_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        print_problems(problems)
        tell(f"problems: {len(grave)}, warnings: {len(problems) - len(grave)}" if problems else "all is well")
    raise typer.Exit(ExitCode.NO if grave else ExitCode.DONE)


def _store(settings: Settings, now: datetime) -> tuple[list[Problem], dict[str, Any] | None]:
    """Say what is wrong in the store, and how things stand; a store that cannot be read is what is wrong."""
    from credwatch.casework.complaints import ComplaintBook
    from credwatch.kernel.errors import CredwatchError, Problem, Severity

    try:
        with ComplaintBook(settings) as book:
            complaints = book.complaints(now)
            return complaints, book.standing(now) if book.is_current() else None
    except CredwatchError as error:
        return [Problem.of(error, Severity.FAULT)], None
