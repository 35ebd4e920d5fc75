"""One request of a browser as a page sees it: what was asked, by whom, in which language."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct, field
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from starlette.requests import Request
from starlette.responses import Response

from credwatch.store.portal.sessions import LiveSession
from credwatch.web.portal.look import LANGUAGES

_MOST_FIELDS = 400
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class BadForm(Exception):
    """A form that cannot be read: not in one of the two forms of HTML, torn, or with too many fields."""


class Upload(Struct, frozen=True):
    """A file that came with a form."""

    name: str
    """What the visitor calls it."""
    media_type: str
    """What the visitor says it is; nobody believes it."""
    content: bytes
    """Its bytes."""


class Visit(Struct):
    """One request."""

    request: Request
    """The request itself."""
    address: str
    """The visitor's address."""
    language: str
    """The language of the answer."""
    browser: str
    """The token of the browser; a new one where it had none."""
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    """The fields of the form; several of one name in their order."""
    uploads: tuple[Upload, ...] = ()
    """The files of the form."""
    session: LiveSession | None = None
    """Who is logged in, or on the way to it; None for a visitor."""

    def first(self, name: str) -> str:
        """Return a field, without blanks around it; empty where it was not sent."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params.get(name, ""))


Page = Callable[[Visit], Response]
"""Answers a visit, on a thread of its own; raises CredwatchError where it cannot."""


def language_of(request: Request, chosen: str, otherwise: str = "vi") -> str:
    """Choose the language: as asked for now, as chosen before, as the browser prefers, then Vietnamese."""
    for wish in (request.query_params.get("language", ""), chosen):
        if wish in LANGUAGES:
            return wish
    wished = [
        part.partition(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")
    ]
    return next((name for name in wished if name in LANGUAGES), otherwise)


def read_form(media_type: str, body: bytes) -> tuple[dict[str, list[str]], tuple[Upload, ...]]:
    """Read the body of a form; raises BadForm. What is no UTF-8 is read as Latin-1: shown odd, and not lost."""
    if media_type.partition(";")[0].strip().lower() not in _FORMS:
        raise BadForm("the body is no form")
    kind = media_type.partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            return _multipart(media_type, body)
        return parse_qs(_text(body), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace"), ()
    except (FormParserError, ValueError) as error:
        raise BadForm("the form is torn") from error


def _multipart(media_type: str, body: bytes) -> tuple[dict[str, list[str]], tuple[Upload, ...]]:
    fields: dict[str, list[str]] = {}
    uploads: list[Upload] = []

    def take_field(part: Any) -> None:
        fields.setdefault(_text(part.field_name or b""), []).append(_text(part.value or b""))
        if len(fields) + len(uploads) > _MOST_FIELDS:
            raise BadForm("too many fields")

    def take_file(part: Any) -> None:
        part.file_object.seek(0)
        content, name = part.file_object.read(), _text(part.file_name or b"")
        part.close()
        if name or content:
            uploads.append(Upload(name, _text(part.content_type or b""), content))

    headers = {"Content-Type": media_type.encode("latin-1", "replace"), "Content-Length": str(len(body)).encode()}
    parse_form(headers, io.BytesIO(body), take_field, take_file)
    return fields, tuple(uploads)


def _text(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
