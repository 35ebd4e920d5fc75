"""`credwatch notice`: shows notices without sending them, and checks a code that a reader gives."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, StoreOption
from credwatch.cli.output import ExitCode, print_json, print_problems, say, say_document, told_plainly
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.kernel.errors import CredwatchError, Problem, nearest

if TYPE_CHECKING:
    from credwatch.outbox.words.templates import Templates

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
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="customer_notice, disclosure_notice, breach_report, …")
    ],
    language: Annotated[Language, typer.Option(help="The language that comes first.")] = Language.VI,
    kind: Annotated[str, typer.Option(help="The kind of incident.")] = "account_takeover",
    form: Annotated[Format, typer.Option("--format", help="What to show.")] = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write all three forms into this folder instead.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A folder of templates searched first.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one message made from example data; nothing is sent. Exit code 1 where a template is broken."""
    from credwatch.outbox.words.examples import EXAMPLES, example
    from credwatch.outbox.words.templates import Templates

    if workflow not in EXAMPLES:
        hint = nearest(workflow, EXAMPLES) or f"known: {', '.join(EXAMPLES)}"
        raise typer.BadParameter(f"{workflow!r} is no notice; {hint}", param_hint="WORKFLOW")
    command = example(workflow, kind=kind, language=language.value)
    try:
        forms = _forms(command, Templates(templates))
    except CredwatchError as error:
        print_problems([Problem.of(error)])
        raise typer.Exit(ExitCode.NO) from error
    if out is not None:
        paths = _write(out, f"{workflow}-{language.value}", forms)
        print_json({"files": paths}) if as_json else say_document("".join(f"{path}\n" for path in paths))
    elif as_json:
        print_json({"workflow": workflow, "kind": kind, **forms})
    else:
        say_document(forms[form.value])


@notice_app.command()
def verify(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The verification code, as it was read out.")],
    config: ConfigOption = DEFAULT_CONFIG,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which message a verification code belongs to. Exit code 1 where it belongs to none."""
    with told_plainly():
        notice = _message_with(code, config, store)
    if as_json:
        print_json(notice or {"genuine": False})
    else:
        for line in [f"{name}: {value}" for name, value in notice.items()] or ["no message has this code"]:
            say(line)
    if not notice:
        raise typer.Exit(ExitCode.NO)


def _message_with(code: str, config: Path, store: Path | None) -> dict[str, object]:
    """Describe the message that a code belongs to; empty where there is none."""
    from credwatch.casework.casebook import opened_outbox
    from credwatch.workflows.message import same_code

    with opened_outbox(config, store) as outbox:
        messages = outbox.listed(("queued", "sending", "refused", "delivered", "returned"))
    for item in messages:
        command = item.command
        if same_code(code, str(command.payload.context.get("code", ""))):
            return {
                "genuine": True,
                "incident": command.incident,
                "workflow": command.workflow,
                "recipient": command.recipient,
                "created_at": rfc3339(command.created_at),
                "state": item.state,
            }
    return {}


def _forms(command: Command, templates: Templates) -> dict[str, str]:
    from credwatch.outbox.email.render import MailSender, Renderer

    words = templates.render(command)
    sender = MailSender("info@modoro.com.vn", str(command.payload.context["sender"]["name"]))  # type: ignore[index]
    message = Renderer(templates, sender).render(command)
    return {"subject": words.subject, "text": words.text, "html": words.html, "eml": message.as_string()}


def _write(folder: Path, name: str, forms: dict[str, str]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    endings = {"text": "txt", "html": "html", "eml": "eml"}
    paths = []
    for form, ending in endings.items():
        path = folder / f"{name}.{ending}"
        path.write_text(forms[form], encoding="utf-8", newline="")
        paths.append(str(path))
    return paths
