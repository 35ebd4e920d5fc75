"""How every command speaks: data on stdout, talk on stderr, problems with where and hint, and the exit codes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound
from credwatch.kernel.legible import in_json, on_a_terminal

_LINES = re.compile(r"([^\n]*?)(\r?\n|\Z)")


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """It did what was asked."""
    NO = 1
    """The answer is no: a password refused, a code wrong, problems found, nothing by that name."""
    CANNOT = 2
    """It could not be done: wrong usage, unreadable file, broken configuration."""
    NO_ANSWER = 3
    """The gate did not answer."""


class NoAnswer(CredwatchError):
    """Whoever was asked did not answer, or said that it cannot."""


def say(line: str) -> None:
    """Write one line of data to stdout, whatever a log, a server or a file name put into it."""
    typer.echo(on_a_terminal(line))


def say_document(text: str) -> None:
    """Write a text of many lines to stdout, with its line ends as they are."""
    typer.echo("".join(on_a_terminal(line) + end for line, end in _LINES.findall(text)), nl=False)


def tell(message: str) -> None:
    """Say one line to who is there: talk goes to stderr, data to stdout."""
    typer.echo(on_a_terminal(message), err=True)


def print_json(value: Any) -> None:
    """Write one JSON value on one line of stdout; moments as RFC 3339, what could steer a terminal as escapes."""
    sys.stdout.write(in_json(json.dumps(value, ensure_ascii=False, default=str)) + "\n")


def tell_more(last: str) -> None:
    """Say how to see what stands behind a page."""
    tell(f"there are more: --after {last}")


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn errors into messages with where and hint, and exit 2, or 3 where nobody answered."""
    try:
        yield
    except ProblemsFound as error:
        print_problems(error.problems)
        raise typer.Exit(ExitCode.CANNOT) from error
    except CredwatchError as error:
        print_problems([Problem.of(error)])
        raise typer.Exit(ExitCode.NO_ANSWER if isinstance(error, NoAnswer) else ExitCode.CANNOT) from error


def print_problems(problems: Iterable[Problem]) -> None:
    """Write problems to stderr, one after the other, each with its hint on a line of its own."""
    for problem in problems:
        tell(f"{problem.severity}: {problem.headline()}")
        tell_hint(problem.hint)


def print_error(message: str) -> None:
    """Write one error to stderr, as long as it is."""
    tell(f"error: {message}")


def tell_hint(hint: str) -> None:
    """Say under a problem what to do about it, where something is known."""
    if hint:
        tell(f"    hint: {hint}")
