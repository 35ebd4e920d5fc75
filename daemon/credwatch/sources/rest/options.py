"""`kind = "rest"`: a log that a service gives over HTTP, described by keys or by a preset."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from credwatch.kernel.duration import Duration
from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.options import Options
from credwatch.sources.named import NamedSource
from credwatch.sources.rest.moments import TimeFormat
from credwatch.sources.rest.presets import with_preset

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FORBIDDEN_HEADERS = ("authorization", "host", "content-length", "cookie", "proxy-authorization")

Url = Annotated[str, Field(min_length=1)]


def safe_url(url: str) -> str:
    """Return a URL; raises ValueError, as validators do, unless it is https, or http to this machine."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a password in it; name its file in auth")
    if not parts.hostname or (parts.scheme, is_loopback(parts.hostname)) not in (
        ("https", True),
        ("https", False),
        ("http", True),
    ):
        raise ValueError("must begin with https:// and a host; http:// is only for this machine")
    return url


class BearerAuth(Options):
    """A token in the header Authorization, or in another one."""

    kind: Literal["bearer"]
    """That a token is sent as it is."""
    token_file: Path | None = None
    """A file with the token; the credential source-ID where none is named."""
    scheme: str = Field(default="Bearer", pattern=r"^[A-Za-z0-9-]*$")
    """What stands before the token: Bearer, SSWS for Okta, nothing where it is empty."""
    header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    """The header that carries it."""


class BasicAuth(Options):
    """A name and a password, RFC 7617."""

    kind: Literal["basic"]
    """That a name and a password are sent."""
    username: str = Field(min_length=1, pattern=r"^[^:]+$")
    """The name."""
    password_file: Path | None = None
    """A file with the password; the credential source-ID where none is named."""


class OAuth2Auth(Options):
    """A token that a client gets for its secret, RFC 6749 section 4.4; it is renewed before it ends."""

    kind: Literal["oauth2"]
    """That a token is asked for."""
    token_url: Url = ""
    """Where."""
    client_id: str = Field(min_length=1)
    """The client."""
    client_secret_file: Path | None = None
    """A file with its secret; the credential source-ID where none is named."""
    scope: str = ""
    """What it asks to be allowed."""
    audience: str = ""
    """For whom the token is; Auth0 wants it."""
    secret_in: Literal["body", "header"] = "body"  # noqa: S105  # where it is sent
    """Whether the secret is sent among the fields of the form, or by basic authentication."""

    @field_validator("token_url")
    @classmethod
    def _safe(cls, url: str) -> str:
        return safe_url(url)


class GoogleAuth(Options):
    """A service account of Google that acts for an administrator (domain-wide delegation)."""

    kind: Literal["google"]
    """That a service account signs in."""
    key_file: Path | None = None
    """The JSON file of its key; the credential source-ID where none is named."""
    subject: str = Field(min_length=3, pattern="@")
    """The address of the administrator for whom it acts."""
    scope: str = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
    """What it asks to be allowed."""


class GithubAppAuth(Options):
    """A GitHub App that is installed in an organisation."""

    kind: Literal["github_app"]
    """That an app signs in."""
    app_id: str = Field(pattern=r"^[A-Za-z0-9.]+$")
    """The id of the app, or of its client."""
    installation_id: int = Field(ge=1)
    """The id of its installation."""
    key_file: Path | None = None
    """The PEM file of its private key; the credential source-ID where none is named."""
    api_url: Url = "https://api.github.com"
    """Where GitHub is asked."""

    @field_validator("api_url")
    @classmethod
    def _safe(cls, url: str) -> str:
        return safe_url(url)


def _auth_kind(raw: Any) -> str:
    return str(raw.get("kind", "bearer") if isinstance(raw, dict) else getattr(raw, "kind", "bearer"))


RestAuth = Annotated[
    Annotated[BearerAuth, Tag("bearer")]
    | Annotated[BasicAuth, Tag("basic")]
    | Annotated[OAuth2Auth, Tag("oauth2")]
    | Annotated[GoogleAuth, Tag("google")]
    | Annotated[GithubAppAuth, Tag("github_app")],
    Discriminator(
        _auth_kind,
        custom_error_type="unknown_auth",
        custom_error_message='there is no such kind; write "bearer", "basic", "oauth2", "google" or "github_app"',
    ),
]
"""How a source proves who it is, told apart by its `kind`."""


