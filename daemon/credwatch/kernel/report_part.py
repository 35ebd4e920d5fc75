"""What one credwatch tells another of a breach in a report, beside the words: a part of the mail that programs read.

Its schema is `config/schemas/credwatch-report.schema.json`. Another version has another name, and what is not in the
schema is refused: a report that is half understood would be worse than its words alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder, Encoder

REPORT_TYPE = "application/vnd.credwatch.report+json"
"""The media type of the part."""
MOST_NAMES = 200
"""So many accounts, and so many addresses, one matter names; the others are counted."""
_MOST_BYTES, _MOST_MATTERS = 8_000_000, 500

Name = Annotated[str, Meta(min_length=1, max_length=320)]
Names = Annotated[tuple[Name, ...], Meta(max_length=MOST_NAMES)]
Word = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9._-]*\Z")]
Number = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+\Z")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Moment = Annotated[datetime, Meta(tz=True)]


class ReportStage(StrEnum):
    """Which report of a matter this is."""

    REPORT = "report"
    """The first."""
    NEWS = "news"
    """More became known."""
    CLOSING = "closing"
    """The sender has closed it."""
    JOINT = "joint"
    """Several matters in one letter, which are first reports each."""


class ReportedMatter(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One incident of the sender's."""

    incident: Number
    """Its number at the sender."""
    kind: Word
    """What kind it is, such as account_takeover."""
    level: Word
    """How grave it is there."""
    occurred_first: Moment
    """When it began."""
    occurred_last: Moment
    """When it happened last, as far as is known."""
    detected_at: Moment
    """When it was detected."""
    accounts: Names = ()
    """The accounts concerned, as the sender's logs write them."""
    more_accounts: Count = 0
    """How many others there are."""
    addresses: Names = ()
    """The addresses that it came from."""
    more_addresses: Count = 0
    """How many others there are."""
    outcome: Word = ""
    """What came of it, where it is closed."""


class ReportContact(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom to ask at the sender's."""

    mailbox: Annotated[str, Meta(max_length=320)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""


class ReportPart(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole part."""

    schema: Literal["credwatch-report/1"]
    """Its version."""
    stage: ReportStage
    """Which report it is."""
    matters: Annotated[tuple[ReportedMatter, ...], Meta(min_length=1, max_length=_MOST_MATTERS)]
    """What it tells of."""
    contact: ReportContact = ReportContact()
    """Whom to ask."""


_ENCODER, _DECODER = Encoder(order="deterministic"), Decoder(ReportPart)


def named(names: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """Take the first names that a part may hold, and count the others."""
    fitting = [name[:320] for name in names if name]
    return tuple(fitting[:MOST_NAMES]), max(0, len(fitting) - MOST_NAMES)


def written(part: ReportPart) -> bytes:
    """Write a part; the same one gives the same bytes."""
    return _ENCODER.encode(part)


def read_part(content: bytes) -> ReportPart:
    """Read a part strictly; raises ValueError, which says what is wrong with it."""
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    try:
        return _DECODER.decode(content)
    except (MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not as its schema says: {error}") from error
