"""What the metrics read from the report of a batch, whoever makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from credwatch.detect.found import Found
from credwatch.kernel.incident import IncidentChange


class BatchReport(Protocol):
    """What one chunk of lines came to, once its transaction is committed. Moments are aware, UTC."""

    @property
    def source(self) -> str:
        """The source."""

    @property
    def lines(self) -> int:
        """Lines taken."""

    @property
    def events(self) -> Mapping[str, int]:
        """Events by pack."""

    @property
    def skipped(self) -> int:
        """Lines known as no event."""

    @property
    def unparsed(self) -> Mapping[str, int]:
        """Lines that nothing read, by reason."""

    @property
    def malformed(self) -> Mapping[str, int]:
        """Lines with bytes that no line should have, by reason."""

    @property
    def last_event_at(self) -> datetime | None:
        """The latest event time, None before the first event."""

    @property
    def received_at(self) -> datetime:
        """When the lines were read."""

    @property
    def backlog(self) -> int:
        """Bytes that wait behind the chunk."""

    @property
    def found(self) -> Found:
        """What the engine found."""

    @property
    def changes(self) -> tuple[IncidentChange, ...]:
        """What happened to incidents."""

    @property
    def window_rows(self) -> int:
        """Rows kept in windows."""

    @property
    def profiles(self) -> int:
        """Accounts whose habits are kept."""

    @property
    def evicted(self) -> int:
        """Accounts whose habits were given up for want of room."""

    @property
    def seconds(self) -> float:
        """How long the whole batch took."""

    @property
    def commit_seconds(self) -> float:
        """How long its transaction took."""
