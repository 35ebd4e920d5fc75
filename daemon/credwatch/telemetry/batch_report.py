"""What the metrics read from the report of a batch, whoever makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import IncidentChange


class LogReport(Protocol):
    """What the lines of one log are. Moments are aware, UTC."""

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
    def ahead(self) -> int:
        """Events that state a time ahead of the time of reading."""

    @property
    def guessed(self) -> int:
        """Lines whose time is a guess."""

    @property
    def unread(self) -> Mapping[tuple[str, str], int]:
        """Values that could not be read, by field and reason."""

    @property
    def last_event_at(self) -> datetime | None:
        """The event time of the last event, None where there is none."""

    @property
    def received_at(self) -> datetime:
        """When the lines were read."""

    @property
    def backlog(self) -> int:
        """Bytes that wait behind the lines."""


class BatchReport(Protocol):
    """What a batch came to, once its transaction is committed. Moments are aware, UTC."""

    @property
    def parts(self) -> Sequence[LogReport]:
        """What its lines are, log by log."""

    @property
    def received_at(self) -> datetime:
        """When the latest of its lines were read."""

    @property
    def conclusions(self) -> Conclusions:
        """What the engine found."""

    @property
    def detections(self) -> Sequence[Detection]:
        """What was found, with the moments of its reading and its finding."""

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
