"""Keeps the store in a schema on a PostgreSQL server, from 13 on."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from credwatch.kernel.errors import StoreError
from credwatch.store.dialect.interface import Declared
from credwatch.store.dialect.postgresql_claim import Claim
from credwatch.store.dialect.postgresql_errors import store_error
from credwatch.store.dialect.postgresql_tables import as_postgresql
from credwatch.store.place import ServerPlace
from credwatch.store.statements import POSTGRESQL
from credwatch.store.transactions import writing
from credwatch.store.versions import is_newest, newest, upgrade

_OLDEST = 130_000
_CONNECT_SECONDS = 8
_OPTIONS = {
    "lock_timeout": "8s",  # a store that stays locked is told within ten seconds, and asked again
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "5min",  # a process that is stopped holds up no other for ever
    "timezone": "UTC",
    "tcp_keepalives_idle": "20",  # the lock of a machine that lost its power is free after a minute
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "4",
}
"""What each of our sessions asks of the server."""
_NO_STATEMENT_TIMEOUT = "SET LOCAL statement_timeout = 0"

# One writer at a time, as with SQLite: what reads and then writes has to be right once only. Whoever waits sees what
# was committed before, for at READ COMMITTED each statement takes a state of its own.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('credwatch writes ' || current_schema(), 0))"
# Waits for no reader, and is gone once a commit is on the disk, whatever the server's default is.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
WHERE relkind = 'r' AND relnamespace = to_regnamespace(current_schema())
"""


class PostgresqlDialect:
    """Keeps the contract of `Dialect` on a server."""

    def __init__(self, place: ServerPlace) -> None:
        """Say where the store is; nothing is asked of the server yet."""
        self.where = str(place)
        self.engine = _engine(place)
        self._claim = Claim(self.engine, self.where)

    def begin_writing(self, connection: Connection) -> None:
        """Wait for other writers, and refuse to write where another daemon has taken the store over."""
        self._claim.renew()
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(_ALONE)
        self._claim.check(connection)

    def begin_reading(self, connection: Connection) -> None:
        """See what was committed when the first statement came."""
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def is_current(self) -> bool:
        """Say whether the schema has a store of the newest version."""
        try:
            with self.engine.connect() as connection:
                return is_newest(_version(connection), self.where)
        except SQLAlchemyError as error:
            raise self.error(error) from error

    def migrate(self, declared: Declared) -> None:
        """Make or upgrade the tables in one transaction, which other processes wait for."""
        with writing(self) as connection:
            connection.exec_driver_sql(_NO_STATEMENT_TIMEOUT)
            at = _version(connection)
            if at is None:
                self._make(connection, declared)
            elif not is_newest(at, self.where):
                upgrade(connection)

    def _make(self, connection: Connection, declared: Declared) -> None:
        version, encoding = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
        ).one()
        if version < _OLDEST:
            raise StoreError(
                f"the server is PostgreSQL {version // 10_000}", where=self.where, hint="credwatch needs 13 or later"
            )
        if encoding != "UTF8":
            hint = "make it with: createdb --encoding=UTF8 --template=template0 …"
            raise StoreError(f"the database is in {encoding}, not UTF8", where=self.where, hint=hint)
        tables = declared()
        as_postgresql(tables).create_all(connection)
        for statement in (words for table in tables.sorted_tables for words in table.info.get(POSTGRESQL, ())):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (%s)", (newest(),))

    def claim(self) -> None:
        """Hold a lock of the server for as long as the daemon lives."""
        with writing(self) as connection:
            try:
                self._claim.take(connection)
            except SQLAlchemyError as error:
                raise self.error(error) from error

    def tidy(self) -> None:
        """Refresh what the query planner knows; to give pages back is for the server's own autovacuum."""
        try:
            with self.engine.connect() as connection:
                for table in connection.exec_driver_sql(
                    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
                ).scalars():
                    connection.exec_driver_sql(f"ANALYZE {table}")
        except SQLAlchemyError as error:
            raise self.error(error) from error

    def give_back(self) -> None:
        """Do nothing: autovacuum lets the space be used again."""

    def size(self, connection: Connection) -> int:
        """Tell how many bytes the tables take, with their indexes."""
        return int(connection.exec_driver_sql(_SIZE).scalar_one())

    def error(self, error: Exception) -> StoreError:
        """Say what the server said; a session that broke off is noted, for the claim may have gone with it."""
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            self._claim.doubt()
        return store_error(self.where, error)

    def close(self) -> None:
        """Close every connection, and let the next daemon have the store."""
        self._claim.release()
        self.engine.dispose()


class _StrDumper(StrDumper):
    """Writes texts; U+0000, which PostgreSQL keeps in no text, becomes the picture of it, U+2400."""

    def dump(self, obj: str) -> bytes | None:
        written = super().dump(obj.replace("\0", "␀") if "\0" in obj else obj)
        return None if written is None else bytes(written)


def _engine(place: ServerPlace) -> Engine:
    """Make what opens connections to the server."""

    def opened() -> psycopg.Connection:
        connection = psycopg.connect(_conninfo(place), autocommit=True)
        connection.adapters.register_dumper(str, _StrDumper)
        connection.execute(_DURABLE)
        return connection

    return create_engine(
        "postgresql+psycopg://", creator=opened, poolclass=QueuePool, use_native_hstore=False, pool_pre_ping=False
    )


def _conninfo(place: ServerPlace) -> str:
    """Say how to connect, with the password; what the URL says goes first."""
    named = {key: value for key, value in conninfo_to_dict(place.url).items() if value is not None}
    ours: dict[str, str | int] = {
        "application_name": "credwatch",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
    if _is_elsewhere(str(named.get("host", named.get("hostaddr", "")))):
        ours["sslmode"] = "require"  # names and addresses of people go over the net
    if place.password is not None:
        ours["password"] = place.password.reveal()
    options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    parameters = {**ours, **named, "options": f"{options} {named.get('options', '')}".strip()}
    return make_conninfo("", **parameters)


def _is_elsewhere(hosts: str) -> bool:
    return any(not _is_here(host) for host in hosts.split(","))


def _is_here(host: str) -> bool:
    return not host or host.startswith(("/", "@", "127.")) or host in ("localhost", "::1")


def _version(connection: Connection) -> str | None:
    """Return the version of the store in the schema; None where there is no store."""
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
        return None
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if version is None else str(version)
