"""`credwatch pam`: what `pam_exec` runs, so that system logins and `passwd` ask the gate, without compiled code."""

from __future__ import annotations

import os
import sys
import syslog
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer

from credwatch.cli.options import JsonOption
from credwatch.cli.output import ExitCode, NoAnswer, print_json, say
from credwatch.kernel.errors import ConfigurationError, CredwatchError
from credwatch.kernel.secret import Secret

pam_app = typer.Typer(help="What PAM runs, to ask the gate.", no_args_is_help=True)

_SOCKET = Path("/run/credwatch/gate.sock")
_MOST_BYTES = 512
"""PAM_MAX_RESP_SIZE: pam_exec hands over so much of a password, and says nothing of the rest."""


class WithoutGate(StrEnum):
    """What a gate that does not answer means for a password."""

    REFUSE = "refuse"
    ACCEPT = "accept"


Organization = Annotated[str, typer.Option("--organization", help="The customer's id.")]
Socket = Annotated[Path, typer.Option("--socket", help="The gate's socket.")]


@pam_app.command("password")
def password(
    organization: Organization = "",
    with_mfa: Annotated[bool, typer.Option("--with-mfa", help="A second factor is always asked as well.")] = False,
    without_gate: Annotated[
        WithoutGate, typer.Option(metavar="refuse|accept", help="What no answer means.")
    ] = WithoutGate.REFUSE,
    socket: Socket = _SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Judge the new password that PAM hands over.

    For `password requisite pam_exec.so expose_authtok stdout quiet seteuid type=password`. Reasons go to the terminal.

    Exit codes: 0 accepted; any other refuses: 1 by the rules, 2 usage or no password, 3 the gate does not answer.
    """
    from credwatch.cli.gate_client import ask_gate

    with _told_by_pam():
        question = _question("password", organization) | {"with_mfa": with_mfa, "password": _handed_over()}
        try:
            answer = ask_gate(socket, "password/check", question)
        except NoAnswer:
            if without_gate is WithoutGate.REFUSE:
                raise
            answer = {"accepted": True, "unchecked": ["everything"]}
    _finish(answer, _reasons(answer), as_json)


@pam_app.command("totp")
def totp(organization: Organization = "", socket: Socket = _SOCKET, as_json: JsonOption = False) -> None:
    """Verify the one-time code that PAM hands over.

    For `auth requisite pam_exec.so expose_authtok stdout quiet seteuid`, in a service that asks for the code alone.

    Exit codes: 0 accepted; any other refuses: 1 not accepted, 2 usage or no code, 3 the gate does not answer.
    """
    from credwatch.cli.gate_client import ask_gate

    with _told_by_pam():
        question = _question("auth", organization) | {"code": Secret(_handed_over().reveal().strip())}
        answer = ask_gate(socket, "totp/verify", question)
    outcome = str(answer.get("outcome", "the question was not understood")).replace("_", " ")
    _finish(answer, [f"The code is not accepted: {outcome}."], as_json)


@contextmanager
def _told_by_pam() -> Iterator[None]:
    """Turn errors into one sentence at the terminal, and the rest into a line of syslog, for operators."""
    try:
        yield
    except CredwatchError as error:
        say(f"Nothing can be accepted at present: {error.message}.")
        syslog.openlog("credwatch", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
        syslog.syslog(syslog.LOG_ERR, f"pam: {error}")
        raise typer.Exit(ExitCode.NO_ANSWER if isinstance(error, NoAnswer) else ExitCode.CANNOT) from error


def _question(kind: str, organization: str) -> dict[str, Any]:
    """Take from the environment, as pam_exec sets it, who is asked about; raises ConfigurationError."""
    user, pam_type = os.environ.get("PAM_USER", ""), os.environ.get("PAM_TYPE", "")
    if not user or pam_type != kind:
        raise ConfigurationError(
            f"expected PAM_USER, and PAM_TYPE={kind}, found PAM_TYPE={pam_type!r}",
            where=f"the environment of {os.environ.get('PAM_SERVICE', 'no service of PAM')}",
            hint="pam_exec runs this: docs/gate.md#system-logins",
        )
    return {"user": user, "organization": organization, "source_ip": _address(os.environ.get("PAM_RHOST", ""))}


def _handed_over() -> Secret:
    """Read what pam_exec writes; raises ConfigurationError where it is nothing, or may be but a part."""
    raw = sys.stdin.buffer.read(_MOST_BYTES + 1).removesuffix(b"\0")
    if not raw:
        raise ConfigurationError(
            "PAM has handed over nothing",
            where="standard input",
            hint="pam_exec needs expose_authtok, and hands new passwords over since Linux-PAM 1.6 (Debian 13) only",
        )
    if len(raw) >= _MOST_BYTES:
        raise ConfigurationError(
            f"it is too long: PAM hands over at most {_MOST_BYTES - 1} bytes",
            where="standard input",
            hint="choose a shorter one",
        )
    return Secret(raw.decode("utf-8", "surrogateescape"))


def _address(host: str) -> str:
    """Return the address that somebody came from, or nothing where PAM knows a name or nothing."""
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


def _reasons(answer: dict[str, Any]) -> list[str]:
    reasons = answer.get("reasons", [])
    return [str(reason[language]) for reason in reasons for language in ("en", "vi")] or ["The password is refused."]


def _finish(answer: dict[str, Any], refusal: list[str], as_json: bool) -> None:
    accepted = answer.get("accepted") is True
    if as_json:
        print_json(answer)
    elif not accepted:
        for line in refusal:
            say(line)
    raise typer.Exit(ExitCode.DONE if accepted else ExitCode.NO)
