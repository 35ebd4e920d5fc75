"""`credwatch check`: everything that `run` would find wrong, at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from credwatch.cli.output import ExitCode, console, print_json, print_problems
from credwatch.cli.run import DEFAULT_CONFIG, ConfigOption


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Problems as JSON on stdout.")] = False,
) -> None:
    """Check settings, registers, packs, rules, templates, sources and secrets; exit 0 where `run` would start."""
    from credwatch.app.check import check_everything

    problems = check_everything(config)
    if as_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        print_problems(problems)
        console.print("no problems found" if not problems else f"{len(problems)} problems found")
    raise typer.Exit(ExitCode.NO if problems else ExitCode.DONE)
