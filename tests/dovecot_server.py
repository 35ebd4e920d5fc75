"""A Dovecot of the tests' own on loopback: one account, whose mails lie in a maildir."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from certificates import Authority
from child_server import free_ports

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/bin")
USER, PASSWORD = "security", 'pá ss"\\word'

CONFIG = """\
protocols = imap
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
listen = 127.0.0.1, 127.0.0.2
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{root}/mail
first_valid_uid = 1
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {root}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{more}
"""


class DovecotServer:
    """Serves one account; what it keeps lies in a folder, and outlives it."""

    def __init__(self, root: Path, more: str = "") -> None:
        """Write the configuration; `more` are lines of it."""
        self.root = root
        root.mkdir(mode=0o755)
        self.authority = Authority(root)
        certificate, key = self.authority.issued("localhost")
        self.port, self.tls_port = free_ports(2)
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        user, group = self._user.pw_name, grp.getgrgid(self._user.pw_gid).gr_name
        (root / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
        values = {"root": root, "user": user, "group": group, "certificate": certificate, "key": key, "more": more}
        text = CONFIG.format(port=self.port, tls_port=self.tls_port, **values)
        (root / "dovecot.conf").write_text(text, encoding="utf-8")
        self.password_file = root / "password"
        self.password_file.write_text(f"{PASSWORD}\n", encoding="utf-8")
        for folder in ("mail", "home"):
            (root / folder).mkdir()
            os.chown(root / folder, self._user.pw_uid, self._user.pw_gid)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it greets."""
        quiet = subprocess.DEVNULL
        command = [str(DOVECOT), "-F", "-c", str(self.root / "dovecot.conf")]
        self._server = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        end = time.monotonic() + 60
        while not self._greets():
            if self._server.poll() is not None or time.monotonic() > end:
                log = self.root / "log"
                pytest.fail(log.read_text(encoding="utf-8") if log.exists() else "dovecot wrote no log")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and the processes of its connections, at once."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server = None

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as server:
                return server.recv(4) == b"* OK"
        except OSError:
            return False

    def client(self) -> imaplib.IMAP4:
        """Log in as a mail program would."""
        client = imaplib.IMAP4("127.0.0.1", self.port, 60)
        client.authenticate("PLAIN", lambda _challenge: f"\0{USER}\0{PASSWORD}".encode())
        return client

    def make(self, folder: str) -> None:
        """Make a folder."""
        with self.client() as client:
            assert "OK" == client.create(f'"{folder}"')[0]

    def deliver(self, mails: Sequence[bytes], folder: str = "INBOX") -> None:
        """Put mails into a folder."""
        with self.client() as client:
            for mail in mails:
                assert "OK" == client.append(f'"{folder}"', "", "", mail)[0]

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        """Return the flags of each mail in a folder, in their order."""
        with self.client() as client:
            _, said = client.select(f'"{folder}"', readonly=True)
            if said[0] == b"0":
                return []
            _, lines = client.fetch("1:*", "(FLAGS)")
            return [{flag.decode() for flag in imaplib.ParseFlags(line)} for line in lines if isinstance(line, bytes)]
