"""One daemon to a store on a server, wherever daemons run.

A lock of a session says who has the store, and it ends with the session: with the daemon, but with the server or the
network too, and the daemon need not notice. So each claim is also given a number in the store, higher than all before,
and a daemon writes only while the number there is its own (a fencing token: Kleppmann, How to do distributed locking).
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from credwatch.kernel.errors import StoreError

_KEY = "hashtextextended('credwatch runs on ' || current_schema(), 0)"
_TRY = f"SELECT pg_try_advisory_lock({_KEY})"
_HOLDER = f"""
SELECT a.pid, coalesce(host(a.client_addr), 'this machine'), a.backend_start
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (l.classid::bigint << 32 | l.objid::bigint) = {_KEY}
"""  # noqa: S608  # our own words
_NUMBER = "SELECT value FROM engine_values WHERE name = 'claim'"
_COUNT = """
INSERT INTO engine_values (name, value) VALUES ('claim', %s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class Claim:
    """What keeps other daemons from a store; a process that has taken none writes freely, as commands do."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where
        self._session: Connection | None = None
        self._number: bytes | None = None
        self._is_doubtful = False
        self._lock = Lock()

    def take(self, connection: Connection) -> None:
        """Take the store, within a transaction that writes; raises StoreError where another daemon has it."""
        self._hold()
        before = connection.exec_driver_sql(_NUMBER).scalar()
        self._number = str(int(bytes(before or b"0")) + 1).encode()
        connection.exec_driver_sql(_COUNT, (self._number,))

    def check(self, connection: Connection) -> None:
        """Raise StoreError where another daemon has taken the store since; the transaction must have it alone."""
        if self._number is None:
            return
        number = connection.exec_driver_sql(_NUMBER).scalar()
        if number is None or bytes(number) != self._number:
            hint = "only one daemon may use a store: stop one of them, and start the other again"
            raise StoreError("another daemon has taken the store over", where=self._where, hint=hint)

    def doubt(self) -> None:
        """Say that a session broke off, and so the one with the lock perhaps as well."""
        self._is_doubtful = True

    def renew(self) -> None:
        """Take the lock again where it may be lost; raises StoreError where another daemon has it."""
        with self._lock:
            if self._number is not None and self._is_doubtful:
                self._hold()
                self._is_doubtful = False

    def release(self) -> None:
        """Let the next daemon have the store."""
        if self._session is not None:
            with suppress(SQLAlchemyError):
                self._session.close()
            self._session = None

    def _hold(self) -> None:
        if self._session is not None:
            try:
                self._session.exec_driver_sql("SELECT 1")
                return
            except SQLAlchemyError:
                self.release()
        session = self._engine.connect()
        session.detach()  # never given to anybody else
        if session.exec_driver_sql(_TRY).scalar():
            self._session = session
            return
        holder = session.exec_driver_sql(_HOLDER).first()
        session.close()
        holder_words = (
            f"server process {holder[0]} for {holder[1]} since {holder[2]:%FT%TZ}" if holder else "another daemon"
        )
        hint = "only one daemon may use a store: stop the other one, or give this one a database of its own"
        raise StoreError(f"the store is in use by {holder_words}", where=self._where, hint=hint)
