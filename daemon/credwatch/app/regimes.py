"""Which laws and contracts apply: shipped regimes and the operator's own, by their names in settings and registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from credwatch.app.settings import Settings
from credwatch.kernel.errors import ConfigurationError, Problem, ProblemsFound, Severity, nearest
from credwatch.kernel.folders import files_below
from credwatch.kernel.resources import shipped
from credwatch.workflows.facts import Facts
from credwatch.world.calendars import known_countries
from credwatch.world.customers import Customer
from credwatch.world.regimes import KNOWN_BY_ITSELF, Regime, read_regime

_STALE = timedelta(days=366)
"""What was checked longer ago may have changed since."""


def load_regimes(folders: Iterable[Path]) -> dict[str, Regime]:
    """Read every regime by its id, a later folder's in place of an earlier's; raises ProblemsFound."""
    regimes: dict[str, Regime] = {}
    problems: list[Problem] = []
    for path in [path for folder in folders for path in files_below(folder, (".toml",))]:
        try:
            regime = read_regime(path.read_text("utf-8"), str(path))
        except ProblemsFound as error:
            problems += error.problems
        except (ConfigurationError, OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(path), f"cannot be read: {error}", "it must be TOML in UTF-8"))
        else:
            problems += _misnamed(regime, path)
            regimes[regime.id] = regime
    if problems:
        raise ProblemsFound(problems)
    return regimes


def _misnamed(regime: Regime, path: Path) -> Iterator[Problem]:
    if regime.id != path.stem:
        yield Problem(f"{path}: id", f"{regime.id!r} is not the name of the file", f'write id = "{path.stem}"')
    if _counts_working_days(regime) and regime.country not in known_countries([regime.country]):
        hint = "name another country, or count other days"
        yield Problem(f"{path}: country", f"no calendar of {regime.country!r} is known", hint)


def _counts_working_days(regime: Regime) -> bool:
    return any(phase.rolls or phase.limit.working_days is not None for phase in regime.phase)


def regimes_of(settings: Settings) -> dict[str, Regime]:
    """Read the shipped regimes and the operator's own; raises ProblemsFound."""
    return load_regimes([shipped("config") / "regimes", *settings.regimes.directories])


def shipped_regimes() -> dict[str, Regime]:
    """Read the shipped regimes."""
    return load_regimes([shipped("config") / "regimes"])


def contract_of(settings: Settings, regimes: Mapping[str, Regime]) -> Regime:
    """Return the contract; raises ConfigurationError where it is none that workflows can keep."""
    name, where = settings.regimes.contract, "regimes.contract"
    if name not in regimes:
        raise ConfigurationError(f"no regime {name!r} is known", where=where, hint=_hint(name, regimes))
    for phase in regimes[name].phase:
        if phase.workflow and phase.starts not in KNOWN_BY_ITSELF and not phase.workflow.endswith("_update"):
            hint = "let it start at occurred, recorded or detected"
            raise ConfigurationError(f"its phase {phase.id!r} starts at {phase.starts}", where=where, hint=hint)
    return regimes[name]


def applied(
    settings: Settings, customers: Sequence[Customer], regimes: Mapping[str, Regime]
) -> dict[str, tuple[Regime, ...]]:
    """Map the operator (empty id) and each customer to what applies; raises ProblemsFound for unknown names."""
    named = {"": settings.regimes.own, **{customer.id: customer.regimes for customer in customers if customer.regimes}}
    problems = [
        Problem(_place(who), f"no regime {name!r} is known", _hint(name, regimes))
        for who, names in named.items()
        for name in names
        if name not in regimes
    ]
    if problems:
        raise ProblemsFound(problems)
    return {who: tuple(regimes[name] for name in names) for who, names in named.items() if names}


def _place(who: str) -> str:
    return f"customers.toml: customer {who!r}: regimes" if who else "regimes.own"


def regime_doubts(settings: Settings, facts: Facts, today: date) -> Iterator[Problem]:
    """Say what is doubtful of the regimes that apply, and what contradicts what: nothing is resolved silently."""
    for who, regimes in facts.regimes.items():
        for regime in regimes:
            yield from _doubts(_place(who), regime, settings, today)
        yield from _conflicts(_place(who), (facts.contract, *regimes))


def _doubts(where: str, regime: Regime, settings: Settings, today: date) -> Iterator[Problem]:
    """Warn of a regime that does not hold, was checked long ago, or whose file is not kept for long enough."""
    if not regime.in_force or (regime.since is not None and regime.since > today):
        yield _warning(where, f"{regime.id} is not in force", "take it out; its clocks run all the same")
    if regime.certainty == "secondary":
        text = f"{regime.id} was read in texts about the law, not in the law"
        yield _warning(where, text, f"have it compared with {regime.texts[0]} before you rely on it")
    if today - regime.checked_on > _STALE:
        text = f"{regime.id} was last checked on {regime.checked_on}"
        yield _warning(where, text, "compare it with the law as it is now, in a file of your own")
    if regime.role not in (settings.daemon.role, "either"):
        yield _warning(where, f"{regime.id} is for the role {regime.role}", "here it starts no clock: take it out")
    kept = settings.retention.notified_incidents
    if regime.retention_years and kept < timedelta(days=365 * regime.retention_years):
        text = f"{regime.id} asks to keep the file of a breach for {regime.retention_years} years"
        yield _warning("retention.notified_incidents", text, f"keep it for so long from {regime.retention_from}")


def _conflicts(where: str, active: Sequence[Regime]) -> Iterator[Problem]:
    ids = {regime.id for regime in active}
    for regime in active:
        for conflict in regime.conflict:
            if others := [name for name in conflict.others if name in ids]:
                text = f"{regime.id} and {', '.join(others)} do not agree: {conflict.says}"
                yield _warning(where, text, "decide, and write down what you decided; credwatch follows each by itself")


def _warning(where: str, message: str, hint: str) -> Problem:
    return Problem(where, message, hint, Severity.WARNING)


def _hint(name: str, regimes: Mapping[str, Regime]) -> str:
    return nearest(name, regimes) or f"known are: {', '.join(sorted(regimes))}"
