"""All kinds of sources that the harness kills the daemon under; a sibling kind is a line here."""

from __future__ import annotations

from collections.abc import Callable

from kills.driver import Opened
from kills.files import FileDriver
from kills.forwarded import SyslogDriver
from kills.journals import JournalDriver, is_missing
from kills.pulled import RestDriver, SqlDriver
from kills.pushed import PushDriver
from kills.streamed import NatsDriver

DRIVERS: dict[str, Opened] = {
    "file": FileDriver,
    "journal": JournalDriver,
    "nats": NatsDriver,
    "push": PushDriver,
    "rest": RestDriver,
    "sql": SqlDriver,
    "syslog": SyslogDriver,
}
"""By the `kind` of the source."""

MISSING: dict[str, Callable[[], str]] = {"journal": is_missing}
"""Says which package a kind lacks on this machine."""
