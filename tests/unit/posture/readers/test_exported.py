"""Exports of identity providers, as they write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.posture.account import AccountState
from credwatch.posture.options import ExportOptions
from credwatch.posture.reading import AccountsReading, read

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
REALM = {
    "realm": "acme",
    "users": [
        {
            "username": "lan",
            "createdTimestamp": 1767225600000,
            "enabled": True,
            "realmRoles": ["default-roles-acme", "admin"],
            "clientRoles": {"shop": ["buyer"]},
            "credentials": [
                {
                    "type": "password",
                    "createdDate": 1767225600000,
                    "secretData": '{"value":"SECRETVALUE","salt":"SECRETSALT"}',
                    "credentialData": '{"hashIterations":27500,"algorithm":"pbkdf2-sha256"}',
                },
                {"type": "webauthn", "credentialData": "{}"},
                {"type": "recovery-authn-codes"},
            ],
        },
        {
            "username": "minh",
            "enabled": False,
            "credentials": [
                {
                    "type": "password",
                    "credentialData": '{"hashIterations":5,"algorithm":"argon2","additionalParameters":'
                    '{"hash":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
                }
            ],
        },
        {"username": "service-account-shop", "enabled": True, "serviceAccountClientId": "shop"},
    ],
}


def export(folder: Path, content: Any, name: str = "export.json", **options: Any) -> ExportOptions:
    """Write an export, and give the source that reads it."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return ExportOptions(id="idp", kind="export", path=path, **options)


def reading_of(options: ExportOptions) -> AccountsReading:
    return read(options, lambda _account: None, lambda: NOW)


def accounts_of(options: ExportOptions) -> dict[str, AccountState]:
    return {account.user: account for account in reading_of(options).accounts}


def test_a_realm_of_keycloak(tmp_path: Path) -> None:
    """Users come with scheme, rounds, factors and roles, service accounts as such."""
    accounts = accounts_of(export(tmp_path, REALM, preset="keycloak"))
    lan, minh = accounts["lan"], accounts["minh"]
    assert ("pbkdf2_sha256", "rounds=27500", "low_cost") == (
        lan.password.scheme,
        lan.password.cost,
        lan.password.weakness,
    )
    assert (("webauthn",), ("admin", "default-roles-acme", "shop:buyer")) == (lan.factors, lan.roles)
    assert datetime(2026, 1, 1, tzinfo=UTC) == lan.password_changed_at
    assert ("argon2id", "m=7168,t=5,p=1", "") == (minh.password.scheme, minh.password.cost, minh.password.weakness)
    assert ("service", "none") == (
        accounts["service-account-shop"].kind,
        accounts["service-account-shop"].password.scheme,
    )


def test_users_of_okta(tmp_path: Path) -> None:
    """Its states say who can log in; factors that were added count."""
    user = {
        "status": "ACTIVE",
        "created": "2026-01-01T00:00:00.000Z",
        "lastLogin": None,
        "profile": {"login": "lan@acme.example"},
    }
    gone = {"status": "DEPROVISIONED", "profile": {"login": "minh@acme.example"}}
    accounts = accounts_of(export(tmp_path, [user | {"factors": ["push", "webauthn"]}, gone], preset="okta"))
    assert (True, ("push", "webauthn")) == (
        accounts["lan@acme.example"].is_enabled,
        accounts["lan@acme.example"].factors,
    )
    assert False is accounts["minh@acme.example"].is_enabled


def test_users_of_entra(tmp_path: Path) -> None:
    """Registered methods and administrators come from the report of registrations."""
    user = {
        "userPrincipalName": "lan@acme.example",
        "isAdmin": True,
        "methodsRegistered": ["mobilePhone", "passKeyDeviceBound"],
    }
    (account,) = accounts_of(export(tmp_path, {"value": [user]}, preset="entra")).values()
    assert (True, ("mobilephone", "passkeydevicebound")) == (account.is_privileged, account.factors)


def test_users_of_google(tmp_path: Path) -> None:
    """It says whether there is a second factor, not which; 1970 was never."""
    heading = "primaryEmail,suspended,lastLoginTime,isEnrolledIn2Sv,isAdmin,creationTime"
    row = "lan@acme.example,False,1970-01-01T00:00:00.000Z,True,False,2026-01-01T00:00:00.000Z"
    (account,) = accounts_of(export(tmp_path, f"\ufeff{heading}\n{row}\n", "users.csv", preset="google")).values()
    assert (True, ("second_factor",), None) == (account.is_enabled, account.factors, account.last_login_at)


def test_columns_of_ones_own(tmp_path: Path) -> None:
    """Paths lead to what is told, in a file of one object a line."""
    lines = '{"who":{"name":"lan"},"pw":{"hash":"$2b$08$abc"}}\n\n{"who":{"name":"minh"}}\n'
    columns = {"account": "who.name", "password": "pw.hash"}
    accounts = accounts_of(export(tmp_path, lines, "users.jsonl", columns=columns))
    assert ("cost=8", None) == (accounts["lan"].password.cost, accounts["minh"].password)


@pytest.mark.parametrize(
    ("content", "name", "options", "words"),
    [
        ('{"users": [{"hash": "hunter2"', "x.json", {"preset": "google"}, "no JSON"),
        ('{"users": 1}', "x.json", {"preset": "google"}, "no list"),
        ("[" * 100_000, "x.json", {"preset": "okta"}, "no JSON"),
        ('{"realm": "acme"}', "x.json", {"preset": "keycloak"}, "no exported realm"),
        ('a,b\n"hunter2', "x.csv", {"columns": {"account": "a"}}, "no CSV"),
        ("name\nhunter2\n", "x.csv", {"columns": {"account": "a"}}, "no account is in it"),
        ("[]", "x.json", {"preset": "okta"}, "no account is in it"),
    ],
)
def test_files_that_cannot_be_used(
    tmp_path: Path, content: str, name: str, options: dict[str, Any], words: str
) -> None:
    """What is torn, empty or something else is an error, which quotes nothing of the file."""
    with pytest.raises(SourceError, match=words) as caught:
        reading_of(export(tmp_path, content, name, **options))
    assert "hunter2" not in str(caught.value)


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are told by their place."""
    options = export(tmp_path, "", "users.csv", columns={"account": "a"})
    options.path.write_bytes(b"a\n\xff\n")
    with pytest.raises(SourceError, match="not UTF-8 at byte 2"):
        reading_of(options)


@pytest.mark.parametrize(("options", "words"), [({}, "names the account"), ({"columns": {"acount": "a"}}, "no column")])
def test_options_that_cannot_be_used(options: dict[str, Any], words: str) -> None:
    """A mapping that names no account, or no column of ours, is refused."""
    with pytest.raises(ValueError, match=words):
        ExportOptions(id="idp", kind="export", path=Path("/x.json"), **options)
