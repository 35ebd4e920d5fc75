"""`credwatch totp`: enrols and verifies one-time codes at a running gate, for operators and for trying out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from credwatch.cli.options import JsonOption
from credwatch.cli.output import ExitCode, print_json, say_document, told_plainly
from credwatch.kernel.secret import Secret

totp_app = typer.Typer(help="One-time codes as a second factor.", no_args_is_help=True)

User = Annotated[str, typer.Option("--user", help="The account's name.")]
Organization = Annotated[str, typer.Option("--organization", help="The customer's id.")]
Socket = Annotated[Path, typer.Option("--socket", help="The gate's socket.")]
By = Annotated[str, typer.Option("--by", help="Your own account; it goes into the event.")]
Why = Annotated[str, typer.Option("--why", help="How you know the person; it goes into the event.")]

_SOCKET = Path("/run/credwatch/gate.sock")


@totp_app.command("enrol")
def enrol(user: User, organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False) -> None:
    """Make a secret and print it, once.

    It counts after `totp verify --first`.

    Exit codes: 0 made, 1 a factor stands already, 2 usage, 3 the gate does not answer.
    """
    answer = _asked(socket, "totp/enrol", {"user": user, "organization": organization})
    text = f"{answer['uri']}\nsecret {answer['secret']}" if "secret" in answer else _problem(answer)
    _finish(answer, text, succeeded="secret" in answer, as_json=as_json)


@totp_app.command("verify")
def verify(
    user: User,
    organization: Organization = "",
    first: Annotated[bool, typer.Option("--first", help="The first code of a new secret.")] = False,
    socket: Socket = _SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Verify the code on standard input.

    Exit codes: 0 accepted, 1 not accepted, 2 usage, 3 the gate does not answer.
    """
    code = _typed("Code: ")
    question = {"user": user, "organization": organization, "code": code}
    answer = _asked(socket, "totp/confirm" if first else "totp/verify", question)
    text = _problem(answer)
    if answer.get("until"):
        text = f"{text}, no code is looked at before {answer['until']}"
    _finish(answer, text, succeeded=answer.get("accepted") is True, as_json=as_json)


@totp_app.command("recovery-codes")
def make_recovery_codes(
    user: User, organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False
) -> None:
    """Make ten recovery codes and print them, once.

    Those made before are good no longer.

    Exit codes: 0 made, 1 there is no confirmed factor, 2 usage, 3 the gate does not answer.
    """
    answer = _asked(socket, "recovery/make", {"user": user, "organization": organization})
    text = "\n".join(answer["codes"]) if "codes" in answer else _problem(answer)
    _finish(answer, text, succeeded="codes" in answer, as_json=as_json)


@totp_app.command("recover")
def recover(user: User, organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False) -> None:
    """Verify the recovery code on standard input.

    Exit codes: 0 accepted, 1 not accepted, 2 usage, 3 the gate does not answer.
    """
    code = _typed("Recovery code: ")
    answer = _asked(socket, "recovery/verify", {"user": user, "organization": organization, "code": code})
    text = f"accepted, {answer['left']} left" if "left" in answer else _problem(answer)
    _finish(answer, text, succeeded=answer.get("accepted") is True, as_json=as_json)


@totp_app.command("unlock")
def unlock(
    user: User, by: By, why: Why, organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False
) -> None:
    """Forgive the failures of a locked factor.

    Identify the person before.

    Exit codes: 0 unlocked, 1 it was not locked or must be enrolled anew, 2 usage, 3 the gate does not answer.
    """
    answer = _asked(socket, "totp/unlock", {"user": user, "organization": organization, "by": by, "why": why})
    _finish(answer, _problem(answer), succeeded=answer.get("unlocked") is True, as_json=as_json)


@totp_app.command("remove")
def remove(
    user: User, by: By, why: Why, organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False
) -> None:
    """Take a factor away, with its recovery codes.

    The person can then enrol a new one.

    Exit codes: 0 removed, 1 there was none, 2 usage, 3 the gate does not answer.
    """
    answer = _asked(socket, "totp/remove", {"user": user, "organization": organization, "by": by, "why": why})
    removed = answer.get("removed") is True
    _finish(answer, "removed" if removed else _problem(answer), succeeded=removed, as_json=as_json)


def _typed(prompt: str) -> Secret:
    from credwatch.cli.gate_client import read_secret

    return Secret(read_secret(prompt).reveal().strip())


def _asked(socket: Path, endpoint: str, question: dict[str, Any]) -> dict[str, Any]:
    from credwatch.cli.gate_client import ask_gate

    with told_plainly():
        return ask_gate(socket, endpoint, question)


def _problem(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return str(answer["error"]["message"])
    return str(answer.get("outcome", "there is no factor"))


def _finish(answer: dict[str, Any], text: str, *, succeeded: bool, as_json: bool) -> None:
    print_json(answer) if as_json else say_document(f"{text}\n")
    raise typer.Exit(ExitCode.DONE if succeeded else ExitCode.NO)
