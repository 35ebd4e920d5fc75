"""`[archive]`: whether events are kept, where, what of them, and for how long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from credwatch.archive.classes import PERSONAL, FieldClass
from credwatch.kernel.duration import LongDuration
from credwatch.kernel.errors import nearest
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.options import Options

_TWELVE_MONTHS = timedelta(days=366)
_NEVER_SEALED = ("organization.id", "event.dataset", "credwatch.source.id")


class ArchiveRetentionOptions(Options):
    """`[archive.retention]`: how long each class of fields is kept, from the time of the event."""

    events: LongDuration = _TWELVE_MONTHS
    """Whole events, whatever is left of them by then."""
    accounts: LongDuration = _TWELVE_MONTHS
    """Who: accounts, sessions, keys and tokens."""
    addresses: LongDuration = _TWELVE_MONTHS
    """From where: addresses, ports, places, clients."""
    lines: LongDuration = _TWELVE_MONTHS
    """The lines themselves and the commands in them, where they are kept."""

    @model_validator(mode="after")
    def _within_events(self) -> ArchiveRetentionOptions:
        for kind in FieldClass:
            if getattr(self, kind.value) > self.events:
                raise ValueError(f"{kind.value} cannot be kept longer than events; make events as long")
        return self


class ArchiveOptions(Options):
    """`[archive]`: every event, for those who ask later."""

    enabled: bool = True
    """Whether events are kept."""
    folder: Path | None = None
    """Where the files are; the folder archive in the state directory where none is named."""
    lines: bool = False
    """Whether the lines are kept too, twice to three times as many bytes; rules that read lines need them."""
    seal: bool = False
    """Whether personal fields are sealed with a key for each customer, so that without the key nobody reads them."""
    personal: tuple[str, ...] = PERSONAL
    """The personal fields: texts of the schema."""
    after_service: LongDuration = timedelta(days=30)
    """So long after the end of a customer's service (customers.toml) its events go."""
    waiting_bytes: int = Field(default=268_435_456, ge=1_048_576)
    """How much the store keeps for the archive while its folder takes nothing; what comes then is not archived."""
    retention: ArchiveRetentionOptions = ArchiveRetentionOptions()
    """How long each class of fields is kept."""

    @field_validator("folder")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_absolute():
            raise ValueError("must be an absolute path; the daemon's own folder is /")
        return folder

    @field_validator("personal")
    @classmethod
    def _texts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        texts = [
            name for name, field in BY_NAME.items() if field.type is FieldType.STRING and name not in _NEVER_SEALED
        ]
        for name in names:
            if name not in texts:
                hint = nearest(name, texts) or "docs/events.md lists them"
                raise ValueError(f"{name!r} is no field that can be sealed; {hint}")
        return names
