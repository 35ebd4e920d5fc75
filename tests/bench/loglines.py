"""Generated logs for the bench: an OpenSSH server under attack, or on a calm day; the same lines for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_NAMES = "root admin test oracle postgres ubuntu git deploy nagios guest ftpuser mysql tomcat jenkins www".split()  # noqa: SIM905
_RANKS = [1 / rank for rank in range(1, len(_NAMES) + 1)]
_STAFF = [f"nhan.vien{number}" for number in range(200)]
_LINES_A_SECOND = 200


def write_log(path: Path, lines: int, *, failures: float, at_once: int = 60, seed: int = 1) -> None:
    """Write a syslog file of about `lines` lines, of whose logins the share `failures` fails.

    `at_once` attackers are busy at any time, each for 20 to 400 guesses from an address of its own, as in real logs;
    then another takes its place; the first names are tried far more often than the last (Zipf).
    200 lines fall on a second.
    """
    chance = random.Random(seed)
    start = datetime(2026, 3, 2, 0, 0, 0, tzinfo=UTC)
    attackers = [_attacker(chance, number) for number in range(at_once)]
    arrived, written = at_once, 0
    with path.open("w", encoding="ascii") as log:
        while written < lines:
            moment = start + timedelta(seconds=written // _LINES_A_SECOND)
            stamp = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S} srv{chance.randrange(8)} "
            if chance.random() < failures:
                place = chance.randrange(at_once)
                batch = next(attackers[place], [])
                if not batch:
                    attackers[place] = _attacker(chance, arrived)
                    arrived += 1
            else:
                batch = _work(chance)
            log.writelines(stamp + line + "\n" for line in batch)
            written += len(batch)


def _attacker(chance: random.Random, number: int) -> Iterator[list[str]]:
    """Give the lines of one attacker, guess by guess."""
    address = f"{20 + number % 180}.{number // 180 % 250}.{number // 45_000 % 250}.{number % 199 + 1}"
    invents_names = chance.random() < 0.5
    for _ in range(chance.randrange(20, 400)):
        pid, port = chance.randrange(300, 99_999), chance.randrange(1024, 65_535)
        name = chance.choices(_NAMES, _RANKS)[0]
        if invents_names:
            name = f"{name}{int(chance.paretovariate(1)) % 40}"
            yield [
                f"sshd[{pid}]: Invalid user {name} from {address} port {port}",
                f"sshd[{pid}]: Failed password for invalid user {name} from {address} port {port} ssh2",
                f"sshd[{pid}]: Connection closed by invalid user {name} {address} port {port} [preauth]",
            ]
        else:
            yield [
                f"sshd[{pid}]: Failed password for {name} from {address} port {port} ssh2",
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
