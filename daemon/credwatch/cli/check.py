"""`credwatch check`: everything that `run` would find wrong, at once."""

from __future__ import annotations

import typer
from msgspec.structs import asdict

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, print_problems, tell


def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Find everything that `run` would refuse, at once.

    Looks at settings, registers, packs, rules, templates, sources, secrets, and whether the gate and the metrics can
    listen; where they cannot, `run` starts without them. Warnings name what `run` goes on with and what is most likely
    not meant. Exit code 0 where everything would run, 1 where not.
    """
    from credwatch.app.check import check_everything
    from credwatch.kernel.errors import Severity

    problems = check_everything(config)
    errors = [problem for problem in problems if problem.severity is not Severity.WARNING]
    if as_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        print_problems(problems)
        warnings = f", warnings: {len(problems) - len(errors)}" if len(problems) > len(errors) else ""
        tell((f"problems found: {len(errors)}" if errors else "no problems found") + warnings)
    raise typer.Exit(ExitCode.NO if errors else ExitCode.DONE)
