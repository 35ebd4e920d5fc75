"""`credwatch incidents` state and document: answers to what forms ask, and the forms themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, incidents_app, unknown
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, tell_hint, told_plainly
from credwatch.kernel.case_entry import AnswerState, FormAnswer
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError


@incidents_app.command()
def state(
    number: NumberArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="Its id, such as data_kinds.")],
    value: Annotated[str, typer.Argument(metavar="[ANSWER]", help="The answer, in the form's language.")] = "",
    is_unknown: Annotated[bool, typer.Option("--unknown", help="It was looked for, and is not known yet.")] = False,
    is_none: Annotated[bool, typer.Option("--not-applicable", help="It does not arise here.")] = False,
    customer: Annotated[str, typer.Option("--customer", help="For the package of this customer alone.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Answer a question that forms ask about a breach.

    The latest answer counts, in every form that asks it, before what the case tells by itself. Exit code 1 where the
    number is unknown.
    """
    if is_unknown and is_none:
        raise typer.BadParameter("--unknown and --not-applicable exclude each other")
    state = AnswerState.UNKNOWN if is_unknown else AnswerState.NOT_APPLICABLE if is_none else AnswerState.KNOWN
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.answering import Answering
        from credwatch.casework.casebook import described

        actor = Actor(login_name(by), system_clock())
        with Answering.at(config) as answering:
            stated = FormAnswer(question, value, f"stated by {actor.name}", state)
            incident = answering.state(number, actor, stated, customer)
    if incident is None:
        raise unknown(number)
    print_json(described(incident)) if as_json else say(f"{number}: {question} stated")


@incidents_app.command()
def document(
    number: NumberArgument,
    form: Annotated[str, typer.Argument(metavar="FORM", help="The form, such as vn-form-08.")],
    output: Annotated[Path, typer.Option("--output", help="A new file: .docx, .pdf, .json, or .txt for a sheet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Fill a form in from the case of a breach, and write it.

    What is missing is written as missing, and named. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.answering import Answering
        from credwatch.casework.writing import WRITERS

        write = WRITERS.get(output.suffix.lower())
        if write is None:
            hint = f"end it with one of {', '.join(WRITERS)}"
            raise ConfigurationError("nothing writes such a file", where=str(output), hint=hint)
        with Answering.at(config) as answering:
            filled = answering.fill(number, form, system_clock())
        if filled is not None:
            _write(output, write(filled))
    if filled is None:
        raise unknown(number)
    if as_json:
        print_json({"file": str(output), "form": form, "missing": list(filled.missing)})
        return
    say(f"{number}: {form} in {output}")
    if filled.missing:
        tell_hint(f'missing: {", ".join(filled.missing)}; credwatch incidents state {number} QUESTION "…" adds them')


def _write(path: Path, content: bytes) -> None:
    """Write a new file that its owner alone may read."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        hint = "name a file that is not there yet, in a folder that is"
        raise ConfigurationError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
