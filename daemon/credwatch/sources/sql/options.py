"""`kind = "sql"`: rows of a database, as a query gives them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from credwatch.kernel.duration import Duration
from credwatch.kernel.options import Options, known_zone
from credwatch.sources.named import NamedSource

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

CursorKind = Literal["integer", "timestamp", "text"]
"""What the column holds that rows are ordered by."""

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_SECRET_KEYS = ("password", "passwd", "sslpassword")
_FIXED_LIMIT = re.compile(r"\b(limit|fetch\s+(first|next)|top)\s+\(?\d", re.IGNORECASE)
_CURSOR = re.compile(r"(?<![:\w]):cursor\b")
LIMIT = re.compile(r"(?<![:\w]):limit\b")
"""Where a query says how many rows are wanted."""


class DatabasePlace(Options):
    """Where a database is, and how long it may take to answer."""

    url: str
    """Where the database is, without a password: postgresql://USER@HOST/DATABASE, mariadb://, mysql://, sqlite:////PATH."""
    password_file: Path | None = None
    """A file with the password; the credential source-ID where none is named and there is one."""
    statement_seconds: float = Field(default=30, gt=0, le=3600)
    """Longest time for the query, and for the connection."""

    @field_validator("url")
    @classmethod
    def _known_url(cls, url: str) -> str:
        parsed = parsed_url(url)
        if parsed.password is not None or any(key.lower() in _SECRET_KEYS for key in parsed.query):
            raise ValueError("has a password in it; put that into password_file or the credential source-ID")
        return url


class SqlSourceOptions(NamedSource, DatabasePlace):
    """`kind = "sql"`: the rows of a table or view that come behind a cursor."""

    kind: Literal["sql"]
    """That a database is asked."""
    query: str
    """A SELECT with :cursor, in the order of the cursor's column; LIMIT :limit is added where it is not there."""
    cursor: str = Field(default="id", min_length=1)
    """The column that rows are ordered by."""
    cursor_kind: CursorKind = "integer"
    """What it holds."""
    start: str = ""
    """The value that :cursor has first; the newest one, or one before all, as read_from says, where this is empty."""
    identity: tuple[str, ...] = ()
    """Columns that identify a row, all together; a row is its own identity where none is named."""
    overlap: Duration = timedelta(minutes=5)
    """How late a row may be committed behind later timestamps: so much is asked for again, and given once."""
    overlap_numbers: int = Field(default=1000, ge=0, le=1_000_000)
    """The same for integers: how far behind greater numbers."""
    time_zone: str = "UTC"
    """The time zone of timestamps that tell none."""
    interval: Duration = timedelta(seconds=10)
    """How long to wait once nothing is new."""
    batch_rows: int = Field(default=5000, ge=1, le=100_000)
    """So many new rows are read at a time."""

    @property
    def secret_file(self) -> Path | None:
        """The file that holds the password; None where it is a credential, or there is none."""
        return self.password_file

    @field_validator("query")
    @classmethod
    def _followable(cls, query: str) -> str:
        text = query.rstrip().rstrip(";")
        if ";" in text:
            raise ValueError("is more than one statement; write one SELECT")
        if not _CURSOR.search(text):
            raise ValueError("has no :cursor; write WHERE column > :cursor ORDER BY column")
        if _FIXED_LIMIT.search(text):
            raise ValueError(
                "has a limit of its own, behind which rows would be missed; leave it out, or write LIMIT :limit"
            )
        return text

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)


def parsed_url(url: str) -> URL:
    """Return a URL with the driver that credwatch has for it; raises ValueError, without the URL, where it is none."""
    # `credwatch collect` reads these options too, and its memory has no room for the library.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("is no URL of a database; write postgresql://USER@HOST/DATABASE") from None
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
