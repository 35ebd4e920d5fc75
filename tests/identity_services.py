"""Services that keep accounts, as their documentation says that they find, show and change them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from rest_services import Asked, Reply, RestServer

Record = dict[str, Any]
NO_CONTENT = Reply(204, raw=b"")


class IdentityService(RestServer):
    """A service with accounts; `acts` is what it did, in order."""

    name_key = "userName"
    open_record: Record = {}  # noqa: RUF012  # each kind has its own, and nobody changes it
    root = ""

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Record] = {}
        self.acts: list[str] = []
        self.drops_answers = False
        super().__init__(port)

    def have(self, name: str, number: int, **changes: Any) -> Record:
        """Have an account."""
        self.accounts[f"id-{number}"] = record = {
            "id": f"id-{number}",
            **self.named(name),
            **self.open_record,
            **changes,
        }
        return record

    def named(self, name: str) -> Record:
        """Write a name as the service does."""
        return {self.name_key: name}

    def is_locked(self, record: Record) -> bool:
        """Say whether nobody can log in with an account."""
        return record[next(iter(self.open_record))] is False

    def listing(self, records: list[Record], asked: Asked) -> Any:
        """Show accounts."""
        return records

    def wanted(self, query: dict[str, str]) -> str:
        """Read which name is asked for."""
        raise NotImplementedError

    def change(self, asked: Asked, record: Record, what: str) -> Reply:
        """Change an account."""
        raise NotImplementedError

    def reply(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix(self.root)
        if asked.method == "GET":
            name = self.wanted(asked.query).lower()
            every = self.accounts.values()
            records = [it for it in every if not name or self.named(name).items() <= _small(it).items()]
            return Reply(content=self.listing(records, asked))
        _, _, identity, *rest = path.split("/")
        if identity not in self.accounts:
            return Reply(404, {"detail": f"{identity} not found"})
        what = "/".join(rest)
        answer = self.change(asked, self.accounts[identity], what)
        if answer.status < 300:
            self.acts.append(f"{asked.method} {identity} {what}".rstrip())
        return Reply(200, raw=b"{", promised=100) if self.drops_answers else answer


class Scim(IdentityService):
    """SCIM 2.0, RFC 7644; it may give fewer accounts on a page than it is asked for."""

    most_on_a_page = 100

    open_record: Record = {"active": True}  # noqa: RUF012

    def wanted(self, query: dict[str, str]) -> str:
        return json.loads(query["filter"].removeprefix("userName eq ")) if "filter" in query else ""

    def listing(self, records: list[Record], asked: Asked) -> Any:
        first = int(asked.query.get("startIndex", 1)) - 1
        page = records[first : first + min(int(asked.query.get("count", self.most_on_a_page)), self.most_on_a_page)]
        head = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(records)}
        return head | ({"Resources": page} if page else {})

    def change(self, asked: Asked, record: Record, what: str) -> Reply:
        assert "application/scim+json" == asked.headers["content-type"]
        for operation in json.loads(asked.body)["Operations"]:
            assert ("replace", "active") == (operation["op"], operation["path"])
            record["active"] = operation["value"]
        return Reply(content=record)


class Keycloak(IdentityService):
    """The Admin REST API of a realm; an account that is put replaces the one before."""

    name_key = "username"
    open_record: Record = {"enabled": True, "attributes": {"phone": ["1"]}, "requiredActions": ["VERIFY_EMAIL"]}  # noqa: RUF012
    root = "/admin/realms/acme"

    def wanted(self, query: dict[str, str]) -> str:
        assert "true" == query["exact"]
        return query["username"]

    def change(self, asked: Asked, record: Record, what: str) -> Reply:
        if asked.method == "PUT":
            record.clear()
            record.update(json.loads(asked.body))
        return NO_CONTENT


class Okta(IdentityService):
    """The lifecycle of users."""

    open_record: Record = {"status": "ACTIVE"}  # noqa: RUF012
    root = "/api/v1"

    def named(self, name: str) -> Record:
        return {"profile": {"login": name}}

    def is_locked(self, record: Record) -> bool:
        return record["status"] == "SUSPENDED"

    def wanted(self, query: dict[str, str]) -> str:
        return json.loads(query["filter"].removeprefix("profile.login eq "))

    def change(self, asked: Asked, record: Record, what: str) -> Reply:
        moves = {
            "lifecycle/suspend": ("ACTIVE", "SUSPENDED"),
            "lifecycle/unsuspend": ("SUSPENDED", "ACTIVE"),
            "lifecycle/reset_password": ("ACTIVE", "RECOVERY"),
        }
        if what not in moves:
            return NO_CONTENT
        before, after = moves[what]
        if record["status"] != before:
            return Reply(400, {"errorCode": "E0000001", "errorSummary": "Api validation failed"})
        record["status"] = after
        return Reply(content={})


class Entra(IdentityService):
    """Microsoft Graph."""

    name_key = "userPrincipalName"
    open_record: Record = {"accountEnabled": True}  # noqa: RUF012

    def wanted(self, query: dict[str, str]) -> str:
        match = re.fullmatch(r"userPrincipalName eq '((?:[^']|'')*)'", query["$filter"])
        assert match is not None
        return match[1].replace("''", "'")

    def listing(self, records: list[Record], asked: Asked) -> Any:
        return {"value": records}

    def change(self, asked: Asked, record: Record, what: str) -> Reply:
        if asked.method == "POST":
            return Reply(content={"value": True})
        record.update(json.loads(asked.body))
        return NO_CONTENT


KINDS: dict[str, Callable[..., IdentityService]] = {"scim": Scim, "keycloak": Keycloak, "okta": Okta, "entra": Entra}


def _small(record: Record) -> Record:
    text = json.dumps(record, ensure_ascii=False).lower()
    return {key: value for key, value in zip(record, json.loads(text).values(), strict=True)}
