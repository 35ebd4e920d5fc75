"""A MariaDB server for the length of a block: Debian's programs, a folder of its own, and loopback alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from scenarios.post_office import a_free_port

_PATIENCE = 60.0
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


class MariaServer:
    """One server without passwords for its owner; others have to give theirs."""

    def __init__(self, folder: Path, user: str) -> None:
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.port = a_free_port()
        self._bootstrap()

    def _bootstrap(self) -> None:
        """Make what the server keeps about itself, as mariadb-install-db does: that is in another package."""
        (self._folder / "data").mkdir()
        shutil.chown(self._folder / "data", self._user)
        statements = "".join((_SCRIPTS / name).read_text() for name in _TABLES)
        script = f"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n{statements}"
        command = [_binary(), "--no-defaults", "--bootstrap", f"--datadir={self._folder}/data", f"--user={self._user}"]
        subprocess.run(command, input=script.encode(), check=True, capture_output=True, cwd="/", timeout=_PATIENCE)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        folder = self._folder
        settings = [
            f"--datadir={folder}/data", f"--socket={folder}/socket", f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--pid-file={folder}/pid", f"--user={self._user}", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", "--skip-log-bin", "--skip-name-resolve",
        ]  # fmt: skip
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "--no-defaults", *settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)

    def send(self, how: signal.Signals) -> None:
        """Send the server a signal."""
        assert self._process is not None
        self._process.send_signal(how)

    def end(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

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
