"""What the errors of a PostgreSQL server mean, by their SQLSTATE (PostgreSQL manual, appendix A)."""

from __future__ import annotations

import psycopg

from credwatch.kernel.errors import StoreError

_AGAIN = "it is tried again by itself; if it stays, look at the server's log"
_HINTS = {
    "28": "check the user and the password (store.password_file or the credential store-password), and pg_hba.conf",
    "3D": "make the database: createdb --encoding=UTF8 --template=template0 --owner=USER NAME",
    "42501": "let the user of the store own its database, or its schema",
    "53100": "the server's disk is full: make room there; it goes on by itself",
    "53300": "the server has too many connections: raise max_connections, or close some",
    "25006": "the server only reads: it is a standby, or was told so; name the one that writes",
    "55P03": "another process has been writing for long; it is tried again by itself",
    "57014": "the server took longer than a minute; look at its load",
    "57P": _AGAIN,
    "08": _AGAIN,
    "XX001": "the server's files are damaged: stop the daemon and put back a backup",
    "XX002": "an index is damaged: REINDEX DATABASE, then look at the server's disk",
}
_UNREACHED = "is the server up, and does its address stand in store.url? it is tried again by itself"


def store_error(where: str, error: Exception) -> StoreError:
    """Turn an error into one of ours; the server's first sentence names no values, its details do."""
    origin = getattr(error, "orig", None) or error
    state = getattr(origin, "sqlstate", None) or ""
    return StoreError(f"the store failed: {_words(origin, state)}", where=where, hint=_hint(origin, state))


def _words(origin: Exception, state: str) -> str:
    if not isinstance(origin, psycopg.Error) or state.startswith("22"):
        return type(origin).__name__  # these say which value was wrong
    if origin.diag.message_primary:
        return origin.diag.message_primary
    is_about_connection = isinstance(origin, psycopg.OperationalError)
    return " ".join(str(origin).split()) if is_about_connection else type(origin).__name__


def _hint(origin: Exception, state: str) -> str:
    for length in (5, 3, 2):
        if hint := _HINTS.get(state[:length]):
            return hint
    if isinstance(origin, psycopg.OperationalError) and not state:
        return _HINTS["28"] if "authentication" in str(origin) else _UNREACHED
    return "look at the server's log"
