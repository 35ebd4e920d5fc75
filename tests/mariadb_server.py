"""A MariaDB server for the length of a block: Debian's programs, a folder of its own, and loopback alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from child_server import PATIENCE, ChildServer, a_free_port

_SCRIPTS = Path("/usr/share/mysql")
_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
_PROGRAMS = "/usr/sbin:/usr/bin"


def program() -> str | None:
    """Find the server's program, None where the package is missing."""
    return shutil.which("mariadbd", path=_PROGRAMS)


def _binary() -> str:
    binary = program()
    assert binary is not None
    return binary


class MariaServer(ChildServer):
    """One server without passwords for its owner; others have to give theirs."""

    def __init__(self, folder: Path, user: str) -> None:
        super().__init__(folder)
        self._user = user
        self.port = a_free_port()
        self._bootstrap()

    def _bootstrap(self) -> None:
        """Make what the server keeps about itself, as mariadb-install-db does: that is in another package."""
        (self._folder / "data").mkdir()
        shutil.chown(self._folder / "data", self._user)
        statements = "".join((_SCRIPTS / name).read_text() for name in _TABLES)
        script = f"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n{statements}"
        command = [_binary(), "--no-defaults", "--bootstrap", f"--datadir={self._folder}/data", f"--user={self._user}"]
        subprocess.run(command, input=script.encode(), check=True, capture_output=True, cwd="/", timeout=PATIENCE)

    def _command(self) -> list[str]:
        folder = self._folder
        settings = [
            f"--datadir={folder}/data", f"--socket={folder}/socket", f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--pid-file={folder}/pid", f"--user={self._user}", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", "--skip-log-bin", "--skip-name-resolve",
        ]  # fmt: skip
        return [_binary(), "--no-defaults", *settings]

    def ask(self, *statements: str, database: str | None = None) -> list[Any]:
        """Run statements as the server's owner."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "root", "database": database}
        with pymysql.connect(**where, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def _answers(self) -> bool:
        try:
            return bool(self.ask("SELECT 1"))
        except pymysql.err.OperationalError:
            return False


@contextmanager
def a_maria_server() -> Iterator[MariaServer]:
    """Run a server for the length of a block, as another user where we are root."""
    folder = Path(tempfile.mkdtemp(prefix="credwatch-my-"))  # a short path, for that of a socket is bounded
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    server = MariaServer(folder, user)
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
