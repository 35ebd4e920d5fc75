"""`credwatch notice`: shows notices without sending them, and checks a code that a reader gives."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from credwatch.cli.outbox import StorePath, opened
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.kernel.errors import CredwatchError, nearest
from credwatch.outbox.examples import EXAMPLES, example
from credwatch.outbox.render import Renderer, Sender
from credwatch.outbox.templates import Templates
from credwatch.workflows.message import same_code

notice_app = typer.Typer(no_args_is_help=True, help="Show notices without sending them, and check their codes.")


class Language(StrEnum):
    """The languages notices are written in."""

    VI = "vi"
    EN = "en"


class Format(StrEnum):
    """How a preview is shown."""

    TEXT = "text"
    HTML = "html"
    EML = "eml"


@notice_app.command()
def preview(
    workflow: Annotated[str, typer.Argument(help="customer_notice, disclosure_notice, breach_report, …")],
    language: Annotated[Language, typer.Option(help="The language that comes first.")] = Language.VI,
    kind: Annotated[str, typer.Option(help="The kind of incident.")] = "account_takeover",
    form: Annotated[Format, typer.Option("--format", help="What to show.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Write all three forms into this folder instead.")] = None,
    templates: Annotated[Path | None, typer.Option(help="A folder of templates searched first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show one message made from example data; nothing is sent. Exit code 1 where a template is broken."""
    if workflow not in EXAMPLES:
        hint = nearest(workflow, EXAMPLES) or f"known: {', '.join(EXAMPLES)}"
        raise typer.BadParameter(f"{workflow!r} is no notice; {hint}", param_hint="WORKFLOW")
    command = example(workflow, kind=kind, language=language.value)
    try:
        forms = _forms(command, Templates(templates))
    except CredwatchError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if out is not None:
        written = _write(out, f"{workflow}-{language.value}", forms)
        typer.echo(json.dumps({"files": written}) if as_json else "\n".join(written))
    elif as_json:
        typer.echo(json.dumps({"workflow": workflow, "kind": kind, **forms}, ensure_ascii=False))
    else:
        typer.echo(forms[form.value], nl=False)


@notice_app.command()
def verify(
    code: Annotated[str, typer.Argument(help="The verification code, as it was read out.")],
    store: StorePath,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say which message a verification code belongs to. Exit code 1 where it belongs to none."""
    for item in opened(store).listed(("queued", "sending", "refused", "delivered")):
        command = item.command
        if same_code(code, str(command.context.get("code", ""))):
            found = {
                "genuine": True,
                "incident": command.incident,
                "workflow": command.workflow,
                "recipient": command.recipient,
                "created_at": rfc3339(command.created_at),
                "state": item.state,
            }
            lines = (f"{name}: {value}" for name, value in found.items())
            typer.echo(json.dumps(found) if as_json else "\n".join(lines))
            return
    typer.echo(json.dumps({"genuine": False}) if as_json else "no message has this code")
    raise typer.Exit(1)


def _forms(command: Command, templates: Templates) -> dict[str, str]:
    words = templates.render(command)
    sender = Sender("info@modoro.com.vn", str(command.context["sender"]["name"]))  # type: ignore[index]
    message = Renderer(templates, sender).render(command)
    return {"subject": words.subject, "text": words.text, "html": words.html, "eml": message.as_string()}


def _write(folder: Path, name: str, forms: dict[str, str]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    endings = {"text": "txt", "html": "html", "eml": "eml"}
    written = []
    for form, ending in endings.items():
        path = folder / f"{name}.{ending}"
        path.write_text(forms[form], encoding="utf-8", newline="")
        written.append(str(path))
    return written
