"""A calm day makes nobody uneasy; the same day with one takeover in it makes exactly that one known."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge
from credwatch.app.keys import store_place
from credwatch.app.settings import load_settings
from credwatch.casework.casebook import Casebook
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import Resolution
from credwatch.kernel.secret import Secret
from credwatch.replay.replay import Replayed, replay_files
from credwatch.store.database import Database
from scenarios.test_history import Late

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


def application_lines() -> list[tuple[float, str]]:
    """Write what the vendor's application says of a day: people, a typo each, an export, a look by support."""
    lines: list[tuple[float, str]] = []

    def say(hour: float, action: str, user: str, **more: str | int | bool) -> None:
        moment = (DAY + timedelta(hours=hour)).isoformat()
        event = {"schema": "credwatch-app/1", "@timestamp": moment, "event.action": action, "user.name": user}
        text = json.dumps({**event, "organization.id": "haiau", "source.ip": OFFICE, **more})
        lines.append((hour, f"{moment} app1 shop[811]: {text}"))

    for number, name in enumerate(PEOPLE):
        at = 8.2 + number / 60
        if number % 3 == 0:
            say(at - 0.002, "login", name, **{"event.outcome": "failure", "event.reason": "wrong_password"})
        say(at, "login", name, **{"event.outcome": "success", "credwatch.mfa.used": True})
        say(17 + number / 60, "logout", name)
    say(10, "password_change", "nv05", **{"event.outcome": "success", "user.target.name": "nv05"})
    say(11, "data_export", "nv06", **{"event.outcome": "success", "credwatch.export.records": 40})
    return lines


def test_the_application_adds_nothing_to_a_calm_day(tmp_path: Path) -> None:
    """Its logins, typos, changed password and small export are as calm as the rest."""
    day = replayed(tmp_path, [*a_day(0), *application_lines()])
    assert [] == [(one.kind, one.subject, one.level) for one in day.incidents if one.level > Level.LOW]
    assert [] == [command for command in day.commands if command.workflow == "customer_notice"]


def lived(folder: Path) -> Late:
    """Make a site that reads the day as it happens."""
    (folder / "state").mkdir(mode=0o700)
    source = f'[[source]]\nid = "application"\npaths = ["{folder}/auth.log"]\n'
    (folder / "credwatch.toml").write_text(SETTINGS.format(folder=folder) + source)
    (folder / "customers.toml").write_text(CUSTOMERS)
    settings = load_settings(folder / "credwatch.toml")
    database = Database(store_place(settings))
    database.migrate()
    return Late(build_knowledge(settings, notice_key=Secret("notice key")), database)


def test_one_takeover_is_told_once_updated_once_and_closed_with_its_outcome(tmp_path: Path) -> None:
    """A whole day hour by hour: one notice, one update when the guesser comes from elsewhere, one when it is over."""
    live = lived(tmp_path)
    lines = sorted([*a_day(0), *application_lines(), *a_takeover()])
    again = [
        (20.0, re.sub(r"203\.0\.113\.250", "198.51.100.250", line.replace("T15:", "T20:"))) for _, line in a_takeover()
    ]
    for hour in range(24):
        part = [line for at, line in sorted([*lines, *again]) if hour <= at < hour + 1]
        live.read(*part, now=DAY + timedelta(hours=hour + 1))
        live.tick(DAY + timedelta(hours=hour + 1, minutes=1))
    (number,) = {command.incident for command in live.messages() if command.workflow.startswith("customer_")}
    assert "nv11" == live.incident().subject
    assert (2, 2) == (live.states("customer_notice").total(), live.states("customer_news").total())
    with Casebook.at(tmp_path / "credwatch.toml") as casebook:
        now = DAY + timedelta(days=1)
        casebook.close(number, by="lan", why="the password was changed", now=now, outcome=Resolution.CONFIRMED)
    closing = [command for command in live.messages() if command.workflow == "customer_update"]
    assert {"it@haiau.example", "office@haiau.example"} == {command.recipient for command in closing}
    assert {number} == {command.incident for command in closing}
    assert Resolution.CONFIRMED == live.incident().outcome
    live.database.close()
