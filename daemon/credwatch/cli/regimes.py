"""`credwatch regimes`: the laws and contracts that are known, with their sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, told_plainly

if TYPE_CHECKING:
    from credwatch.world.regimes import Regime, RegimePhase, TimeLimit

regimes_app = typer.Typer(help="List and show laws and contracts whose clocks can be kept.", no_args_is_help=True)


@regimes_app.command(name="list")
def list_regimes(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the regimes, and mark those that apply to you."""
    with told_plainly():
        from credwatch.app.regimes import regimes_of
        from credwatch.app.settings import load_settings

        settings = load_settings(config)
        regimes = regimes_of(settings)
    own = {settings.regimes.contract, *settings.regimes.own}
    if as_json:
        print_json([_entry(regime, own) for regime in regimes.values()])
        return
    for regime in regimes.values():
        state = "" if regime.in_force else " (not in force)"
        say(f"{'*' if regime.id in own else ' '} {regime.id:<26} {regime.name}{state}")


def _entry(regime: Regime, own: set[str]) -> dict[str, object]:
    facts = {"id": regime.id, "name": regime.name, "version": regime.version}
    return facts | {"in_force": regime.in_force, "applies": regime.id in own}


@regimes_app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="REGIME", help="Its id, such as vn-personal-data.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show what a regime asks for, by when, and where that was read.

    Exit code 1 where there is no such regime.
    """
    with told_plainly():
        from credwatch.app.regimes import regimes_of
        from credwatch.app.settings import load_settings

        regime = regimes_of(load_settings(config)).get(name)
    if regime is None:
        print_error(f"no regime {name}; `credwatch regimes list` names them")
        raise typer.Exit(ExitCode.NO)
    if as_json:
        print_json(regime.model_dump(mode="json", exclude_defaults=True) | {"version": regime.version})
        return
    for line in _words(regime):
        say(line)


def _words(regime: Regime) -> Iterator[str]:
    kept = f"{regime.retention_years} years from {regime.retention_from}" if regime.retention_years else ""
    facts = {
        "name": regime.name,
        "texts": "; ".join(regime.texts),
        "in force": ("yes" if regime.in_force else "no") + (f", since {regime.since}" if regime.since else ""),
        "source": f"{regime.source} ({regime.certainty} text)",
        "checked on": str(regime.checked_on),
        "version": regime.version,
        "signed by": regime.signed_by,
        "file kept": kept,
    }
    yield from (f"{key:<14} {value}" for key, value in facts.items() if value)
    for phase in regime.phase:
        yield from _phase(phase)
    yield from (f"{'contradicts':<14} {', '.join(one.others)}: {one.says}" for one in regime.conflict)


def _phase(phase: RegimePhase) -> Iterator[str]:
    began = f"{phase.starts}{f' of {phase.after}' if phase.after else ''}"
    whose = "" if phase.within else " (a measure of ours)"
    yield f"{'phase':<14} {phase.id}: {_limit(phase.limit)} from {began}{whose}; the text says: {phase.wording}"
    facts = {
        "to": phase.addressee,
        "where": phase.threshold,
        "met when": phase.stops.value,
        "contents": ", ".join(phase.contents),
        "late": phase.late,
        "at most": _limit(phase.latest) if phase.latest else "",
    }
    yield from (f"  {key:<12} {value}" for key, value in facts.items() if value)


def _limit(limit: TimeLimit) -> str:
    ((unit, number),) = limit.model_dump(exclude_none=True).items()
    return f"{number} {unit.replace('_', ' ')}"
