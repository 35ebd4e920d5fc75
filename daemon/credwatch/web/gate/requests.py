"""What the gate may be asked, as strict request models that never show what they hold."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    ValidationError,
    WithJsonSchema,
)
from starlette.requests import Request

from credwatch.kernel.account import Account
from credwatch.kernel.secret import Secret
from credwatch.policy.events import Caller
from credwatch.policy.gate import PasswordQuestion
from credwatch.policy.login import LoginQuestion


class BadRequest(Exception):
    """The request cannot be understood; `message` and `fields` hold nothing of its content."""

    def __init__(self, message: str, fields: tuple[str, ...] = (), status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields
        self.status = status


def _secret(value: object) -> Secret:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return Secret(value)


def _address(value: object) -> object:
    if isinstance(value, str) and value:
        return str(ipaddress.ip_address(value))
    return value


Name = Annotated[str, Field(strict=True, min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(strict=True, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
Hidden = Annotated[Secret, PlainValidator(_secret), WithJsonSchema({"type": "string", "format": "password"})]
Address = Annotated[str, Field(strict=True), BeforeValidator(_address)]


class _Request(BaseModel):
    """Unlike configuration, nothing is stripped: a blank at the end of a password is part of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    user: Name
    organization: Text = ""
    by: Text = ""
    source_ip: Address = ""

    def caller(self) -> Caller:
        """Say for whom the application asks."""
        return Caller(Account.of(self.organization, self.user), by=self.by, source_ip=self.source_ip)


class PasswordRequest(_Request):
    """A prospective password, or one just set."""

    password: Hidden
    email: Text = ""
    service: Text = ""
    with_mfa: StrictBool = False

    def question(self) -> PasswordQuestion:
        """Put it as the gate's question."""
        return PasswordQuestion(self.caller(), self.password, self.email, self.service, self.with_mfa)


class LoginRequest(_Request):
    """A login that the application holds for right, or an act within one."""

    factors: Annotated[tuple[Name, ...], Field(max_length=16)]
    roles: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    account_made_at: AwareDatetime | None = None
    password_set_at: AwareDatetime | None = None
    factor_proven_at: AwareDatetime | None = None
    act: Text = ""

    def question(self) -> LoginQuestion:
        """Put it as the gate's question."""
        moments = (self.account_made_at, self.password_set_at, self.factor_proven_at)
        return LoginQuestion(self.caller(), self.factors, self.roles, *moments, self.act)


class EnrolRequest(_Request):
    """Asks for a new TOTP secret."""


class PushRequest(_Request):
    """Asks whether one more push may be sent."""


class CodeRequest(_Request):
    """A TOTP code."""

    code: Hidden


class OperatorRequest(_Request):
    """An operator's act on somebody's factor."""

    by: Name
    why: Name


R = TypeVar("R", bound=BaseModel)


async def body_of(request: Request, longest: int, seconds: float) -> bytes:
    """Read a body of so many bytes at most, in so much time; raise BadRequest for any other."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > longest:
                    raise BadRequest(f"expected at most {longest} bytes", status=413)
    except TimeoutError as error:
        raise BadRequest("the request did not arrive in time", status=408) from error
    return bytes(body)


def understood(body: bytes, model: type[R]) -> R:
    """Read a JSON body into a request; raise BadRequest, which names known fields only and no values."""
    try:
        raw: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("expected a JSON object in UTF-8") from error
    if not isinstance(raw, dict):
        raise BadRequest("expected a JSON object in UTF-8")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        keys = {str(item["loc"][0]) for item in error.errors(include_input=False, include_url=False) if item["loc"]}
        fields = tuple(sorted(keys & set(model.model_fields)))
        # An unknown key may be a misplaced secret, so it is not repeated.
        raise BadRequest("fields are missing, unknown or of the wrong form", fields) from error
