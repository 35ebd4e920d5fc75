"""A Postfix of the tests' own, in a temporary folder, on free loopback ports."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from child_server import free_ports

POSTFIX = shutil.which("postfix", path="/usr/sbin:/usr/bin")

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.modoro.example
mydestination =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = tanphat.example
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = inline:{{ it@tanphat.example=it/, kt@tanphat.example=kt/, bounces@tanphat.example=bounces/ }}
recipient_delimiter = +
smtpd_reject_unlisted_recipient = no
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_recipient_restrictions = reject_unauth_destination
default_transport = error:no mail leaves this test
relay_transport = error:no mail leaves this test
import_environment = MAIL_CONFIG MAIL_LOGTAG
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{denying} inet n - n - - smtpd
    -o smtpd_recipient_restrictions=reject
127.0.0.1:{hanging_up} inet n - n - - smtpd
    -o smtpd_sender_restrictions=reject
    -o smtpd_delay_reject=no
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


@contextmanager
def a_postfix(more: Callable[[Path], str]) -> Iterator[tuple[int, Path]]:
    """Run a Postfix of its own in a temporary folder, on a free loopback port; `more` are lines of main.cf."""
    with TemporaryDirectory(prefix="credwatch-postfix-") as folder:
        root = Path(folder)
        port, denying, hanging_up = free_ports(3)
        command = [str(POSTFIX), "-c", str(_configured(root, port, denying, hanging_up))]
        with (root / "config" / "main.cf").open("a") as main:
            main.write(more(root))
        (root / "ports").write_text(f"{denying} {hanging_up}")
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=180)
        try:
            wait_for(lambda: greets(port), root)
            yield port, root
        finally:
            subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=180)


def _configured(root: Path, port: int, denying: int, hanging_up: int) -> Path:
    root.chmod(0o755)  # its daemons drop root and must still reach their files
    entry = pwd.getpwnam("postfix")
    for name in ("config", "queue", "data", "mail"):
        (root / name).mkdir()
    for name in ("data", "mail"):
        os.chown(root / name, entry.pw_uid, entry.pw_gid)
    config = root / "config"
    (config / "main.cf").write_text(MAIN.format(root=root, uid=entry.pw_uid, gid=entry.pw_gid))
    (config / "master.cf").write_text(MASTER.format(port=port, denying=denying, hanging_up=hanging_up))
    for name in ("dynamicmaps.cf", "postfix-files"):
        if (Path("/etc/postfix") / name).exists():
            shutil.copy(Path("/etc/postfix") / name, config / name)
    return config


def greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as server:
            return server.recv(3) == b"220"
    except OSError:
        return False


def wait_for(holds: Callable[[], object], root: Path) -> None:
    """Wait for a state; shows what is in Postfix's queue where it does not come.

    Postfix keeps no log here: its master waits for ever where the socket of its log daemon is full, ten lines long.
    """
    end = time.monotonic() + 120
    while not holds():
        if time.monotonic() > end:
            mails = [str(path.relative_to(root)) for path in (root / "queue").rglob("*") if path.is_file()]
            pytest.fail(f"Postfix does not come so far; in its queue: {mails}")
        time.sleep(0.1)
