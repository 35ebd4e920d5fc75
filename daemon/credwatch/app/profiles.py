"""Which policy profiles there are: the shipped ones, files of the operator, and tables of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from credwatch.app.settings import Settings
from credwatch.kernel.errors import ConfigurationError, Problem, ProblemsFound, nearest
from credwatch.kernel.folders import files_below
from credwatch.kernel.options import read_toml
from credwatch.kernel.resources import shipped
from credwatch.policy.inheritance import extended
from credwatch.policy.profile import PolicyProfile

_DEFAULT = "default"


def profiles_of(settings: Settings) -> dict[str, PolicyProfile]:
    """Return every profile by its name, each with what it extends already in it; raises ProblemsFound.

    Tables of the settings go before files of the operator, and those before the shipped ones.
    """
    folders = [shipped("config") / "profiles", *settings.daemon.profiles_directories]
    written = _files(folders) | {_DEFAULT: PolicyProfile()} | settings.profile
    profiles, problems = _resolved(written)
    problems += _unknown_names(settings, profiles)
    if problems:
        raise ProblemsFound(problems)
    return profiles


def shipped_profiles() -> dict[str, PolicyProfile]:
    """Return the shipped profiles, and the default one."""
    return profiles_of(Settings())


def read_profile(path: Path, profiles: Mapping[str, PolicyProfile]) -> PolicyProfile:
    """Read one profile from a file, with what it extends; raises ConfigurationError or ProblemsFound."""
    resolved, problems = _resolved({**profiles, str(path): _read(path)})
    if problems:
        raise ProblemsFound(problems)
    return resolved[str(path)]


def _files(folders: list[Path]) -> dict[str, PolicyProfile]:
    profiles: dict[str, PolicyProfile] = {}
    problems: list[Problem] = []
    for path in [path for folder in folders for path in files_below(folder, (".toml",))]:
        try:
            profiles[path.stem] = _read(path)
        except ProblemsFound as error:
            problems += error.problems
        except ConfigurationError as error:
            problems.append(Problem.of(error))
    if problems:
        raise ProblemsFound(problems)
    return profiles


def _read(path: Path) -> PolicyProfile:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "check its path, permissions and encoding"
        raise ConfigurationError("the profile cannot be read", where=str(path), hint=hint) from error
    return read_toml(text, PolicyProfile, where=str(path))


def _resolved(written: Mapping[str, PolicyProfile]) -> tuple[dict[str, PolicyProfile], list[Problem]]:
    """Put into each profile what it extends: parents first, so what is left over extends nothing that is there."""
    resolved: dict[str, PolicyProfile] = {}
    problems: list[Problem] = []
    waiting = dict(written)
    while ready := [name for name, it in waiting.items() if it.extends in ("", *resolved)]:
        for name in ready:
            own = waiting.pop(name)
            parent = resolved[own.extends] if own.extends else PolicyProfile()
            try:
                resolved[name] = extended(name, own, parent)
            except ValidationError as error:
                message = str(error.errors(include_url=False, include_input=False)[0]["msg"])
                problems.append(_problem(name, message.removeprefix("Value error, "), "mend one of the two"))
    problems += [_problem(name, _lost(name, it, waiting), _hint(it, written)) for name, it in waiting.items()]
    return resolved, problems


def _lost(name: str, profile: PolicyProfile, waiting: Mapping[str, PolicyProfile]) -> str:
    if profile.extends == name:
        return "it extends itself"
    around = " in a circle" if profile.extends in waiting else ", which is not known"
    return f"it extends {profile.extends!r}{around}"


def _hint(profile: PolicyProfile, written: Mapping[str, PolicyProfile]) -> str:
    return nearest(profile.extends, written) or f"known are: {', '.join(sorted(written))}"


def _problem(name: str, message: str, hint: str) -> Problem:
    where = name if name.endswith(".toml") else f"profile {name!r}"
    return Problem(f"{where}: extends", message, hint)


def _unknown_names(settings: Settings, profiles: Mapping[str, PolicyProfile]) -> Iterator[Problem]:
    named = {"staff_profile": settings.staff_profile}
    named |= {f"staff_role_profiles.{role}": name for role, name in settings.staff_role_profiles.items()}
    for key, name in named.items():
        if name not in profiles:
            hint = nearest(name, profiles) or f"known are: {', '.join(sorted(profiles))}"
            yield Problem(key, f"policy profile {name!r} is not known", hint)
