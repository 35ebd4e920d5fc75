"""Ways into and around a host, in the words of the programs that log them: each raises its own detection."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from credwatch.cli.main import app

DAY = datetime(2026, 11, 2, tzinfo=UTC)
SETTINGS = '[daemon]\nregisters_directory = "{folder}"\nstate_directory = "{folder}"\n'
REGISTERS = {
    "customers.toml": """
[[customer]]
id = "acme"
name = "Acme"
notice_addresses = ["a@acme.example", "b@acme.example"]
recognise = { hosts = ["acme-*"] }
""",
    "staff.toml": '[[staff]]\nid = "s-001"\nname = "Trang"\naccounts = ["trang"]\ndepartment = "support"\n',
    "users.toml": '[[user]]\nname = "gold"\ndecoy = true\n',
}
ELSEWHERE = "198.51.100.23"


def sudo(host: str, user: str, command: str) -> str:
    """Write what sudo logs of a command."""
    return f"{host} sudo:     {user} : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND={command}"


SHOWS: dict[str, tuple[list[tuple[float, str]], str]] = {
    # what happens: lines by the hour of the day and who wrote them, and the rule that has to tell of it
    "console logins that fail, by login": (
        [
            (1 + at / 60, f"host1 login[70{at}]: FAILED LOGIN ({at}) on '/dev/tty1' FOR 'an1', Authentication failure")
            for at in range(1, 7)
        ],
        "guessing_at_terminal",
    ),
    "console logins that fail, told by PAM alone": (
        [
            (
                1 + at / 120,
                f"host2 login[7{at:03}]: pam_unix(login:auth): authentication failure; logname=LOGIN uid=0 euid=0"
                " tty=/dev/tty1 ruser= rhost=  user=an2",
            )
            for at in range(11)
        ],
        "guessing_at_terminal",
    ),
    "failures without any address": (
        [
            (1 + at / 120, 'host3 postgres[811]: FATAL:  password authentication failed for user "an3"')
            for at in range(11)
        ],
        "guessing_one_account",
    ),
    "auditd stopped": (
        [(2, sudo("host4", "an4", "/usr/bin/systemctl stop auditd"))],
        "monitoring_stopped",
    ),
    "auditd stopped for good": (
        [
            (
                2,
                sudo("host4", "an5", "/bin/systemctl disable --now auditd.service"),
            )
        ],
        "monitoring_stopped",
    ),
    "wtmp truncated": (
        [
            (
                2,
                sudo("host4", "an6", "/usr/bin/truncate -s0 /var/log/wtmp"),
            )
        ],
        "login_records_cleared",
    ),
    "wtmp overwritten by a shell": (
        [(2, sudo("host4", "an7", "/bin/bash -c : > /var/log/wtmp"))],
        "login_records_cleared",
    ),
    "a key let in by tee": (
        [
            (
                2,
                sudo("host4", "an8", "/usr/bin/tee -a /root/.ssh/authorized_keys"),
            )
        ],
        "login_keys_written",
    ),
    "www-data logs in": (
        [(3, f"host5 sshd[811]: Accepted password for www-data from {ELSEWHERE} port 4001 ssh2")],
        "service_account_logs_in",
    ),
    "a program's account logs in": (
        [(3, f"host5 sshd[812]: Accepted password for svc-backup from {ELSEWHERE} port 4002 ssh2")],
        "service_account_logs_in",
    ),
    "a login by recovery code": (
        [
            (
                4,
                '{"schema":"credwatch-app/1","@timestamp":"{stamp}","event":{"action":"login","outcome":"success"},'
                '"user":{"name":"an9"},"source":{"ip":"198.51.100.24"},"credwatch":{"mfa":{"used":true,"factor":"recovery_code"}}}',
            )
        ],
        "login_by_recovery_code",
    ),
    "staff by ssh at a customer's host": (
        [(5, f"acme-web1 sshd[813]: Accepted publickey for trang from {ELSEWHERE} port 4003 ssh2: ED25519 SHA256:q")],
        "staff_on_customer_host",
    ),
    "staff by psql at a customer's database": (
        [(6.5, "acme-db1 postgres[814]: LOG:  connection authorized: user=trang database=shop")],
        "staff_on_customer_host",
    ),
    "guesses over days, four an hour": (
        [
            (at / 4, f"host6 sshd[9{at:03}]: Failed password for an10 from 198.51.100.25 port 4004 ssh2")
            for at in range(80)
        ],
        "guessing_for_hours_from_address",
    ),
    "guesses over hours, four in two": (
        [
            (10 + at / 2, f"host6 sshd[8{at:03}]: Failed password for an11 from 198.51.100.26 port 4004 ssh2")
            for at in range(4)
        ]
        + [(19, "host6 sshd[1]: Server listening on 0.0.0.0 port 22.")],
        "paced_guessing",
    ),
    "a default account": (
        [(7, f"host7 sshd[815]: Accepted password for ubuntu from {ELSEWHERE} port 4005 ssh2")],
        "default_account_logs_in",
    ),
    "default names tried": (
        [
            (7 + at / 60, f"host7 sshd[82{at}]: Failed password for {name} from 198.51.100.27 port 4006 ssh2")
            for at, name in enumerate(("root", "pi", "postgres"))
        ],
        "default_accounts_guessed",
    ),
    "a decoy touched": (
        [(8, f"host7 sshd[816]: Failed password for gold from {ELSEWHERE} port 4007 ssh2")],
        "decoy_account_tried",
    ),
    "a decoy entered": (
        [(8.5, f"host7 sshd[817]: Accepted publickey for gold from {ELSEWHERE} port 4008 ssh2: RSA SHA256:z")],
        "decoy_account_logs_in",
    ),
    "who may use sudo changed": (
        [(9, sudo("host8", "an12", "/usr/bin/tee /etc/sudoers.d/an12"))],
        "access_rules_changed",
    ),
    "hashes of passwords shown": (
        [(9, sudo("host8", "an13", "/usr/bin/cat /etc/shadow"))],
        "password_file_read",
    ),
}


def _habits() -> Iterator[tuple[float, str]]:
    """Write twelve days of one person: from one network, with one key, in the morning; then all three are new."""
    for day in range(12):
        yield (
            24 * (day - 20) + 2,
            "host9 sshd[1]: Accepted publickey for binh from 192.0.2.9 port 5000 ssh2: RSA SHA256:a",
        )
    yield 15, f"host9 sshd[2]: Accepted publickey for binh from {ELSEWHERE} port 5000 ssh2: RSA SHA256:b"


def _lines() -> Iterator[tuple[float, str]]:
    for lines, _ in SHOWS.values():
        yield from lines
    yield from _habits()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Replay everything at once, through the command line; by the id of each rule, the subjects of its incidents."""
    folder = tmp_path_factory.mktemp("ways-in")
    for name, text in REGISTERS.items():
        (folder / name).write_text(text)
    (folder / "credwatch.toml").write_text(SETTINGS.format(folder=folder))
    log = folder / "all.log"
    with log.open("w") as file:
        for hour, line in sorted(_lines(), key=lambda line: line[0]):
            stamp = (DAY + timedelta(hours=hour)).isoformat()
            is_json = line.startswith("{")
            file.write(line.replace("{stamp}", stamp) + "\n" if is_json else f"{stamp} {line}\n")
    result = CliRunner().invoke(app, ["replay", "--json", "--config", str(folder / "credwatch.toml"), str(log)])
    assert 0 == result.exit_code, result.output
    subjects = defaultdict(set)
    for incident in json.loads(result.stdout)["incidents"]:
        for rule in incident["rules"]:
            subjects[rule].add(incident["subject"])
    return subjects


@pytest.mark.parametrize("what", SHOWS)
def test_each_raises_its_own(what: str, found: dict[str, set[str]], rule_ids: dict[str, str]) -> None:
    """What was tried is told by the rule that is about it, of whom it concerns."""
    lines, rule = SHOWS[what]
    told = " ".join(line for _, line in lines)
    assert [] != [subject for subject in found[rule_ids[rule]] if subject in told]


@pytest.mark.parametrize("rule", ["login_from_new_network", "login_with_new_device", "login_at_new_hour"])
def test_what_is_new_about_a_login_is_told(rule: str, found: dict[str, set[str]], rule_ids: dict[str, str]) -> None:
    """Another network, key and hour than in the twelve logins before are three detections."""
    assert {"binh"} == found[rule_ids[rule]]


@pytest.fixture(scope="module")
def rule_ids() -> dict[str, str]:
    """Map the names of the shipped rules to their ids."""
    from credwatch.kernel.resources import shipped
    from credwatch.rules.sigma.sigma import read_rules

    rules, _ = read_rules([shipped("rules") / name for name in ("detections", "correlations")])
    return {rule.name: rule.id for rule in rules.by_id().values()}
