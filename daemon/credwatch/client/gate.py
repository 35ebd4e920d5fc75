"""A small client for applications in Python: passwords, second factors and logins are checked at the gate.

    gate = GateClient()
    lan = GateUser("lan", organization="hoasen", source_ip="203.0.113.7")
    if gate.verify_totp(lan, Secret(code)).accepted:
        ...

Whatever keeps the gate from deciding is an exception, so that no code path takes it for yes. docs/gate.md describes the
questions.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from credwatch.client.asking import GATE_SOCKET, GateError, GateUnavailable, QuestionRefused, ask
from credwatch.kernel.secret import Secret

A = TypeVar("A", bound=Struct)


class GateUser(Struct, frozen=True, omit_defaults=True, rename={"name": "user"}):
    """The account that the gate is asked about."""

    name: str
    """In the one spelling that the application keeps."""
    organization: str = ""
    """The customer's id; empty for the operator's own accounts."""
    source_ip: str = ""
    """Where the person came from."""
    by: str = ""
    """The account that acts, where it is another."""


class PasswordUse(Struct, frozen=True, omit_defaults=True):
    """What stands around a password."""

    email: str = ""
    """The account's address, whose words the password may not be made of."""
    service: str = ""
    """What the password opens, where it is not the gate's own service."""
    with_mfa: bool = False
    """That a second factor is always asked as well."""


class GateLogin(Struct, frozen=True, omit_defaults=True):
    """A login that is right, before it counts, or an act within one. Moments have a time zone."""

    factors: tuple[str, ...]
    """The second factors that were used; empty for none."""
    roles: tuple[str, ...] = ()
    """What the account may do, beside what the registers know."""
    account_made_at: datetime | None = None
    """For the time of grace."""
    password_set_at: datetime | None = None
    """None lets the age of the remembered password count."""
    factor_proven_at: datetime | None = None
    """When a second factor was given last."""
    act: str = ""
    """What the person is about to do; empty for the login itself."""


class GateReason(Struct, frozen=True):
    """Why something is refused."""

    code: str
    """By the tables of docs/gate.md."""
    rule: str
    """The place in a standard, or the key of the customer's profile."""
    en: str
    """In English, for the person."""
    vi: str
    """In Vietnamese."""
    limit: int = 0
    """The number that the rule sets, where there is one."""


class GateVerdict(Struct, frozen=True):
    """What the gate says of a password, a login or a push."""

    accepted: bool
    """Whether it may stand."""
    reasons: tuple[GateReason, ...] = ()
    """Every reason why not."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked."""
    undecided: str = ""
    """Why a password could not be judged; `accepted` is then what the customer's profile makes of that."""
    until: datetime | None = None
    """When the next push may be sent."""


class CodeVerdict(Struct, frozen=True):
    """What the gate says of a code."""

    accepted: bool
    """Whether the second factor is proven."""
    outcome: str
    """By the table of docs/gate.md, such as `replayed`."""
    locked: bool
    """That an operator must unlock the factor."""
    until: datetime | None = None
    """When the next code is looked at."""
    left: int | None = None
    """How many recovery codes are left."""


class GateClient(Struct, frozen=True):
    """A gate on this machine. Threads may share it, for each question has a connection of its own.

    Every method blocks for `seconds` at most, and raises GateBusy (ask again), GateUnavailable, or QuestionRefused.
    None of them holds a password or a code, neither in its text nor in the frames of its traceback.
    """

    socket: Path = GATE_SOCKET
    """The gate's socket."""
    seconds: float = 15
    """The longest time for an answer, more than the gate's own `timeout_seconds`."""

    def check_password(self, user: GateUser, password: Secret, use: PasswordUse | None = None) -> GateVerdict:
        """Judge a prospective password, exactly as it was typed."""
        return self._asked("password/check", GateVerdict, user, use or PasswordUse(), password=password)

    def verify_totp(self, user: GateUser, code: Secret) -> CodeVerdict:
        """Take a one-time code; each counts once."""
        return self._asked("totp/verify", CodeVerdict, user, code=code)

    def verify_recovery_code(self, user: GateUser, code: Secret) -> CodeVerdict:
        """Take a recovery code; each counts once."""
        return self._asked("recovery/verify", CodeVerdict, user, code=code)

    def check_login(self, user: GateUser, login: GateLogin) -> GateVerdict:
        """Hold a login, or an act within one, against the local rules."""
        return self._asked("login/check", GateVerdict, user, login)

    def check_push(self, user: GateUser) -> GateVerdict:
        """Say whether one more push may be sent, and count it."""
        return self._asked("push/check", GateVerdict, user)

    def _asked(self, place: str, kind: type[A], *facts: Struct, **secrets: Secret) -> A:
        question: dict[str, Any] = dict(secrets)
        for fact in facts:
            question |= msgspec.to_builtins(fact)
        verdict = _read(ask(self.socket, place, question, seconds=self.seconds), kind, question, str(self.socket))
        if isinstance(verdict, GateError):
            # Raised here, where no frame holds the answer: a stranger may repeat in it what it was sent.
            raise verdict
        return verdict


def _read(answer: dict[str, Any], kind: type[A], question: dict[str, Any], where: str) -> A | GateError:
    if "error" in answer:
        return QuestionRefused(where, _blamed(answer["error"], question))
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError:
        return GateUnavailable("the gate's answer has another form", where=where, hint="is it of this version?")


def _blamed(error: object, question: dict[str, Any]) -> tuple[str, ...]:
    """Return those of our fields that an answer blames."""
    fields = error.get("fields") if isinstance(error, dict) else ()
    return tuple(name for name in question if isinstance(fields, list) and name in fields)