class RestSourceOptions(NamedSource):
    """`kind = "rest"`: what a service gives over HTTP as JSON.

    In `url`, `query`, `start_query` and `body` these stand for values: `{since}` and `{until}` for times, `{last}` for
    what `last` names in the item given last, `{page_size}`; a parameter whose value is not known is left out.
    """

    kind: Literal["rest"]
    """That a service is asked."""
    preset: str = ""
    """A service that credwatch knows, whose keys need not be written: a file of config/presets."""
    domain: str = Field(default="", pattern=r"^([A-Za-z0-9.-]+(:\d{1,5})?)?$")
    """The host of the service, for presets that need it."""
    tenant: str = Field(default="", pattern=r"^[A-Za-z0-9.-]*$")
    """The tenant, for presets that need it."""
    organization: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")
    """The organisation, for presets that need it."""
    realm: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")
    """The realm, for presets that need it."""
    application: str = Field(default="", pattern=r"^[a-z_]*$")
    """Whose activities, for the preset google-workspace: login, admin, token and others."""
    url: Url
    """What is asked."""
    method: Literal["GET", "POST"] = "GET"
    """By which method."""
    headers: dict[str, str] = Field(default={})
    """Headers beside those for authentication; no secrets."""
    query: dict[str, str] = Field(default={})
    """Parameters behind the `?`."""
    start_query: dict[str, str] = Field(default={})
    """Parameters in place of `query`, as long as no item was given whose `last` could be used."""
    body: str = ""
    """What a POST sends, as JSON."""
    items: str = ""
    """Where in an answer the list of items stands; the answer itself where this is empty."""
    each: str = ""
    """Where in an item a list stands whose entries are told one by one, each with the rest of the item around it."""
    identity: tuple[str, ...] = ()
    """What identifies an item, all of it together; an item is its own identity where nothing is named."""
    time: str = ""
    """Where in an item its time stands; the time of asking is taken where this is empty."""
    time_format: TimeFormat = "rfc3339"
    """How `{since}` and `{until}` are written."""
    last: str = ""
    """Where in an item stands what `{last}` stands for."""
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    """In which order items come."""
    paging: Literal["none", "link", "next", "token", "page", "offset"] = "none"
    """How to come to the next page: by the header Link, by a URL or by a token in the answer, by number, by offset."""
    next: str = ""
    """Where in an answer the URL or the token of the next page stands."""
    page_parameter: str = ""
    """The parameter for the token, the number or the offset."""
    first_page: int = Field(default=1, ge=0, le=1)
    """The number of the first page, where pages have numbers."""
    page_size: int = Field(default=1000, ge=1, le=100_000)
    """So many items are asked for; fewer mean that the page is the last, where pages have numbers or offsets."""
    endless: bool = False
    """That even the last page has a next one, which is asked again for what comes."""
    interval: Duration = timedelta(seconds=30)
    """How long to wait once nothing is new."""
    overlap: Duration = timedelta(minutes=5)
    """How late an item may become visible in the service: so much is asked for again, and given once."""
    history: Duration = timedelta(days=90)
    """How long the service keeps items; nothing older is asked for."""
    requests_per_minute: int = Field(default=60, ge=1, le=10_000)
    """So many requests are sent in a minute at most."""
    body_bytes: int = Field(default=32 * 1024 * 1024, ge=4096, le=256 * 1024 * 1024)
    """Longest answer, unpacked."""
    request_seconds: float = Field(default=60, gt=0, le=600)
    """Longest time for a request and its answer."""
    ca_file: Path | None = None
    """A PEM file with the authorities whose certificates are believed; those of the system where none is named."""
    auth: RestAuth | None = None
    """How the source proves who it is."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, raw: Any) -> Any:
        return with_preset(raw) if isinstance(raw, dict) else raw

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        return safe_url(url)

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or not value.isprintable():
                raise ValueError(f"{name!r} is no header")
            if name.lower() in _FORBIDDEN_HEADERS:
                raise ValueError(f"the header {name} may not be written here; say in auth how to authenticate")
        return headers

    @property
    def secret_file(self) -> Path | None:
        """The file that holds what proves who the source is; None where it is a credential, or there is none."""
        match self.auth:
            case BearerAuth(token_file=file) | BasicAuth(password_file=file) | OAuth2Auth(client_secret_file=file):
                return file
            case GoogleAuth(key_file=file) | GithubAppAuth(key_file=file):
                return file
        return None

    @property
    def has_end(self) -> bool:
        """Whether the service can be asked for a span of time, and not only from a time on."""
        return any("{until}" in text for text in (*self.query.values(), self.url, self.body))

    @model_validator(mode="after")
    def _pageable(self) -> Self:
        if self.paging in ("next", "token") and not self.next:
            raise ValueError(f'paging = "{self.paging}" needs next, where in the answer it stands')
        if self.paging in ("token", "page", "offset") and not self.page_parameter:
            raise ValueError(f'paging = "{self.paging}" needs page_parameter')
        if self.order == "newest_first" and not self.time:
            raise ValueError('order = "newest_first" needs time, by which is known how far to go back')
        if self.endless and self.order == "newest_first":
            raise ValueError("endless pages come oldest first; leave out order")
        return self
