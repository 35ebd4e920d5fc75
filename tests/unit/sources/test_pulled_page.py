"""The tables of docs/sources.md for services and databases work as they stand there, and packs read what comes."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import TypeAdapter

from credwatch.app.sources import format_of
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import parse
from credwatch.rules.packs.packs import load_packs
from credwatch.sources.named import NamedSource
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.options import SourceOptions
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.rest.presets import presets
from credwatch.sources.sql.options import SqlSourceOptions
from mariadb_server import MariaServer
from rest_services import (
    TOKEN,
    Auth0Server,
    GithubServer,
    GoogleServer,
    GraphServer,
    KeycloakServer,
    OktaServer,
    RestServer,
    a_service,
    audit_event,
    auth0_event,
    github_event,
    google_event,
    keycloak_event,
    okta_event,
    signin_event,
)
from unit.sources.rest.presets_served import PRESETS, a_rest_source, drained, rest_options
from unit.sources.sql.tables import a_sql_source

PACKS = load_packs([shipped("rules") / "packs"])
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
TABLES = {
    table["id"]: table
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for table in tomllib.loads(block).get("source", [])
    if table.get("kind") in ("rest", "sql")
}


def _keycloak_admin_event(number: int, at: float) -> dict[str, Any]:
    return {"time": int(at * 1000), "realmId": "acme", "operationType": "CREATE", "resourceType": "USER",
            "resourcePath": f"users/{number}", "authDetails": {"userId": "a1", "ipAddress": "203.0.113.9"}}  # fmt: skip


SERVED: dict[str, tuple[type[RestServer], Callable[[int, float], dict[str, Any]], str]] = {
    "okta": (OktaServer, okta_event, "okta"),
    "auth0": (Auth0Server, auth0_event, "auth0"),
    "entra-signins": (GraphServer, signin_event, "entra-signins"),
    "entra-audit": (GraphServer, audit_event, "entra-audit"),
    "google-login": (GoogleServer, google_event, "google-workspace"),
    "github": (GithubServer, github_event, "github"),
    "keycloak": (KeycloakServer, keycloak_event, "keycloak-api"),
    "keycloak-admin": (KeycloakServer, _keycloak_admin_event, "keycloak-api"),
}


def _read(lines: list[bytes], source: Any) -> list[dict[str, Any]]:
    """Read lines as the daemon does; none may be left unread."""
    frame = split_lines(b"\n".join(lines) + b"\n", 0)
    parsed = parse(frame, packs=PACKS, source=format_of(source), reference=datetime.now(UTC))
    assert [] == parsed.unparsed.to_dicts()
    return parsed.events.to_dicts()


def _secret_for(table: dict[str, Any], server: RestServer, folder: Path) -> Path:
    """Write what the table's secret file would hold."""
    file = folder / "secret"
    file.write_text(TOKEN)
    if "subject" in table["auth"]:
        key = generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {
            "client_email": "x@y.iam.gserviceaccount.com",
            "private_key": pem,
            "token_uri": f"{server.url}/token",
        }
        file.write_text(json.dumps(account))
    return file


@pytest.mark.parametrize("name", SERVED)
def test_a_table_of_the_page_brings_events(name: str, tmp_path: Path) -> None:
    """The table is taken as it stands; at a server that does as the service does, each event is read by its pack."""
    kind, event, dataset = SERVED[name]
    table = TABLES[name]
    source = TypeAdapter(SourceOptions).validate_python(table)
    assert source.url.startswith("https://")
    with a_service(kind) as server:
        begin = time.time() - 60
        server.add(*(event(number, begin + number) for number in range(3)))
        auth = table["auth"] | {
            key: str(_secret_for(table, server, tmp_path)) for key in table["auth"] if key.endswith("_file")
        }
        if "client_id" in auth:
            auth["token_url"] = f"{server.url}/token"
        here = {"url": f"{server.url}/log", "auth": auth, "read_from": "start", "interval": "1s"}
        options = TypeAdapter(SourceOptions).validate_python(table | here)
        pulled = a_rest_source(options)
        events = _read(drained(pulled, 3).lines, options)
        pulled.close()
    assert [dataset] * 3 == [row["event.dataset"] for row in events]
    assert [f"{begin + number:.1f}" for number in range(3)] == [f"{it['@timestamp'].timestamp():.1f}" for it in events]


