"""A calm day makes nobody uneasy; the same day with one takeover in it makes exactly that one known."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credwatch.kernel.detection import Level
from credwatch.replay.replay import Replayed, replay_files

DAY = datetime(2026, 11, 20, tzinfo=UTC)
OFFICE, HOME, MOBILE = "198.51.100.4", "198.51.100.77", "192.0.2.60"
PEOPLE = [f"nv{number:02}" for number in range(40)]
SETTINGS = """
[daemon]
registers_directory = "{folder}"
state_directory = "{folder}/state"
[detection]
history_after = "20d"
[operators]
addresses = ["operators@vendor.example"]
"""
CUSTOMERS = f"""
[[customer]]
id = "haiau"
name = "Hai Au"
language = "vi"
notice_addresses = ["it@haiau.example", "office@haiau.example"]
recognise = {{ hosts = ["web*"], users = {PEOPLE} }}
"""
Say = Callable[[float, str, str], None]


def a_day(seed: int) -> list[tuple[float, str]]:
    """Write what real programs write on a day: people, programs, and scanners that type anything."""
    chance = random.Random(seed)
    lines: list[tuple[float, str]] = []

    def say(hour: float, program: str, text: str) -> None:
        moment = (DAY + timedelta(hours=hour)).isoformat(timespec="milliseconds")
        lines.append((hour, f"{moment} web1 {program}[{chance.randrange(1000, 60000)}]: {text}"))

    _people_come_to_the_office(say, chance)
    _programs_run(say, chance)
    _scanners_call(say, chance)
    return lines


def _people_come_to_the_office(say: Say, chance: random.Random) -> None:
    """Forty people behind one address log in within an hour, twice a day; every third mistypes first."""
    for morning in (8.0, 13.0):
        for name in PEOPLE:
            at = morning + chance.random()
            if chance.random() < 1 / 3:
                say(at - 0.004, "sshd", _pam(name, OFFICE))
                say(at - 0.0035, "sshd", f"Failed password for {name} from {OFFICE} port 40112 ssh2")
            say(at, "sshd", f"Accepted password for {name} from {OFFICE} port 40112 ssh2")
            say(at, "sshd", f"pam_unix(sshd:session): session opened for user {name}(uid=1001) by (uid=0)")
    say(9.5, "sudo", "  nv01 : TTY=pts/0 ; PWD=/home/nv01 ; USER=root ; COMMAND=/usr/bin/apt update")
    say(9.6, "su", "FAILED SU (to root) nv02 on pts/1")


def _programs_run(say: Say, chance: random.Random) -> None:
    """A phone has an old password at home, an agent offers five keys, a job deploys, cron runs."""
    say(6.5, "sshd", f"Accepted password for nv07 from {HOME} port 40112 ssh2")
    for number in range(90):
        say(7 + number / 12, "sshd", f"Failed password for nv07 from {HOME} port {40000 + number} ssh2")
    for number in range(5):
        say(
            9 + number / 3600,
            "sshd",
            f"Failed publickey for nv03 from {MOBILE} port 40112 ssh2: ED25519 SHA256:a{number}",
        )
    say(9.01, "sshd", f"Accepted publickey for nv03 from {MOBILE} port 40112 ssh2: ED25519 SHA256:ab")
    for number in range(48):
        say(number / 2, "sshd", "Accepted publickey for deploy from 192.0.2.10 port 40112 ssh2: ED25519 SHA256:zz")
        say(
            number / 2 + chance.random() / 100,
            "CRON",
            "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
        )


def _scanners_call(say: Say, chance: random.Random) -> None:
    """Strangers from many addresses try names that nobody has, and what looks like passwords, a few each."""
    names = [
        "admin",
        "Passw0rd!",
        "oracle",
        "!@#$%^&*",
        "test@1234T!",
        "ubuntu",
        r"\026\003\001",
        "user1@2024#X",
        "git",
    ]
    for number in range(150):
        address, at = f"203.0.113.{number}", chance.random() * 23.9
        for _ in range(chance.randrange(1, 4)):
            name, at = chance.choice(names), at + 0.001
            say(at, "sshd", f"Invalid user {name} from {address} port 40022")
            say(at + 0.0005, "sshd", f"Connection closed by invalid user {name} {address} port 40022 [preauth]")


def _pam(name: str, address: str) -> str:
    return (
        f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={address} user={name}"
    )


def a_takeover() -> Iterator[tuple[float, str]]:
    """Somebody guesses at one of the forty, and gets in."""
    for number in range(9):
        at = DAY + timedelta(hours=15, seconds=4 * number)
        yield 15, f"{at.isoformat()} web1 sshd[70000]: Failed password for nv11 from 203.0.113.250 port 40022 ssh2"
    at = DAY + timedelta(hours=15, minutes=2)
    yield 15.1, f"{at.isoformat()} web1 sshd[70000]: Accepted password for nv11 from 203.0.113.250 port 40022 ssh2"


def replayed(folder: Path, lines: list[tuple[float, str]]) -> Replayed:
    """Hold the lines against the shipped rules, as a day that has just passed."""
    (folder / "credwatch.toml").write_text(SETTINGS.format(folder=folder))
    (folder / "customers.toml").write_text(CUSTOMERS)
    log = folder / "auth.log"
    log.write_text("".join(f"{line}\n" for _, line in sorted(lines)))
    now = DAY + timedelta(days=1)
    return replay_files([str(log)], folder / "credwatch.toml", kind="auto", zone="UTC", clock=lambda: now)


@pytest.mark.parametrize("seed", range(4))
def test_a_calm_day_is_calm(tmp_path: Path, seed: int) -> None:
    """No customer hears of it, and nothing is graver than low."""
    day = replayed(tmp_path, a_day(seed))
    assert [] == [(one.kind, one.subject, one.level) for one in day.incidents if one.level > Level.LOW]
    assert [] == [command for command in day.commands if command.workflow == "customer_notice"]


@pytest.mark.parametrize("seed", range(2))
def test_one_takeover_on_a_calm_day_is_told(tmp_path: Path, seed: int) -> None:
    """Of all that day, the customer hears of the account that was taken over, once at each of its addresses."""
    day = replayed(tmp_path, [*a_day(seed), *a_takeover()])
    assert ["nv11"] == [one.subject for one in day.incidents if one.kind == "account_takeover"]
    notices = [command for command in day.commands if command.workflow == "customer_notice"]
    assert {"it@haiau.example", "office@haiau.example"} == {notice.recipient for notice in notices}
    assert 2 == len(notices)
