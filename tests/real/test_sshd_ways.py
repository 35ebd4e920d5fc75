"""The distribution's sshd, with and without PAM, in every way to fail: attempts counted are attempts made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from real.attempts import MARK, attempts, count_kinds, logs_by_way, read_log
from real.debian import Guest, a_guest

pytestmark = [pytest.mark.real, pytest.mark.slow]

PAM, PLAIN = "yes", "no"
SERVERS = [(pam, level) for pam in (PAM, PLAIN) for level in ("INFO", "VERBOSE")]
"""UsePAM and LogLevel of each server, in the order of their ports."""
RIGHT = "right-password"


class Way(NamedTuple):
    """One connection, and what comes of it."""

    user: str
    """Who is named."""
    methods: str
    """The methods of the client, in the order it tries them."""
    answers: str = "wrong wrong wrong"
    """What is typed, prompt by prompt."""
    more: str = ""
    """More options of the client."""
    failed: int = 0
    """Guesses that fail."""
    plain: int | None = None
    """Guesses that fail where the server asks no PAM, if that differs."""
    refused: int = 0
    """Keys that are refused, which a server tells of at VERBOSE."""
    succeeded: int = 0
    """Logins that succeed."""
    plain_succeeded: int | None = None
    """The same without PAM, if that differs."""


PASSWORD, DIALOGUE, KEY = "password", "keyboard-interactive", "publickey"
TWO_STRANGERS = "-i /root/stranger -i /root/strange-rsa"
WAYS = {
    "password": Way("lan", PASSWORD, failed=3),
    "dialogue": Way("lan", DIALOGUE, failed=3, plain=0),
    "wrong-then-right": Way("lan", PASSWORD, f"wrong wrong {RIGHT}", failed=2, succeeded=1),
    "dialogue-wrong-then-right": Way(
        "lan", DIALOGUE, f"wrong {RIGHT}", failed=1, succeeded=1, plain=0, plain_succeeded=0
    ),
    "right": Way("lan", PASSWORD, RIGHT, succeeded=1),
    "right-key": Way("lan", KEY, "", "-i /root/known", succeeded=1),
    "keys": Way("lan", KEY, "", TWO_STRANGERS, refused=2),
    "keys-then-password": Way("lan", f"{KEY},{PASSWORD}", RIGHT, TWO_STRANGERS, refused=2, succeeded=1),
    "keys-then-guesses": Way("lan", f"{KEY},{PASSWORD}", "wrong", TWO_STRANGERS, refused=2, failed=1),
    # A client offers each key of its host.
    "host": Way("lan", "hostbased", "", "-o HostbasedAuthentication=yes", refused=3),
    "two-methods": Way("two", f"{KEY},{PASSWORD}", "wrong wrong", "-i /root/known", failed=2),
    "too-many": Way("lan", PASSWORD, "wrong " * 9, failed=4),
    "too-many-in-a-dialogue": Way("lan", DIALOGUE, "wrong " * 9, failed=4, plain=0),
    "unknown": Way("stranger", PASSWORD, failed=3),
    # Where nothing is asked, "Invalid user" and "not allowed" stand alone, and count once.
    "unknown-dialogue": Way("stranger", DIALOGUE, failed=3, plain=1),
    "unknown-key": Way("stranger", KEY, "", TWO_STRANGERS, failed=1),
    "denied": Way("denied", PASSWORD, RIGHT, failed=1),
    "denied-dialogue": Way("denied", DIALOGUE, f"wrong {RIGHT}", failed=2, plain=1),
    "locked": Way("locked", PASSWORD, f"{RIGHT} wrong", failed=2),
    "locked-dialogue": Way("locked", DIALOGUE, f"{RIGHT} wrong", failed=2, plain=0),
    "no-shell": Way("noshell", PASSWORD, f"{RIGHT} wrong", failed=2),
    "no-shell-dialogue": Way("noshell", DIALOGUE, f"{RIGHT} wrong", failed=2, plain=0),
    "expired": Way("expired", PASSWORD, RIGHT, failed=1),
    "expired-wrong": Way("expired", PASSWORD, "wrong wrong", failed=2),
    "nologin": Way("nologin", PASSWORD, RIGHT, succeeded=1),
    "aged": Way("aged", PASSWORD, RIGHT, succeeded=1),
    "root": Way("root", PASSWORD, f"wrong {RIGHT}", failed=2),
    "root-dialogue": Way("root", DIALOGUE, f"wrong {RIGHT}", failed=2, plain=0),
}
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile none
UsePAM {pam}
LogLevel {level}
PasswordAuthentication yes
KbdInteractiveAuthentication yes
HostbasedAuthentication yes
PermitRootLogin prohibit-password
MaxAuthTries 4
DenyUsers denied
Match User two
  AuthenticationMethods publickey,password
"""
PREPARE = """
set -e
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
for user in lan two denied locked expired noshell nologin aged; do
  useradd --create-home $user; echo "$user:right-password" | chpasswd
done
echo root:right-password | chpasswd
passwd -q --lock locked; usermod --expiredate 2020-01-01 expired; chage -d 0 aged
usermod --shell /bin/missing noshell; usermod --shell /usr/sbin/nologin nologin
for key in known stranger; do ssh-keygen -q -t ed25519 -N '' -f /root/$key; done
ssh-keygen -q -t rsa -N '' -f /root/strange-rsa
for user in lan two; do
  install -d -o $user -m 700 /home/$user/.ssh
  install -o $user -m 600 /root/known.pub /home/$user/.ssh/authorized_keys
done
echo 'EnableSSHKeysign yes' > /etc/ssh/ssh_config.d/keysign.conf
"""
# Each prompt takes the next line of the answers; what was typed is counted by what is left. Servers have gone on from a
# connection once no process of theirs serves it, and all they wrote is written.
TRY = (
    MARK
    + """
printf '#!/bin/sh\\nhead -n 1 /root/answers; sed -i 1d /root/answers\\n' > /root/askpass; chmod 700 /root/askpass
export SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force
try() {
  way=$1 port=$2 from=$3 user=$4 methods=$5 answers=$6; shift 6
  printf '%s\\n' $answers > /root/answers; prompts=$(grep -c . /root/answers); asked=$((prompts > 0 ? prompts : 1))
  mark "$way"
  setsid --wait ssh -p $port -b $from -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=QUIET \\
    -o IdentitiesOnly=yes -o PreferredAuthentications=$methods -o NumberOfPasswordPrompts=$asked \\
    "$@" $user@127.0.0.1 true < /dev/null > /dev/null 2>&1
  echo "$way $((prompts - $(grep -c . /root/answers)))"
  while pgrep --full 'sshd: .*(priv|net|accepted|pam|unknown)\\]' > /dev/null; do sleep 0.05; done
}
"""
)


