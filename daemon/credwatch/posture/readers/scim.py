"""Accounts of a service that speaks SCIM 2.0: all of `/Users`, page by page (RFC 7644, section 3.4.2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.posture.options import ScimAccountsOptions
from credwatch.posture.rows import Row
from credwatch.sources.rest.client import RestClient
from credwatch.sources.rest.options import RestSourceOptions

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ACCEPT = {"Accept": "application/scim+json, application/json"}


class ScimReader:
    """Asks for every page; a service that gives fewer accounts than it counts was not read to its end."""

    def __init__(self, options: ScimAccountsOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def rows(self) -> Iterator[Row]:
        """Give every account; see `AccountReader`."""
        client = RestClient(self._as_asked(), self._clock)
        try:
            yield from self._rows(client)
        finally:
            client.close()

    def _as_asked(self) -> RestSourceOptions:
        options = self._options
        return RestSourceOptions.model_validate(
            {
                "id": options.id,
                "kind": "rest",
                "url": f"{options.url.rstrip('/')}/Users",
                "headers": _ACCEPT,
                "auth": options.auth,
                "ca_file": options.ca_file,
                "request_seconds": options.request_seconds,
            }
        )

    def _rows(self, client: RestClient) -> Iterator[Row]:
        """Ask page by page; accounts that move between pages meanwhile are given once (their ids tell)."""
        ids, start, total = set[str](), 1, 1
        while start <= total:
            query = {"startIndex": str(start), "count": str(self._options.page_size)}
            total, page = self._page(client.ask(f"{self._options.url.rstrip('/')}/Users", query).content)
            fresh = [user for user in page if str(user.get("id")) not in ids]
            if not fresh and start <= total:
                raise self._error(f"it counts {total} accounts, and gives {len(ids)}")
            for user in fresh:
                ids.add(str(user.get("id")))
                yield _row(user)
            start += len(page)
        if len(ids) < total:
            raise self._error(f"it counts {total} accounts, and gives {len(ids)}")

    def _page(self, answer: Any) -> tuple[int, list[dict[str, Any]]]:
        """Read how many accounts there are, and those of one page; `Resources` may be left out where there are none."""
        content = answer if isinstance(answer, dict) else {}
        total, page = content.get("totalResults"), content.get("Resources") or []
        is_list = _LIST in (content.get("schemas") or (_LIST,)) and isinstance(total, int) and isinstance(page, list)
        if not is_list or not all(isinstance(user, dict) for user in page):
            raise self._error("the answer is no list of SCIM 2.0")
        return int(str(total)), page

    def _error(self, message: str) -> SourceError:
        hint = "check url, the base that /Users stands under; it is read again by itself"
        return SourceError(message, where=f"source {self._options.id}", hint=hint)


def _row(user: dict[str, Any]) -> Row:
    """Take what RFC 7643, sections 3.1 and 4.1, says of an account; what is left out is not told."""
    row: dict[str, Any] = {"account": user.get("userName")}
    if "active" in user:
        row["enabled"] = user["active"]
    meta = user.get("meta")
    if isinstance(meta, dict) and "created" in meta:
        row["created_at"] = meta["created"]
    if "roles" in user or "groups" in user:
        row["roles"] = [*_names(user.get("roles"), "value", "display"), *_names(user.get("groups"), "display", "value")]
    return row


def _names(entries: Any, *keys: str) -> Iterator[str]:
    """Give the name of each entry, by the first of the keys that it has; providers write entries as plain text too."""
    for entry in entries if isinstance(entries, list) else ():
        name = next((entry[key] for key in keys if entry.get(key)), "") if isinstance(entry, dict) else entry
        if isinstance(name, str) and name:
            yield name
