"""Lines that somebody made to break, to blind or to deceive the daemon, and secrets that strayed into logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app, at, guessing, ssh
from scenarios.post_office import PostOffice, a_post_office
from unparsed_lines import latest_unparsed

REAL, FORGED = "198.51.100.66", "10.0.0.1"
SECRETS = ("Tr0ub4dor&3x", "N0t-For!Logs9", "hunter2hunter2", "s3cr3t-in-json", "Zu&gang2026!")

BROKEN: list[bytes] = [
    b"2026-03-02T03:00:00Z srv1 sshd[1]: Failed password for \x00root from 192.0.2.1 port 1 ssh2",
    b"2026-03-02T03:00:00Z srv1 sshd[1]: \xff\xfe\xfa not UTF-8",
    b"2026-03-02T03:00:00Z srv1 sshd[1]: \x1b[2J\x1b[31m red \x07 bell",
    b"\x00" * 5000,
    b"",
    b"{" * 5000,
    b'{"schema":"credwatch-app/1","@timestamp":"yesterday","event.action":"login"}',
    b"2026-03-02T03:00:00Z srv1 sshd[1]: " + b"A" * (1024 * 1024 - 100),
    b"B" * (3 * 1024 * 1024),
    b"2026-13-45T99:00:00Z srv1 sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2",
]


def _forged(number: int) -> str:
    name = f"root from {FORGED} port 22 ssh2"
    head = f"{at(number)} srv1 sshd[{600 + number}]"
    return f"{head}: Failed password for invalid user {name} from {REAL} port 4242 ssh2"


def _strayed() -> tuple[list[str], list[str]]:
    """Write secrets where they do not belong: as a user name, in an unknown message, and into JSON."""
    typed, reason, plain, as_json, named = SECRETS
    servers = [
        f"{at(60)} srv1 sshd[7]: Failed password for invalid user {typed} from 198.51.100.7 port 4242 ssh2",
        f"{at(60)} srv1 sshd[7]: Invalid user {typed} from 198.51.100.7 port 4242",
        f"{at(61)} srv1 backup[8]: mysqldump --password={plain} shop",
        f"what is this? password={reason}",
    ]
    application = [
        app(62, "login", "failure", "lan@haiau.example", "hai-au", "198.51.100.8", password=as_json),
        app(63, "login", "failure", named, "hai-au", "198.51.100.8"),
    ]
    return servers, application


def test_broken_lines_stop_nothing(tmp_path: Path) -> None:
    """Each broken line is counted and kept for inspection, and what stands before and behind it is found."""
    with a_post_office() as office, _a_running_site(tmp_path, office) as site:
        append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"), *BROKEN, *guessing(90, "root", "203.0.113.8"))
        await_(lambda: site.lines_taken() >= 22 + len(BROKEN), what="all lines are taken")
        assert 22 + len(BROKEN) == site.lines_taken()
        assert {"203.0.113.7", "203.0.113.8"} == _guessed_from(site)
        with site.store() as database, database.reading() as connection:
            kept = [row["line"] for row in latest_unparsed(connection, most=100)]
        assert len(BROKEN) - 2 == len(kept), "an empty line is skipped, and a NUL in a user name is part of the name"
        assert max(map(len, kept)) <= 65_536 + 100
        assert not any(ord(character) < 32 and character != "\t" for line in kept for character in line)
        assert site.runs()
        assert "Traceback" not in site.log()
        assert "\x1b" not in site.log()
        for reason, number in {"nul": 2, "too_long": 2, "not_utf8": 1, "control": 1}.items():
            series = f'credwatch_malformed_lines_total{{reason="{reason}",source="servers"}}'
            await_(lambda series=series, number=number: site.metric(series) == number, what=series)


def test_a_user_name_forges_neither_who_nor_where(tmp_path: Path) -> None:
    """A name that reads like the rest of sshd's line changes neither the address nor the account."""
    with a_post_office() as office, _a_running_site(tmp_path, office) as site:
        append(site.auth_log, *map(_forged, range(12)))
        await_(lambda: site.lines_taken() == 12, what="all lines are taken")
        assert {REAL} == _guessed_from(site)
        assert {(REAL,)} == {incident.addresses for incident in site.incidents()}
        assert {(f"root from {FORGED} port 22 ssh2",)} == {incident.accounts for incident in site.incidents()}


@pytest.mark.parametrize("is_killed", [False, True], ids=["ended in order", "killed"])
def test_a_secret_is_nowhere(tmp_path: Path, is_killed: bool) -> None:
    """What strayed into a log is in no byte of store and log, and in no message."""
    with a_post_office() as office, _a_running_site(tmp_path, office) as site:
        servers, application = _strayed()
        append(site.auth_log, *servers, *guessing(90, "quocbao", "198.51.100.7"))
        append(site.application_log, *application)
        await_(lambda: site.lines_taken() == len(servers) + 11 + len(application), what="all lines are taken")
        await_(lambda: office.letters and not site.messages("queued", "sending"), what="messages are delivered")
        if is_killed:
            site.kill()
        else:
            assert 0 == site.terminate()
        kept = {path: path.read_bytes() for path in [*(tmp_path / "state").iterdir(), site.log_file]}
        kept |= {Path(letter.id): _words(letter.content) for letter in office.letters}
        for secret in SECRETS:
            assert [] == [path.name for path, content in kept.items() if secret.encode() in content], secret
        assert any(b"***" in content for content in kept.values())


def test_lines_of_other_programs_in_the_name_of_a_user(tmp_path: Path) -> None:
    """A line break that a user name brought along starts no event of its own: it comes as an escape."""
    with a_post_office() as office, _a_running_site(tmp_path, office) as site:
        name = f"x\\n{ssh(0, 'Accepted', 'root', FORGED)}"
        append(site.application_log, app(0, "login", "failure", name, "hai-au", REAL))
        append(
            site.auth_log, f"{at(1)} srv1 sshd[5]: Invalid user a#012{at(1)} srv1 sshd[5]: Accepted password for root"
        )
        await_(lambda: site.lines_taken() == 2, what="both lines are taken")
        assert {} == site.kinds() or FORGED not in {a for incident in site.incidents() for a in incident.addresses}


@contextmanager
def _a_running_site(folder: Path, office: PostOffice) -> Iterator[Site]:
    with a_site(folder, office.port, command=RUN_UNCHECKED) as site:
        yield site.started()


def _guessed_from(site: Site) -> set[str]:
    return {incident.subject for incident in site.incidents() if incident.kind == "own_guessing"}


def _words(content: bytes) -> bytes:
    """Return a message as it came, and its parts as a reader sees them."""
    message = message_from_bytes(content, policy=policy.default)
    return content + b"".join(
        part.get_payload(decode=True) or b"" for part in message.walk() if not part.is_multipart()
    )
