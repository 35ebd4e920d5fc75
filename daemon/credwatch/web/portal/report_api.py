"""The HTTP endpoints by which a customer's programs report breaches, with a token of the customer."""

from __future__ import annotations

import codecs
import hashlib
from base64 import b64decode
from datetime import UTC
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.report import ReportWay
from credwatch.sources.push.tokens import token_in
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import pace_key
from credwatch.web.portal.interface import NewReport, OtherReport, ReportReceipt, ReportStanding
from credwatch.web.portal.report_limits import ReportLimits
from credwatch.web.portal.visit import Upload
from credwatch.web.push.pace import Pace

_CHARSETS = ("utf-8", "ascii", "iso8859-1", "cp1252", "cp1258", "utf-16")
"""The character sets that are read; RFC 8259, section 8.1, asks for UTF-8, and old systems in Vietnam write cp1258."""
_KEY_LENGTH = 200
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
Line = Annotated[str, Field(max_length=ReportLimits.line)]


class AttachedFile(BaseModel):
    """One file."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    name: Line = ""
    """What it is called."""
    media_type: Line = "application/octet-stream"
    """What it is."""
    content_base64: Annotated[str, Field(pattern=_BASE64)]
    """Its bytes, base64 (RFC 4648, section 4)."""


class SentReport(BaseModel):
    """The body of POST /api/v1/reports."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    what: Annotated[str, Field(min_length=1, max_length=ReportLimits.text, pattern=r"\S")]
    """What happened, in words."""
    accounts: Annotated[tuple[Line, ...], Field(max_length=ReportLimits.accounts)] = ()
    """The accounts concerned."""
    occurred_at: AwareDatetime | None = None
    """When it happened, RFC 3339 with an offset."""
    phone: Annotated[str, Field(max_length=40)] = ""
    """Where to call back."""
    reference: Line = ""
    """The sender's own number for it."""
    attachments: tuple[AttachedFile, ...] = ()
    """What comes with it."""


class RefusedRequest(Exception):
    """A request that is answered with an error: status, code, words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class ReportApi:
    """Takes reports of programs, and says how they stand."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._failures, self._requests = Pace(0.2, 20), Pace(1, 30)
        self._limits = ReportLimits(door.options)

    def post(self, request: Request, address: str, body: bytes) -> Response:
        """Take a report; 201 with its receipt, 200 where it had been received before."""
        return self._answered(lambda: self._post(request, address, body))

    def get(self, request: Request, address: str, _body: bytes) -> Response:
        """Say how one of the customer's reports stands."""
        return self._answered(lambda: self._get(request, address))

    def _answered(self, work: Any) -> Response:
        try:
            answer: Response = work()
        except RefusedRequest as error:
            headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
            content = {"error": {"code": error.code, "message": error.message}}
            return JSONResponse(content, error.status, headers)
        return answer

    def _post(self, request: Request, address: str, body: bytes) -> Response:
        customer = self._customer(request, address)
        sent = _read(request.headers.get("content-type", ""), body)
        uploads = tuple(_upload(file) for file in sent.attachments)
        if problem := self._limits.problem(sent.what, sent.accounts, uploads):
            raise RefusedRequest(413, problem, "the report is larger than is taken; see docs/portal.md")
        key = request.headers.get("idempotency-key", "")
        if len(key) > _KEY_LENGTH:
            raise RefusedRequest(400, "bad_key", f"an Idempotency-Key has {_KEY_LENGTH} characters at most")
        named = key or hashlib.sha256(body).hexdigest()
        report = NewReport(
            way=ReportWay.API,
            what=sent.what,
            sending=hashlib.sha256(f"api {customer} {named}".encode()).hexdigest(),
            customer=customer,
            sender=f"token of {customer}",
            phone=sent.phone,
            accounts=tuple(dict.fromkeys(sent.accounts)),
            occurred_at=sent.occurred_at.astimezone(UTC) if sent.occurred_at else None,
            uploads=uploads,
            reference=sent.reference,
        )
        try:
            receipt = self._door.desk.report(report)
        except OtherReport as error:
            raise RefusedRequest(422, "other_report", f"{error.message}; {error.hint}") from error
        assert receipt is not None, "only strangers are bounded"
        return JSONResponse(_receipt(receipt), 200 if receipt.is_repeat else 201)

    def _get(self, request: Request, address: str) -> Response:
        customer, number = self._customer(request, address), str(request.path_params["number"])
        for standing in self._door.desk.reports(customer):
            if standing.report.number == number:
                return JSONResponse(_standing(standing))
        raise RefusedRequest(404, "not_here", "no report of yours has this number")

    def _customer(self, request: Request, address: str) -> str:
        token, key = token_in(request.headers.get("authorization", "")), pace_key(address)
        if self._failures.wait_of(key):
            raise RefusedRequest(429, "slower", "too many wrong tokens from this address")
        customer = self._door.desk.token_owner(token.reveal()) if token else ""
        if not customer:
            self._failures.take(key)
            raise RefusedRequest(401, "no_token", "send the token of a customer: Authorization: Bearer …")
        if self._requests.wait_of(customer):
            raise RefusedRequest(429, "slower", "too many requests of this customer")
        self._requests.take(customer)
        return customer


def _read(media_type: str, body: bytes) -> SentReport:
    kind, _, rest = media_type.partition(";")
    if kind.strip().lower() != "application/json":
        raise RefusedRequest(415, "bad_type", "send application/json")
    try:
        return SentReport.model_validate_json(body.decode(_charset(rest)))
    except UnicodeDecodeError as error:
        raise RefusedRequest(400, "bad_charset", "the body is not in the character set that it names") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RefusedRequest(400, "bad_report", f"{where}: {first['msg']}" if where else str(first["msg"])) from error


def _charset(parameters: str) -> str:
    """Choose how the body is read: by `charset`, where it names one that is known; RefusedRequest for any other."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                charset = codecs.lookup(value.strip().strip('"')).name
            except (LookupError, ValueError):
                charset = ""
            if charset not in _CHARSETS:
                raise RefusedRequest(415, "bad_charset", f"send UTF-8; {', '.join(_CHARSETS[1:])} are read too")
            return charset
    return "utf-8"


def _upload(file: AttachedFile) -> Upload:
    return Upload(file.name, file.media_type, b64decode(file.content_base64))


def _receipt(receipt: ReportReceipt) -> dict[str, Any]:
    report = receipt.report
    return {
        "number": report.number,
        "code": receipt.code,
        "received_at": rfc3339(report.received_at),
        "answer_by": rfc3339(receipt.answer_by) if receipt.answer_by else None,
        "repeat": receipt.is_repeat,
        "matches": list(report.matches),
        "attachments": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in report.files],
    }


def _standing(standing: ReportStanding) -> dict[str, Any]:
    return {
        "number": standing.report.number,
        "received_at": rfc3339(standing.report.received_at),
        "open": standing.is_open,
        "answer_by": rfc3339(standing.answer_by) if standing.answer_by else None,
        "answered_at": rfc3339(standing.answered_at) if standing.answered_at else None,
    }
