"""`credwatch rules test`: the cases beside the rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.options import JsonOption, RulePaths, ShippedOption, ToolConfigOption
from credwatch.cli.output import ExitCode, print_error, print_json, print_problems, tell, tell_hint, told_plainly
from credwatch.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from credwatch.authoring.testing import Tested


def run(
    paths: RulePaths = None,
    config: ToolConfigOption = None,
    shipped: ShippedOption = True,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the cases beside the rules.

    Without a path: those of the shipped rules and of the settings' folders. Each rule must have a case that fires and
    one that stays quiet. Lines are enriched by the registers of --config, those of the shipped cases by the examples.
    Exit code 1 where a case comes out otherwise, or is missing.
    """
    with told_plainly():
        tested = _tested(paths or [], config, shipped)
        if junit is not None:
            _write(junit, tested)
    if as_json:
        print_json(_described(tested))
    else:
        _print(tested)
    raise typer.Exit(ExitCode.NO if tested.failed or tested.problems else ExitCode.DONE)


def _tested(paths: list[Path], config: Path | None, with_shipped: bool) -> Tested:
    from credwatch.authoring.choice import (
        choose_rules,
        example_settings,
        knowledge_with,
        tool_settings,
        without_thresholds,
    )
    from credwatch.authoring.testing import run_tests
    from credwatch.rules.thresholds import in_force

    settings = tool_settings(config)
    choice = choose_rules(paths, settings, with_shipped=with_shipped)
    as_shipped = choose_rules(paths, without_thresholds(settings), with_shipped=with_shipped) if config else choice
    example = knowledge_with(as_shipped.rules, example_settings())
    own = knowledge_with(choice.rules, settings) if config is not None else example
    for text in in_force(choice.rules.correlations):
        tell(f"threshold: {text}; shipped cases rest on the rule's own")
    return run_tests(choice, own, example)


def _write(path: Path, tested: Tested) -> None:
    from credwatch.authoring.testing import junit

    try:
        path.write_bytes(junit(tested))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(reason, where=f"--junit {path}", hint="check the folder and its rights") from error


def _described(tested: Tested) -> dict[str, object]:
    return {
        "passed": len(tested.outcomes) - len(tested.failed),
        "failed": len(tested.failed),
        "seconds": round(tested.seconds, 3),
        "cases": [{"passed": not outcome.problem, **asdict(outcome)} for outcome in tested.outcomes],
        "problems": [asdict(problem) for problem in tested.problems],
    }


def _print(tested: Tested) -> None:
    for outcome in tested.failed:
        print_error(f"{outcome.where}: {outcome.rule}: {outcome.case}: {outcome.problem}")
        tell_hint(outcome.hint)
    print_problems(tested.problems)
    passed = len(tested.outcomes) - len(tested.failed)
    tell(f"{passed} of {len(tested.outcomes)} cases passed, {len(tested.problems)} problems, {tested.seconds:.1f} s")
