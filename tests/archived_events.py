"""Events for tests of the archive: made by chance from a seed, with accounts and addresses that repeat."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.form import SCHEMA, archived, packed
from credwatch.archive.moving import move

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNTS = ("linh", "minh", "thảo", "=cmd|' /C calc'!A0", "~wavy", "quoc bao")
CUSTOMERS = (None, "hai-au", "blue-harbor")


def an_event(number: int = 0, *, at: datetime = BEGIN, **fields: Any) -> dict[str, Any]:
    """Build the row of an event, which is known by its offset."""
    return {
        "@timestamp": at,
        "event.dataset": "openssh",
        "event.action": "login",
        "event.outcome": "failure",
        "user.name": "linh",
        "source.ip": "192.0.2.7",
        "source.port": 50_000,
        "credwatch.source.id": "servers",
        "log.file.path": "/var/log/auth.log",
        "log.offset": number,
    } | {name.replace("__", "."): value for name, value in fields.items()}


def rows_of(events: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Make rows as the archive takes them."""
    names = {name for event in events for name in event}
    frame = pl.DataFrame(events, schema={name: dtype for name, dtype in SCHEMA.items() if name in names})
    return archived(frame, lines=True)


def some_events(count: int, *, seed: int, days: int = 3) -> list[dict[str, Any]]:
    """Make events of some days, most of them in order."""
    chance = random.Random(seed)
    return [
        an_event(
            number,
            at=BEGIN + timedelta(days=days) * (number / count) - timedelta(hours=chance.choice((0, 0, 0, 30))),
            user__name=chance.choice((*ACCOUNTS, None)),
            user__target__name=chance.choice((None, None, None, *ACCOUNTS)),
            source__ip=chance.choice((None, "2001:db8::1", "2001:db8:1::9", *(f"192.0.{n}.{n}" for n in range(4)))),
            source__port=chance.choice((None, 22, 50_000)),
            organization__id=chance.choice(CUSTOMERS),
            event__outcome=chance.choice(("success", "failure")),
            credwatch__masked=chance.choice((None, True, False)),
            message=f"line {number}",
        )
        for number in range(count)
    ]


def fill(folder: ArchiveFolder, batches: Sequence[Sequence[dict[str, Any]]], *, first: int = 1) -> None:
    """Move batches of events into the folder of an archive, under numbers from one on."""
    folder.prepare()
    move(folder, [(number, packed(rows_of(batch))) for number, batch in enumerate(batches, first)])


def offsets(rows: pl.DataFrame) -> list[int]:
    """Tell which events these are."""
    return rows["log.offset"].to_list()
