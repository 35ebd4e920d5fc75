"""What all register entries share: names, how they are compared, and the search for names given twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from credwatch.kernel.account import compared
from credwatch.kernel.errors import Problem, ProblemsFound

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An id of ours: letters, digits, dot, dash and underscore."""

Name = Annotated[str, Field(min_length=1, max_length=254)]
"""A name as the logs or a letter write it."""

ANY = "*"
"""Stands for all accounts, actors or actions."""


def folded(name: str) -> str:
    """Write a login name or address as it is compared."""
    return compared(name)


def require_unique(names: Iterable[str], *, key: str, where: str) -> None:
    """Raise ProblemsFound where a name stands twice; names that differ only in their case are the same."""
    spellings = list(names)
    first_spellings = {folded(name): name for name in reversed(spellings)}
    problems = [
        Problem(
            f"{where}: {key}",
            f"{first_spellings[name]!r} is given {count} times",
            "keep one entry, or rename the others",
        )
        for name, count in Counter(map(folded, spellings)).items()
        if count > 1
    ]
    if problems:
        raise ProblemsFound(problems)
