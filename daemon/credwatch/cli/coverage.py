"""`credwatch coverage`: which clauses and techniques are kept watch over here, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, say, tell, told_plainly

if TYPE_CHECKING:
    from credwatch.app.settings import Settings
    from credwatch.authoring.coverage import Covered, SourceLines


ClausesOption = Annotated[
    bool, typer.Option("--clauses", help="Only the clauses of the policy, no techniques.", show_default=False)
]


def coverage(
    config: ConfigOption = DEFAULT_CONFIG, clauses: ClausesOption = False, as_json: JsonOption = False
) -> None:
    """Say which clauses and techniques rules watch over here.

    Lists the clauses of the policy and the ATT&CK techniques that rules are about, with the rules that a source of the
    settings can feed and those sources. A journal holds lines of programs; what has the format json holds objects of
    products; other sources hold both. A gap is a clause or technique that no source can feed a rule of.
    Exit code 1 where there is a gap.
    """
    with told_plainly():
        from credwatch.app.build import packs_of, rule_folders, rules_in
        from credwatch.app.settings import load_settings
        from credwatch.authoring.coverage import coverage as covered
        from credwatch.kernel.errors import ProblemsFound

        settings = load_settings(config)
        rules, problems = rules_in(rule_folders(settings), settings)
        if problems:
            raise ProblemsFound(problems)
        subjects = covered(rules, packs_of(settings), _source_lines(settings))
    subjects = tuple(subject for subject in subjects if subject.kind == "clause" or not clauses)
    gaps = [subject for subject in subjects if subject.is_gap]
    if as_json:
        print_json({"gaps": len(gaps), "covered": [asdict(subject) | {"gap": subject.is_gap} for subject in subjects]})
    else:
        for subject in subjects:
            say(_told(subject))
        tell(f"{len(subjects) - len(gaps)} covered, {len(gaps)} gaps")
    raise typer.Exit(ExitCode.NO if gaps else ExitCode.DONE)


def _source_lines(settings: Settings) -> list[SourceLines]:
    from credwatch.app.sources import configured_sources, format_of
    from credwatch.authoring.coverage import SourceLines
    from credwatch.kernel.account_finding import POSTURE
    from credwatch.sources.options import JournalSourceOptions

    findings = [SourceLines(POSTURE, objects=True, lines=False)] if settings.posture.source else []
    return [
        SourceLines(
            source.id, objects=not isinstance(source, JournalSourceOptions), lines=format_of(source).kind != "json"
        )
        for source in configured_sources(settings)
    ] + findings


def _told(subject: Covered) -> str:
    name = f"{subject.kind} {subject.name}"
    if subject.is_gap:
        return f"✗ {name}: no source here feeds {', '.join(subject.unfed)}"
    without = f"; without a source: {len(subject.unfed)}" if subject.unfed else ""
    return f"✓ {name}: {', '.join(subject.rules)}; sources: {', '.join(subject.sources)}{without}"
