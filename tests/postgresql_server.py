"""A PostgreSQL server for the length of a block: Debian's programs, a folder of its own, and a Unix socket alone."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg

from child_server import PATIENCE, ChildServer
from credwatch.store.place import ServerPlace

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "autovacuum": "off",
    "unix_socket_permissions": "0777",
}


def programs() -> Path | None:
    """Find the folder of the server's programs, None where the package is missing."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server(ChildServer):
    """One cluster: SIGINT breaks off what is under way, SIGQUIT leaves it to be recovered at the next start."""

    usual_end = signal.SIGINT

    def __init__(self, folder: Path, user: str | None) -> None:
        super().__init__(folder, user)
        self._databases = 0
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")

    def _command(self) -> list[str]:
        settings = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
        return [self._program("postgres"), "-D", str(self._data), "-k", str(self._folder), *settings]

    def empty_database(self) -> ServerPlace:
        """Make a database that nothing is in."""
        self._databases += 1
        name = f"store_{self._databases}"
        self.ask(f"CREATE DATABASE {name}")
        return ServerPlace(f"postgresql://postgres@/{name}?host={quote(str(self._folder), safe='')}")

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the server's owner."""
        where = {"host": str(self._folder), "user": "postgres", "dbname": database}
        with psycopg.connect(**where, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _answers(self) -> bool:
        try:
            return bool(self.ask("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._program(program), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._as_user, cwd="/", timeout=PATIENCE)

    @staticmethod
    def _program(name: str) -> str:
        folder = programs()
        assert folder is not None
        return str(folder / name)


@contextmanager
def a_server() -> Iterator[Server]:
    """Run a server for the length of a block, as another user where we are root: it would refuse that."""
    folder = Path(tempfile.mkdtemp(prefix="credwatch-pg-"))  # a short path, for that of a socket is bounded
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    server = Server(folder, user)
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@cache
def the_server() -> Server:
    """Give one server for all of this process, which ends with it."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(a_server())
