"""`credwatch password check`: tells whether a password would be accepted, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from credwatch.cli.options import JsonOption
from credwatch.cli.output import ExitCode, print_json, say_document, told_plainly
from credwatch.kernel.secret import Secret

if TYPE_CHECKING:
    from credwatch.policy.profile import PasswordProfile

password_app = typer.Typer(help="Password rules.", no_args_is_help=True)


@password_app.callback()
def _password() -> None:
    """Password rules."""


@password_app.command("check")
def check(
    user: Annotated[str, typer.Option(help="The account's name.")] = "",
    email: Annotated[str, typer.Option(help="The account's e-mail address.")] = "",
    organization: Annotated[str, typer.Option(help="The customer's id.")] = "",
    with_mfa: Annotated[bool, typer.Option("--with-mfa", help="A second factor is always asked as well.")] = False,
    profile: Annotated[Path | None, typer.Option(help="A TOML file with the tables [password] and [mfa].")] = None,
    socket: Annotated[Path | None, typer.Option(help="Ask the gate on this socket, with history.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the password on standard input.

    Without --socket it is judged by the default profile or by --profile, and its history is not looked at.

    Exit codes: 0 accepted, 1 refused, 2 usage or configuration, 3 the gate does not answer.
    """
    if socket and profile:
        raise typer.BadParameter("goes without --socket, for the gate knows the customer's own", param_hint="--profile")
    if socket and not user:
        raise typer.BadParameter("needs --user", param_hint="--socket")
    from credwatch.cli.gate_client import read_secret

    candidate = read_secret("Password: ")
    facts = {"user": user, "email": email, "organization": organization, "with_mfa": with_mfa}
    with told_plainly():
        answer = _asked(socket, candidate, facts) if socket else _judged(candidate, facts, profile)
    print_json(answer) if as_json else say_document(f"{_told(answer)}\n")
    raise typer.Exit(ExitCode.DONE if answer["accepted"] else ExitCode.NO)


def _asked(socket: Path, candidate: Secret, facts: dict[str, Any]) -> dict[str, Any]:
    from credwatch.cli.gate_client import ask_gate

    return ask_gate(socket, "password/check", {**facts, "password": candidate})


def _judged(candidate: Secret, facts: dict[str, Any], path: Path | None) -> dict[str, Any]:
    from credwatch.policy.blocklist import load_blocklist
    from credwatch.policy.context import PasswordContext
    from credwatch.policy.password import PasswordAccepted, check_password

    verdict = check_password(candidate, PasswordContext(**facts), _profile(path), load_blocklist())
    if isinstance(verdict, PasswordAccepted):
        verdict = replace(verdict, unchecked=("history",))
    return verdict.spelled_out()


def _profile(path: Path | None) -> PasswordProfile:
    from credwatch.app.profiles import read_profile, shipped_profiles
    from credwatch.policy.profile import PasswordProfile

    return PasswordProfile() if path is None else read_profile(path, shipped_profiles()).password


def _told(answer: dict[str, Any]) -> str:
    if answer["accepted"] and "undecided" in answer:
        return f"accepted unchecked, as the profile has it: the gate says {answer['undecided']!r}"
    if answer["accepted"]:
        return f"accepted (zxcvbn {answer['estimate']['score']} of 4)"
    if "error" in answer:
        return f"refused: {answer['error']['message']}"
    return "refused\n" + "\n".join(f"  {reason['en']}\n  {reason['vi']}" for reason in answer["reasons"])
