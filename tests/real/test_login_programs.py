"""su, sudo, doas, login, passwd and Dropbear of Debian, and BusyBox's: attempts counted are attempts made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from real.attempts import MARK, attempts, count_kinds, logs_by_way, read_log
from real.debian import a_guest

pytestmark = [pytest.mark.real, pytest.mark.slow]

RIGHT = "right-password"


class Way(NamedTuple):
    """One run of a program, and what comes of it."""

    caller: str
    """Who runs it."""
    command: str
    """What is run, on a terminal."""
    answers: str
    """What is typed, prompt by prompt."""
    failed: int = 0
    """Guesses that fail."""
    succeeded: int = 0
    """Attempts that succeed, as far as the program tells of it."""
    user: str | None = "lan"
    """Whose attempts these are."""
    address: str | None = None
    """Where they come from."""


SSH = "ssh -p 2299 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes"
TYPED = f"{SSH} -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=12"
LOCAL = "127.0.0.1"
WAYS = {
    "su": Way("lan", "su root -c true", "wrong", failed=1),
    "su-login": Way("lan", "su - huong -c true", "wrong", failed=1),
    "su-right": Way("lan", "su huong -c true", RIGHT, succeeded=1),
    "su-locked": Way("lan", "su locked -c true", RIGHT, failed=1),
    "su-expired": Way("lan", "su expired -c true", RIGHT, failed=1),
    "sudo": Way("lan", "sudo true", "wrong wrong wrong", failed=3),
    "sudo-wrong-then-right": Way("lan", "sudo true", f"wrong {RIGHT}", failed=1),
    "sudo-denied": Way("huong", "sudo true", RIGHT),
    "sudo-expired": Way("expired", "sudo true", RIGHT),
    "doas": Way("lan", "doas true", "wrong", failed=1),
    "doas-right": Way("lan", "doas true", RIGHT),
    "doas-denied": Way("huong", "doas true", RIGHT),
    "passwd": Way("lan", "passwd", "wrong", failed=1),
    "chsh": Way("lan", "chsh --shell /bin/sh", "wrong", failed=1),
    "login": Way("root", "login", "lan wrong lan wrong", failed=2),
    "login-remote": Way("root", "login -h 203.0.113.9", "lan wrong", failed=1, address="203.0.113.9"),
    "login-unknown": Way(
        "root", "login -h 203.0.113.9", "nobodyhere wrong", failed=1, user=None, address="203.0.113.9"
    ),
    "busybox-su": Way("lan", "/opt/busybox/su root -c true", "wrong", failed=1),
    "busybox-login": Way("root", "/opt/busybox/login", "lan wrong", failed=1),
    "busybox-login-remote": Way("root", "/opt/busybox/login -h 203.0.113.9", "lan wrong", 1, address="203.0.113.9"),
    "busybox-login-unknown": Way("root", "/opt/busybox/login", "nobodyhere wrong", failed=1, user=None),
    "busybox-login-root": Way("root", "/opt/busybox/login -f root", "exit", succeeded=1, user="root"),
    "busybox-passwd": Way("lan", "/opt/busybox/passwd", "wrong"),
    "dropbear": Way("root", f"{SSH} -o NumberOfPasswordPrompts=3 lan@{LOCAL} true", "wrong " * 3, 3, address=LOCAL),
    "dropbear-too-many": Way("root", f"{TYPED} lan@{LOCAL} true", "wrong " * 12, failed=10, address=LOCAL),
    "dropbear-right": Way("root", f"{TYPED} lan@{LOCAL} true", f"wrong {RIGHT}", 1, 1, address=LOCAL),
    "dropbear-key": Way("root", f"{SSH} -i /root/stranger -o PasswordAuthentication=no lan@{LOCAL} true", ""),
    "dropbear-right-key": Way("root", f"{SSH} -i /root/known lan@{LOCAL} true", "", succeeded=1, address=LOCAL),
    # It tells of such a name once a connection; as Debian builds it, without name and address.
    "dropbear-unknown": Way("root", f"{TYPED} nobodyhere@{LOCAL} true", "wrong wrong", failed=1, user=None),
}
REFUSED = """
mark refused
groupadd dev; groupadd dev; chattr +i /etc/group; groupadd other; chattr -i /etc/group
useradd lan; useradd --non-unique --uid 0 toor; useradd --gid nosuchgroup another
chattr +i /etc/shadow; useradd late; passwd --lock huong; chattr -i /etc/shadow
chattr +i /etc/gshadow; gpasswd --add huong sudo; chattr -i /etc/gshadow
"""
PREPARE = """
set -e
echo "127.0.1.1 $(hostname)" >> /etc/hosts
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
sed -i 's/^FAIL_DELAY.*/FAIL_DELAY 0/' /etc/login.defs
for user in lan huong locked expired; do
  useradd --create-home --shell /bin/bash $user; echo "$user:right-password" | chpasswd
