"""Generated logs for the bench: an OpenSSH server under attack, or on a calm day; the same lines for the same seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

_NAMES = "root admin test oracle postgres ubuntu git deploy nagios guest ftpuser mysql tomcat jenkins www backup".split()
_STAFF = [f"nhan.vien{number}" for number in range(200)]


def write_log(path: Path, lines: int, *, failures: float, addresses: int = 5_000, seed: int = 1) -> None:
    """Write a syslog file of about `lines` lines, of whose logins the share `failures` fails.

    Attackers come from `addresses` addresses, the busier the lower their number; 400 lines fall on a second.
    """
    chance = random.Random(seed)  # noqa: S311  # a bench, not a secret
    at = datetime(2026, 3, 2, 0, 0, 0, tzinfo=UTC)
    written = 0
    with path.open("w", encoding="ascii") as log:
        while written < lines:
            moment = at + timedelta(seconds=written // 400)
            stamp = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S} srv{chance.randrange(8)} "
            batch = _attack(chance, addresses) if chance.random() < failures else _work(chance)
            log.writelines(stamp + line + "\n" for line in batch)
            written += len(batch)


def _attack(chance: random.Random, addresses: int) -> list[str]:
    number = int(addresses * chance.random() ** 2)
    address = f"{20 + number % 180}.{number // 180 % 250}.{number % 250}.{number % 199 + 1}"
    pid, port = chance.randrange(300, 99_999), chance.randrange(1024, 65_535)
    if chance.random() < 0.5:
        name = f"{chance.choice(_NAMES)}{chance.randrange(40)}"
        return [
            f"sshd[{pid}]: Invalid user {name} from {address} port {port}",
            f"sshd[{pid}]: Failed password for invalid user {name} from {address} port {port} ssh2",
            f"sshd[{pid}]: Connection closed by invalid user {name} {address} port {port} [preauth]",
        ]
    return [
        f"sshd[{pid}]: Failed password for {chance.choice(_NAMES)} from {address} port {port} ssh2",
        f"sshd[{pid}]: Received disconnect from {address} port {port}:11: Bye Bye [preauth]",
    ]


def _work(chance: random.Random) -> list[str]:
    user, pid = chance.choice(_STAFF), chance.randrange(300, 99_999)
    address, port = f"198.51.100.{chance.randrange(1, 250)}", chance.randrange(1024, 65_535)
    return [
        f"sshd[{pid}]: Accepted publickey for {user} from {address} port {port} ssh2: ED25519 SHA256:{pid:043d}",
        f"sshd[{pid}]: pam_unix(sshd:session): session opened for user {user}(uid={1000 + pid % 200}) by {user}(uid=0)",
        f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {user}",
    ]
