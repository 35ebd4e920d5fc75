"""Each preset beside the server that does as its service does: options, events, and what a source of it gives."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import TypeAdapter

from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Cursor
from credwatch.sources.pull.source import PulledSource
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.rest.service import RestService
from rest_services import (
    TOKEN,
    Auth0Server,
    Event,
    GithubServer,
    GoogleServer,
    GraphServer,
    KeycloakServer,
    OktaServer,
    RestServer,
    audit_event,
    auth0_event,
    github_event,
    google_event,
    keycloak_event,
    okta_event,
    signin_event,
)
from unit.sources.followed import Reader

PATIENCE = 30.0
INTERVAL = timedelta(milliseconds=30)
"""Shorter than the settings allow."""


class Served(Struct, frozen=True):
    """A preset, the server of its kind, and how an event of it looks."""

    preset: str
    server: type[RestServer]
    event: Callable[[int, float], Event]
    path: str = ""
    tokens: bool = False
    """Whether a token is asked for first."""
    more: dict[str, str] = {}


OKTA = Served("okta", OktaServer, okta_event)
PRESETS = [
    OKTA,
    Served("auth0", Auth0Server, auth0_event, tokens=True),
    Served("entra-signins", GraphServer, signin_event, tokens=True, more={"tenant": "acme.example"}),
    Served("entra-audit", GraphServer, audit_event, tokens=True, more={"tenant": "acme.example"}),
    Served("github", GithubServer, github_event, more={"organization": "acme"}),
    Served("google-workspace", GoogleServer, google_event, more={"application": "login"}),
    Served("keycloak", KeycloakServer, keycloak_event, tokens=True, more={"realm": "acme"}),
]


def rest_options(served: Served, server: RestServer, folder: Path, **changes: Any) -> RestSourceOptions:
    """Give the options of a source by a preset, at a server on loopback, without pauses."""
    secret = folder / "secret"
    secret.write_text(f"{TOKEN}\n")
    auth: dict[str, Any] = {"kind": "bearer", "token_file": str(secret)}
    if served.tokens:
        auth = {"client_id": "client", "client_secret_file": str(secret), "token_url": f"{server.url}/token"}
    if served.preset == "okta":
        auth["scheme"] = "SSWS"
    table = {
        "id": "pulled", "kind": "rest", "preset": served.preset, "url": f"{server.url}/log", "domain": "x.example",
        "requests_per_minute": 10_000, "auth": auth, **served.more, **changes,
    }  # fmt: skip
    options = TypeAdapter(RestSourceOptions).validate_python(table)
    return options.model_copy(update={"interval": INTERVAL})


def now() -> datetime:
    """Say what time it is."""
    return datetime.now(UTC)


def a_rest_source(options: RestSourceOptions, cursors: Mapping[str, Cursor] | None = None) -> PulledSource:
    """Open a source on a service."""
    return PulledSource(options.id, RestService(options, now), cursors or {}, clock=now)


def drained(source: PulledSource, count: int, limit: int = 65_536) -> Reader:
    """Commit chunks until so many lines have come and nothing waits."""
    reader = Reader(source)
    deadline = time.monotonic() + PATIENCE
    while len(reader.lines) < count or source.waiting():
        assert time.monotonic() < deadline, f"{len(reader.lines)} of {count} lines; {source.problems()}"
        take(reader, limit)
    return reader


def take(reader: Reader, limit: int = 65_536) -> None:
    """Commit what waits, as the daemon does: what a source complains of is told elsewhere."""
    with suppress(SourceError):
        reader.drain(limit)
    time.sleep(0.002)


def records(lines: list[bytes]) -> list[Any]:
    """Read lines as JSON."""
    return [json.loads(line) for line in lines]
