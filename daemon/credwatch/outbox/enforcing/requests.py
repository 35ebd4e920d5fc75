"""What each service documents for finding an account and for acting on it: a table of requests, by service and action.

- SCIM 2.0: RFC 7644, sections 3.4.2.2 (filter) and 3.5.2 (PATCH).
- Keycloak: Admin REST API, Users. `logout` ends the sessions and sets the account's not-before.
- Okta: Users, User lifecycle, User sessions. A reset by `reset_password` makes the old password worthless.
- Entra: Microsoft Graph v1.0, `user`: list, update, revokeSignInSessions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct

from credwatch.kernel.measure import MeasureAction

ServiceKind = Literal["scim", "keycloak", "okta", "entra"]
"""The services that have a table here."""
AccountRecord = dict[str, Any]
"""An account as the service has answered it."""


class ServiceRequest(Struct, frozen=True):
    """One request that carries out an action, or undoes it."""

    method: str
    """The method of HTTP."""
    path: str
    """Where, behind the service's URL; `{id}` is the account's id there."""
    body: Callable[[AccountRecord], Any] | None = None
    """What is sent as JSON; nothing where it is None."""
    is_so: Callable[[AccountRecord], bool] = lambda _record: False
    """Says that the account stands so already, and nothing is to be sent."""


class Service(Struct, frozen=True):
    """How a service is asked."""

    find: Callable[[str], str]
    """Gives where the accounts of a name are asked for, behind the service's URL."""
    records: str
    """The key of the answer that has the list; the answer is the list where it is empty."""
    name: tuple[str, ...]
    """The keys that lead to an account's name."""
    do: dict[MeasureAction, ServiceRequest]
    """What carries each action out."""
    undo: dict[MeasureAction, ServiceRequest]
    """What undoes each that lasts."""
    media_type: str = "application/json"
    """The type of what is sent."""
    scheme: str = "Bearer"
    """What stands before the token."""


def _set_active(is_active: bool) -> ServiceRequest:
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": is_active}],
    }
    return ServiceRequest(
        "PATCH", "/Users/{id}", lambda _record: patch, lambda record: record.get("active") is is_active
    )


def _set(key: str, is_enabled: bool, method: str) -> ServiceRequest:
    """Keycloak takes a whole account and Graph what changes."""
    return ServiceRequest(
        method,
        "/users/{id}",
        lambda record: (record if method == "PUT" else {}) | {key: is_enabled},
        lambda record: record.get(key) is is_enabled,
    )


def _with_new_password(record: AccountRecord) -> AccountRecord:
    return record | {"requiredActions": [*(record.get("requiredActions") or ()), _NEW_PASSWORD]}


_NEW_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105  # an action that Keycloak requires
_KEYCLOAK_LOGOUT = ServiceRequest("POST", "/users/{id}/logout")
_GRAPH_REVOKE = ServiceRequest("POST", "/users/{id}/revokeSignInSessions")

SERVICES: dict[ServiceKind, Service] = {
    "scim": Service(
        find=lambda name: f"/Users?filter={quote(f'userName eq {json.dumps(name, ensure_ascii=False)}', safe='')}",
        records="Resources",
        name=("userName",),
        do={MeasureAction.LOCK_ACCOUNT: _set_active(False)},
        undo={MeasureAction.LOCK_ACCOUNT: _set_active(True)},
        media_type="application/scim+json",
    ),
    "keycloak": Service(
        find=lambda name: f"/users?exact=true&briefRepresentation=false&username={quote(name, safe='')}",
        records="",
        name=("username",),
        do={
            MeasureAction.LOCK_ACCOUNT: _set("enabled", False, "PUT"),
            MeasureAction.END_SESSIONS: _KEYCLOAK_LOGOUT,
            MeasureAction.REVOKE_TOKENS: _KEYCLOAK_LOGOUT,
            MeasureAction.FORCE_RESET: ServiceRequest(
                "PUT",
                "/users/{id}",
                _with_new_password,
                lambda record: _NEW_PASSWORD in (record.get("requiredActions") or ()),
            ),
        },
        undo={MeasureAction.LOCK_ACCOUNT: _set("enabled", True, "PUT")},
    ),
    "okta": Service(
        find=lambda name: (
            f"/api/v1/users?filter={quote(f'profile.login eq {json.dumps(name, ensure_ascii=False)}', safe='')}"
        ),
        records="",
        name=("profile", "login"),
        do={
            MeasureAction.LOCK_ACCOUNT: ServiceRequest(
                "POST",
                "/api/v1/users/{id}/lifecycle/suspend",
                is_so=lambda record: record.get("status") == "SUSPENDED",
            ),
            MeasureAction.END_SESSIONS: ServiceRequest("DELETE", "/api/v1/users/{id}/sessions"),
            MeasureAction.REVOKE_TOKENS: ServiceRequest("DELETE", "/api/v1/users/{id}/sessions?oauthTokens=true"),
            MeasureAction.FORCE_RESET: ServiceRequest(
                "POST",
                "/api/v1/users/{id}/lifecycle/reset_password?sendEmail=true",
                is_so=lambda record: record.get("status") == "RECOVERY",
            ),
        },
        undo={
            MeasureAction.LOCK_ACCOUNT: ServiceRequest(
                "POST",
                "/api/v1/users/{id}/lifecycle/unsuspend",
                is_so=lambda record: record.get("status") not in ("SUSPENDED", None),
            )
        },
        scheme="SSWS",
    ),
    "entra": Service(
        find=lambda name: (
            "/users?$select=id,userPrincipalName,accountEnabled&$filter="
            + quote(f"userPrincipalName eq '{name.replace(chr(39), chr(39) * 2)}'", safe="")
        ),
        records="value",
        name=("userPrincipalName",),
        do={
            MeasureAction.LOCK_ACCOUNT: _set("accountEnabled", False, "PATCH"),
            MeasureAction.END_SESSIONS: _GRAPH_REVOKE,
            MeasureAction.REVOKE_TOKENS: _GRAPH_REVOKE,
            MeasureAction.FORCE_RESET: ServiceRequest(
                "PATCH",
                "/users/{id}",
                lambda _record: {"passwordProfile": {"forceChangePasswordNextSignIn": True}},
            ),
        },
        undo={MeasureAction.LOCK_ACCOUNT: _set("accountEnabled", True, "PATCH")},
    ),
}
"""All services that are asked directly."""


def name_in(service: Service, record: AccountRecord) -> str:
    """Give the name of an account; empty where the record has none."""
    value: Any = record
    for key in service.name:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