class Told(NamedTuple):
    """What a server has told of one way, and how many answers it was given."""

    log: str
    """Its lines."""
    answers: int
    """How many passwords the client has sent."""
    address: str
    """Where the client came from."""


def an_id(way: str, pam: str, level: str) -> str:
    """Name one way at one server."""
    return f"{way}-{'pam' if pam == PAM else 'plain'}-{level.lower()}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Told]]:
    """Try every way at every server of one Debian, and part what they have written."""
    with a_guest(tmp_path_factory.mktemp("sshd")) as guest:
        yield _try_all(guest)


def _try_all(guest: Guest) -> dict[str, Told]:
    guest.write("/root/prepare", PREPARE)
    guest.run("bash", "/root/prepare")
    for number, (pam, level) in enumerate(SERVERS):
        guest.write(f"/etc/ssh/{number}.conf", CONFIG.format(port=2200 + number, pam=pam, level=level))
        guest.run("/usr/sbin/sshd", "-f", f"/etc/ssh/{number}.conf")
    tries = {
        an_id(name, *server): f"{2200 + number} 127.0.{place + 1}.{number + 1} {way.user} {way.methods}"
        f" '{way.answers}' -o PubkeyAuthentication={'yes' if KEY in way.methods else 'no'} {way.more}"
        for place, (name, way) in enumerate(WAYS.items())
        for number, server in enumerate(SERVERS)
    }
    guest.write("/root/try", TRY + "".join(f"try {name} {words}\n" for name, words in tries.items()) + "mark end\n")
    answers = dict(line.split() for line in guest.run("bash", "/root/try").splitlines())
    logs = logs_by_way(guest)
    return {name: Told(logs[name], int(answers[name]), words.split()[1]) for name, words in tries.items()}


@pytest.mark.parametrize("server", SERVERS, ids="-".join)
@pytest.mark.parametrize("name", WAYS)
def test_attempts_counted_are_attempts_made(name: str, server: tuple[str, str], told: dict[str, Told]) -> None:
    """Every line is read; guesses, refused keys and logins are as many as the client made, by whom and whence."""
    way, (pam, level) = WAYS[name], server
    part = told[an_id(name, *server)]
    parsed = read_log(part.log)
    assert [] == parsed.unparsed["line"].to_list()
    failed = way.failed if pam == PAM or way.plain is None else way.plain
    succeeded = way.succeeded if pam == PAM or way.plain_succeeded is None else way.plain_succeeded
    refused = way.refused if level == "VERBOSE" else 0
    counted = attempts(parsed)
    assert {"guess": failed, "key": refused, "login": succeeded} == count_kinds(counted), part.log
    assert {(way.user, part.address)} >= {(it.get("user.name"), it.get("source.ip")) for _, _, it in counted}, part.log
    if part.answers:
        assert part.answers == failed + succeeded
