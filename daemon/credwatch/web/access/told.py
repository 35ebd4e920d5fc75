"""A request for access as JSON values, as commands and endpoints show it."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from credwatch.store.cases.access_requests import StoredAccess
from credwatch.world.access import awaits_customer, review_due


def told_of(stored: StoredAccess) -> dict[str, Any]:
    """Return a request as JSON values, with what it still waits for and how often it was used."""
    request = stored.request
    values: dict[str, Any] = to_builtins(request)
    values |= {"state": request.state.value, "approvers": list(request.approvers)}
    values |= {"awaits_customer": awaits_customer(request), "use": to_builtins(stored.use)}
    due = review_due(request)
    values |= {"review_by": to_builtins(due) if due else ""}
    return {name: value for name, value in values.items() if name != "sending"}
