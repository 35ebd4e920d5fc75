"""`credwatch rules check`: what is wrong with rules, before they are loaded."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.options import JsonOption, RulePaths, ShippedOption, ToolConfigOption
from credwatch.cli.output import ExitCode, print_json, tell, tell_hint, told_plainly


def check(
    paths: RulePaths = None,
    config: ToolConfigOption = None,
    shipped: ShippedOption = True,
    cases: Annotated[bool, typer.Option("--cases/--no-cases", help="Whether rules without cases are named.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with rules, at once.

    Rules that do not load, unknown fields with the nearest name, conditions that can never hold, ids and titles used
    twice, rules without cases of both kinds. Without a path: the shipped rules and the settings' folders. Exit code 1
    where there is an error; notes are no errors.
    """
    with told_plainly():
        from credwatch.authoring.check import FindingSeverity, check_rules
        from credwatch.authoring.choice import choose_rules, tool_settings

        choice = choose_rules(paths or [], tool_settings(config), with_shipped=shipped)
        findings = check_rules(choice, with_cases=cases)
    errors = sum(finding.severity is FindingSeverity.ERROR for finding in findings)
    if as_json:
        print_json(
            {"rules": len(choice.asked()), "errors": errors, "findings": [asdict(finding) for finding in findings]}
        )
    else:
        for finding in findings:
            tell(f"{finding.severity}: {finding.where}: {finding.message}")
            tell_hint(finding.hint)
        tell(f"{len(choice.asked())} rules, {errors} errors, {len(findings) - errors} notes")
    raise typer.Exit(ExitCode.NO if errors else ExitCode.DONE)
