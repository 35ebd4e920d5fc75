"""Errors that say where, what was expected, what was found, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct


class CredwatchError(Exception):
    """The root of every error credwatch raises on purpose.

    `where` names the file, line, key or peer; `hint` says what to do about it. Neither may hold a secret.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def headline(self) -> str:
        """Say where it is and what is wrong, without the hint."""
        return f"{self.where}: {self.message}" if self.where else self.message

    def __str__(self) -> str:
        return f"{self.headline()} ({self.hint})" if self.hint else self.headline()


class ConfigurationError(CredwatchError):
    """A configuration file or register cannot be used as it stands."""


class RuleError(CredwatchError):
    """A detection, correlation, filter or pack cannot be compiled."""


class SourceError(CredwatchError):
    """A source of lines cannot be read now; the daemon keeps running and tries again."""


class StoreError(CredwatchError):
    """The store refused a read or a commit; nothing of the batch was kept."""


class TemplateError(CredwatchError):
    """A notice template cannot be rendered."""


class Severity(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    """`run` refuses it."""
    FAULT = "fault"
    """`run` begins, does without the part of it that this concerns, and tries again."""
    WARNING = "warning"
    """`run` goes on with it, and it is most likely not what was meant."""


class Problem(Struct, frozen=True):
    """One thing that `credwatch check` found."""

    where: str
    """File, with line or key where one is known."""
    message: str
    """What is wrong: what was expected and what was found."""
    hint: str = ""
    """What to do about it."""
    severity: Severity = Severity.ERROR
    """Whether `run` would refuse it."""

    @classmethod
    def of(cls, error: CredwatchError, severity: Severity = Severity.ERROR) -> Problem:
        """Take the parts of an error."""
        return cls(where=error.where, message=error.message, hint=error.hint, severity=severity)

    def headline(self) -> str:
        """Say where it is and what is wrong, without the hint."""
        return f"{self.where}: {self.message}" if self.where else self.message

    def __str__(self) -> str:
        return f"{self.headline()}\n    hint: {self.hint}" if self.hint else self.headline()


class ProblemsFound(CredwatchError):
    """Several problems at once; `problems` holds each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Say which known word is nearest, as a hint, or an empty string where none is near."""
    matches = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else ""