done
echo root:right-password | chpasswd
passwd -q --lock locked; usermod --expiredate 2020-01-01 expired; usermod --append --groups sudo lan
echo 'permit lan as root' > /etc/doas.conf; chmod 600 /etc/doas.conf
mkdir -p /opt/busybox /etc/dropbear
for name in su login passwd; do install -m 4755 /bin/busybox /opt/busybox/$name; done
dropbear -R -p 127.0.0.1:2299
for key in known stranger; do ssh-keygen -q -t ed25519 -N '' -f /root/$key; done
install -d -o lan -m 700 /home/lan/.ssh
install -o lan -m 600 /root/known.pub /home/lan/.ssh/authorized_keys
"""
# Runs a program on a terminal of its own, and types the next answer at each prompt. A prompt names what it asks for and
# ends with a colon, or is a shell's; a line that came in pieces ("sudo:") is none.
TYPE = r"""
import os, pty, pwd, re, select, signal, sys, time
PROMPT = re.compile(rb"(?i)(login|password)[^\n]*:\s*$|#\s*$")
caller, command, *answers = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    if caller != "root":
        entry = pwd.getpwnam(caller)
        os.initgroups(caller, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    os.chdir("/")
    os.execve("/bin/sh", ["sh", "-c", command], {**os.environ, "USER": caller, "LOGNAME": caller})
shown, quiet = b"", 0
while quiet < 20:
    if not select.select([terminal], [], [], 0.25)[0]:
        quiet += 1
        if not answers and quiet > 2 and PROMPT.search(shown):
            break
        continue
    try:
        quiet, shown = 0, shown + os.read(terminal, 4096)
    except OSError:
        break
    if answers and PROMPT.search(shown):
        os.write(terminal, answers.pop(0).encode() + b"\n")
        shown = b""
os.kill(child, signal.SIGHUP)
for _ in range(100):
    if os.waitpid(child, os.WNOHANG)[0]:
        sys.exit()
    time.sleep(0.1)
os.killpg(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run every way in one Debian, and part what the programs have written."""
    with a_guest(tmp_path_factory.mktemp("programs")) as guest:
        guest.write("/root/prepare", PREPARE)
        guest.run("bash", "/root/prepare")
        guest.write("/root/type.py", TYPE)
        runs = [
            f"mark {name}; python3 /root/type.py {it.caller} '{it.command}' {it.answers}" for name, it in WAYS.items()
        ]
        wait = "while pgrep --full '^dropbear .*2299' | tail -n +2 | grep -q .; do sleep 0.05; done"
        guest.write("/root/run", MARK + f"\n{wait}\n".join(runs) + f"\n{wait}\n{REFUSED}\nmark end\n")
        guest.tried("bash", "/root/run", seconds=900)
        yield logs_by_way(guest)


@pytest.mark.parametrize("name", WAYS)
def test_attempts_counted_are_attempts_made(name: str, told: dict[str, str]) -> None:
    """Every line is read; guesses and logins are as many as were made, by whom and whence."""
    way, log = WAYS[name], told[name]
    parsed = read_log(log)
    assert [] == parsed.unparsed["line"].to_list()
    counted = attempts(parsed)
    assert {"guess": way.failed, "key": 0, "login": way.succeeded} == count_kinds(counted), log
    where = None if way.user is None and way.address == LOCAL else way.address
    assert {(way.user, where)} >= {(it.get("user.name"), it.get("source.ip")) for _, _, it in counted}, log


def test_what_is_refused_to_administrators(told: dict[str, str]) -> None:
    """Accounts and groups that could not be made or changed are told of, and every line is read."""
    parsed = read_log(told["refused"])
    assert [] == parsed.unparsed["line"].to_list()
    failures = parsed.events.filter(parsed.events["event.outcome"] == "failure")
    assert {"useradd", "groupadd", "passwd", "gpasswd"} == set(failures["process.name"].to_list())
