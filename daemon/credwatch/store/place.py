"""Where a store is: a file of SQLite, or a schema on a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from credwatch.kernel.secret import Secret

SCHEMES = ("postgresql", "postgres")


class ServerPlace(Struct, frozen=True):
    """A store on a PostgreSQL server."""

    url: str
    """A libpq URL without a password; `checked_url` has passed it."""
    password: Secret | None = None
    """The password; None where the server asks for none, or libpq finds it (~/.pgpass)."""

    def __str__(self) -> str:
        """Name it without what is behind the `?`."""
        return self.url.partition("?")[0]


Place = Path | ServerPlace
"""Where a store is."""


def checked_url(url: str) -> str:
    """Return a server's URL; raises ValueError, as validators do, where it is none or has a password in it."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError("must begin with postgresql://; leave it out for a file in the state directory")
    if parts.password is not None or any(key == "password" for key, _ in parse_qsl(parts.query)):
        raise ValueError("has a password in it; put that into store.password_file or the credential store-password")
    if not parts.path.strip("/"):
        raise ValueError("names no database; write postgresql://USER@HOST/DATABASE")
    return url


def place_named(text: str) -> Place:
    """Read what a person has written: a URL or the path of a file; raises ValueError."""
    return ServerPlace(checked_url(text)) if "://" in text else Path(text)