def test_an_activity_of_several_events_is_a_line_for_each(tmp_path: Path) -> None:
    """Of an activity of Google with three events, each becomes an event of its own."""
    with a_service(GoogleServer) as server:
        server.add(google_event(1, time.time() - 5, ["login_failure", "logout", "login_success"]))
        served = next(served for served in PRESETS if served.preset == "google-workspace")
        options = rest_options(served, server, tmp_path, read_from="start")
        pulled = a_rest_source(options)
        events = _read(drained(pulled, 3).lines, options)
        pulled.close()
    assert ["login_failure", "logout", "login_success"] == [row["event.code"] for row in events]


def test_every_preset_has_a_table_on_the_page() -> None:
    """No preset is missing from the page, and none of them asks anything but https."""
    assert {*presets()} == {table["preset"] for table in TABLES.values() if "preset" in table}


def test_every_key_is_on_the_page() -> None:
    """Each option of the two kinds stands on the page, and the defaults of numbers are right."""
    for options in (RestSourceOptions, SqlSourceOptions):
        own = set(options.model_fields) - set(NamedSource.model_fields)
        assert set() == {key for key in own if f"`{key}`" not in PAGE and f"{key} =" not in PAGE}


def test_the_table_of_objects_is_taken_and_every_key_of_it_is_told() -> None:
    """The table for objects is valid as it stands, and the page has a row for each of its keys."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (table,) = (tomllib.loads(block)["source"][0] for block in blocks if '"objects"' in block)
    assert "Records" == TypeAdapter(SourceOptions).validate_python(table).records
    own = set(ObjectSourceOptions.model_fields) - set(NamedSource.model_fields) - {"kind"}
    assert set() == {key for key in own if f"| `{key}` |" not in PAGE}


def test_a_table_of_any_other_service_is_taken() -> None:
    """The table that describes a service by keys is valid as it stands."""
    source = TypeAdapter(SourceOptions).validate_python(TABLES["portal"])
    assert ("token", "newest_first") == (source.paging, source.order)


def test_the_query_of_the_page_brings_logins(mariadb: MariaServer, tmp_path: Path) -> None:
    """The query for a table of logins gives events of the application's pack, with their time zone."""
    mariadb.ask("DROP DATABASE IF EXISTS erp", "CREATE DATABASE erp")
    columns = "id bigint AUTO_INCREMENT PRIMARY KEY, created_at datetime, ok bool, account text, address text"
    login = "INSERT INTO logins VALUES (1, '2026-03-02 08:00:00', 0, 'lan@acme.example', '203.0.113.9')"
    mariadb.ask(f"CREATE TABLE logins ({columns})", login, "DROP USER IF EXISTS credwatch@'%'", database="erp")
    mariadb.ask("CREATE USER credwatch@'%' IDENTIFIED BY 'hunter2'", "GRANT SELECT ON erp.logins TO credwatch@'%'")
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    url = TABLES["erp-logins"]["url"].replace("db.acme.example", f"127.0.0.1:{mariadb.port}")
    here = {"url": url, "password_file": str(secret), "read_from": "start"}
    options = TypeAdapter(SourceOptions).validate_python(TABLES["erp-logins"] | here)
    pulled = a_sql_source(options)
    (event,) = _read(drained(pulled, 1).lines, options)
    pulled.close()
    assert ("credwatch-app", "login", "failure", "lan@acme.example", "203.0.113.9") == tuple(
        event[name] for name in ("event.dataset", "event.action", "event.outcome", "user.name", "source.ip")
    )
    assert datetime(2026, 3, 2, 1, tzinfo=UTC) == event["@timestamp"]
