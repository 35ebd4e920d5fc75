"""Lines as servers and applications write them, with fixed stamps: the same on every run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

BEGIN = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """Write the moment so many seconds after the beginning, as RFC 3339."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def ssh(seconds: float, outcome: str, user: str, address: str, *, process: int = 4711) -> str:
    """Write what sshd says of a password; `outcome` is Failed or Accepted."""
    return f"{at(seconds)} srv1 sshd[{process}]: {outcome} password for {user} from {address} port 40022 ssh2"


def app(seconds: float, action: str, outcome: str, user: str, organization: str, address: str, **more: Any) -> str:
    """Write an event as an application does (docs/application-events.md)."""
    event = {
        "schema": "credwatch-app/1",
        "@timestamp": at(seconds),
        "event.action": action,
        "event.outcome": outcome,
        "user.name": user,
        "organization.id": organization,
        "source.ip": address,
        **more,
    }
    return json.dumps(event, ensure_ascii=False)


def guessing(seconds: float, user: str, address: str, *, failures: int = 10) -> list[str]:
    """Write failures of sshd two seconds apart, then a success."""
    failed = [
        ssh(seconds + 2 * number, "Failed", user, address, process=5000 + number + int(seconds))
        for number in range(failures)
    ]
    return [*failed, ssh(seconds + 2 * failures, "Accepted", user, address, process=4000 + int(seconds))]


def app_guessing(
    seconds: float, user: str, organization: str, address: str, *, failures: int = 10, succeeds: bool = True
) -> list[str]:
    """Write failures of an application two seconds apart, then a success."""
    lines = [app(seconds + 2 * number, "login", "failure", user, organization, address) for number in range(failures)]
    success = app(seconds + 2 * failures, "login", "success", user, organization, address)
    return [*lines, success] if succeeds else lines


def staff_access(seconds: float, actor: str, target: str, organization: str) -> str:
    """Write that a member of the vendor's staff opened a customer's account."""
    return app(
        seconds, "staff_access", "success", f"{actor}@vendor.example", organization, "192.0.2.15",
        **{"user.target.name": target},
    )  # fmt: skip
