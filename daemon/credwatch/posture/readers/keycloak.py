"""Accounts of a realm that Keycloak has exported with its users (`kc.sh export --users realm_file`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from credwatch.kernel.errors import SourceError
from credwatch.posture.rows import Row

_PASSWORDS = ("password",)
_NO_FACTOR = frozenset({"password", "password-history", "recovery-authn-codes"})
"""Kinds of credentials that are no second factor of daily use."""


def keycloak_rows(document: Any, where: str) -> Iterator[Row]:
    """Give every user of the exported realms; raises SourceError where the file holds no realm with users."""
    realms = document if isinstance(document, list) else [document]
    if not all(isinstance(realm, dict) and isinstance(realm.get("users"), list) for realm in realms):
        hint = "export it with its users: kc.sh export --users realm_file"
        raise SourceError("it is no exported realm with users", where=where, hint=hint)
    for realm in realms:
        yield from (_row(user) if isinstance(user, dict) else {} for user in realm["users"])


def _row(user: dict[str, Any]) -> dict[str, Any]:
    credentials = [entry for entry in user.get("credentials") or () if isinstance(entry, dict)]
    passwords = [entry for entry in credentials if entry.get("type") in _PASSWORDS]
    row: dict[str, Any] = {
        "account": user.get("username"),
        "created_at": user.get("createdTimestamp"),
        "enabled": user.get("enabled"),
        "roles": _roles(user),
        "factors": [str(entry.get("type")) for entry in credentials if entry.get("type") not in _NO_FACTOR],
        "kind": "service" if user.get("serviceAccountClientId") else "person",
        "password": _stored(passwords[0]) if passwords else None,
    }
    if passwords:
        row["password_changed_at"] = passwords[0].get("createdDate")
    return row


def _roles(user: dict[str, Any]) -> list[str]:
    """List the roles of the realm, and those of clients as CLIENT:ROLE."""
    by_client = user.get("clientRoles")
    clients = by_client.items() if isinstance(by_client, dict) else ()
    return [
        *map(str, user.get("realmRoles") or ()),
        *(f"{client}:{role}" for client, roles in clients for role in roles),
    ]


def _stored(credential: dict[str, Any]) -> str:
    """Write what a credential says of its hash as other programs do, without the hash itself."""
    data = _object(credential.get("credentialData")) or credential
    algorithm = str(data.get("algorithm", ""))
    rounds = data.get("hashIterations")
    if algorithm.startswith("pbkdf2"):
        return f"${'pbkdf2' if algorithm == 'pbkdf2' else algorithm}${rounds}$"
    if algorithm == "argon2":
        extra = data.get("additionalParameters") or {}
        type_, memory, lanes = (_only(extra.get(name)) for name in ("type", "memory", "parallelism"))
        return f"$argon2{type_}$m={memory},t={rounds},p={lanes}"
    return f"${algorithm}$"


def _only(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else values


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
