"""Which rules a tool works with: those of the files and folders it is given, beside the shipped ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from credwatch.app.build import build_knowledge, packs_of, rule_folders, rules_in
from credwatch.app.settings import Settings, load_settings
from credwatch.kernel.errors import ConfigurationError, Problem, ProblemsFound
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge
from credwatch.rules.documents import CASES
from credwatch.rules.model import Rule, RuleSet

_PARTS = ("detections", "correlations", "filters")


class RuleChoice(Struct, frozen=True):
    """The rules that were read, and which of them were asked for."""

    rules: RuleSet
    """Every rule that loaded."""
    problems: tuple[Problem, ...]
    """What is wrong with those asked for, and with whatever keeps them from loading."""
    paths: tuple[Path, ...]
    """The files and folders asked for."""
    packs: PackSet
    """The log packs that give the events."""

    def concerns(self, where: str) -> bool:
        """Say whether a place, which begins with a file's path, lies in what was asked for."""
        return _lies_in(where, self.paths)

    def asked(self) -> list[Rule]:
        """Return the rules asked for, in the order they were read."""
        return [rule for rule in self.rules.by_id().values() if self.concerns(rule.where)]


def choose_rules(paths: Sequence[Path], settings: Settings, *, with_shipped: bool = True) -> RuleChoice:
    """Read the rules of files and folders; of the settings, shipped ones included, where none is named.

    Beside named paths the shipped rules are read too, so that they can be referred to, unless `with_shipped` is off.
    A file of cases stands for the rules beside it. Raises ConfigurationError for a path that does not exist.
    """
    named = tuple(part for path in paths for part in _parts_of(path))
    beside = rule_folders(Settings() if named else settings) if with_shipped else []
    roots = named or (tuple(beside) if with_shipped else settings.daemon.rules_directories)
    every = [*beside, *(path for path in roots if not _lies_in(str(path), beside))]
    folders = tuple(path if path.is_dir() else path.parent for path in roots) if named else ()
    rules, problems = rules_in(every, _with_folders(settings, folders) if named else settings)
    choice = RuleChoice(rules, (), roots, packs_of(settings))
    missing = [] if named else [_missing(path) for path in settings.daemon.rules_directories if not path.is_dir()]
    if named or not with_shipped:  # numbers in the settings may be for rules that were not asked for
        problems = [problem for problem in problems if choice.concerns(problem.where)]
    return replace(choice, problems=(*missing, *problems))


def tool_settings(config: Path | None) -> Settings:
    """Read the settings that a tool is given, or take the defaults; raises ConfigurationError and ProblemsFound."""
    return load_settings(config) if config is not None else Settings()


def without_thresholds(settings: Settings) -> Settings:
    """Return the settings with the rules' own numbers, on which the shipped cases rest."""
    nobody = settings.daemon.model_copy(update={"registers_directory": Path("/nonexistent")})
    detection = settings.detection.model_copy(update={"thresholds": {}})
    return settings.model_copy(update={"detection": detection, "source": (), "daemon": nobody})


def example_settings() -> Settings:
    """Return settings with the shipped examples as registers: the world in which shipped cases play."""
    settings = Settings()
    daemon = settings.daemon.model_copy(update={"registers_directory": shipped("config") / "examples"})
    return settings.model_copy(update={"daemon": daemon})


def knowledge_with(rules: RuleSet, settings: Settings, packs: PackSet | None = None) -> Knowledge:
    """Build what the daemon of these settings knows, with these rules; raises ProblemsFound.

    `packs` are those of the settings, where they have been read already.
    """
    return build_knowledge(settings, notice_key=Secret("trial"), rules=rules, packs=packs)


def required(choice: RuleChoice) -> RuleSet:
    """Return the rules; raises ProblemsFound where one of those asked for could not be read."""
    if choice.problems:
        raise ProblemsFound(choice.problems)
    return choice.rules


def _parts_of(path: Path) -> list[Path]:
    """Give a file or folder; of a folder laid out as the shipped rules are, the parts that hold rules."""
    if not path.exists():
        raise ConfigurationError("there is no such file or folder", where=str(path), hint="name rules, or their folder")
    if path.name.endswith(CASES):
        beside = path.with_name(path.name.removesuffix(CASES) + ".yml")
        return [beside if beside.exists() else path]
    parts = [path / name for name in _PARTS if (path / name).is_dir()]
    return parts or [path]


def _with_folders(settings: Settings, folders: tuple[Path, ...]) -> Settings:
    """Let log sources be read from the folders asked for."""
    daemon = settings.daemon.model_copy(update={"rules_directories": folders})
    return settings.model_copy(update={"daemon": daemon})


def _missing(folder: Path) -> Problem:
    return Problem(str(folder), "the folder of rules does not exist", "create it")


def _lies_in(where: str, paths: Sequence[Path]) -> bool:
    place = os.path.abspath(where)  # noqa: PTH100  # what follows the path is no path
    return any(place == top or place.startswith((f"{top}{os.sep}", f"{top}:")) for top in map(_absolute, paths))


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  # as given, links not followed
