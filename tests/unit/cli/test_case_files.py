"""`credwatch incidents` search and export: cases are found by what they are about, and leave the store whole."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection
from typer.testing import CliRunner

from builders_outbox import a_command, an_incident
from credwatch.cli.main import app
from credwatch.kernel.detection import Consequence, CountedLine, Detection, Level
from credwatch.kernel.incident import Incident, Resolution, Status
from credwatch.kernel.receipt import Delivered
from credwatch.store.cases.evidence import RuleAsItWas, add_lines, add_rules
from credwatch.store.cases.incidents import add_detections, episodes, save_incidents
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SENT = b"From: info@modoro.example\r\n\r\nAs it was sent.\r\n"
LINE = CountedLine("auth", "/var/log/auth.log", 71, NOON, "sshd: Accepted password for lan")


def _rule(id_: str, *refers_to: str) -> RuleAsItWas:
    document = json.dumps({"refers_to": refers_to, "rule": {"id": id_}})
    return RuleAsItWas(id_, hashlib.sha256(document.encode()).hexdigest(), document)


PART = _rule("r-0")
RULE = _rule("r-1", PART.version)
DETECTION = Detection(
    id="detection-1",
    rule_id="r-1",
    rule_version=RULE.version,
    title="Success after guessing",
    level=Level.HIGH,
    consequence=Consequence("account_takeover"),
    group=(),
    organization="acme",
    subject="lan",
    occurred_first=NOON,
    opened_at=NOON,
    count=1,
    serial=1,
)


def save_episode(connection: Connection, serial: int) -> None:
    """Store the episode of a detection."""
    row = dict.fromkeys(("group_key", "group", "opened", "last", "user", "address", "organization"), 0)
    connection.execute(episodes.insert(), row | {"serial": serial, "rule_id": "r-1", "count": 12, "closed": True})


def cases() -> list[Incident]:
    """Make three incidents that differ in all that can be looked for."""
    first = replace(
        an_incident(),
        number="CW-2026-AAAAAAAA",
        organization="acme",
        organizations=("acme",),
        subject="lan",
        accounts=("lan",),
        addresses=("192.0.2.7",),
        detected_at=NOON,
        rules=("r-1",),
        lines=("sshd: Accepted password for lan",),
        events=12,
        detections=("detection-1",),
    )
    day = timedelta(days=1)
    second = replace(first, number="CW-2026-BBBBBBBB", subject="mai", accounts=("mai",), detected_at=NOON + day)
    third = replace(first, number="CW-2026-CCCCCCCC", organization="tanphat", organizations=("tanphat",))
    third = replace(third, subject="ba", accounts=("ba",), addresses=("2001:db8::7",), detected_at=NOON + 2 * day)
    closed = replace(third, status=Status.CLOSED, outcome=Resolution.FALSE_ALARM, rules=("r-2",), kind="brute_force")
    return [first, second, replace(closed, lines=("okta: denied",))]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings and a store of three incidents, of which the first has a delivered message."""
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    with database.writing() as connection:
        save_incidents(connection, cases())
        add_detections(connection, [(DETECTION, "CW-2026-AAAAAAAA")], NOON, NOON)
        save_episode(connection, DETECTION.serial)
        add_lines(connection, [(DETECTION.serial, "CW-2026-AAAAAAAA", (LINE,))])
        add_rules(connection, [RULE, PART], NOON)
    store, command = OutboxStore(database), a_command(1, incident="CW-2026-AAAAAAAA")
    store.add([command])
    store.begin(command.id, NOON)
    store.settle(command.id, Delivered(NOON, "250 queued as 7F3A", content=SENT), NOON, None)
    database.close()
    settings = f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n'
    (tmp_path / "credwatch.toml").write_text(settings)
    return tmp_path


def run(site: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `credwatch incidents` and return exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["incidents", *arguments, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.stdout, result.stderr


def letters(site: Path, *arguments: str) -> str:
    """Search, and return the letters that tell the incidents apart."""
    rows = map(json.loads, run(site, "search", *arguments, "--json")[1].splitlines())
    return "".join(row["number"][-1] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "CBA"),
        (("--account", "LAN"), "A"),
        (("--address", "192.0.2.0/24"), "BA"),
        (("--address", "2001:DB8:0::7"), "C"),
        (("--customer", "tanphat"), "C"),
        (("--rule", "r-1"), "BA"),
        (("--kind", "brute_force"), "C"),
        (("--outcome", "false-alarm"), "C"),
        (("--since", "2026-03-03"), "CB"),
        (("--until", "2026-03-03T19:00+07:00"), "A"),
        (("accepted PASSWORD",), "BA"),
        (("accepted", "--account", "mai"), "B"),
        (("nowhere",), ""),
    ],
)
def test_what_is_given_must_all_hold(site: Path, arguments: tuple[str, ...], expected: str) -> None:
    """Open and closed incidents are found by each of their facts, the latest first."""
    assert expected == letters(site, *arguments)


def test_pages(site: Path) -> None:
    """A page has as many as asked for, says where the rest is, and pages together have each incident once."""
    assert "there are more: --after CW-2026-BBBBBBBB" in run(site, "search", "--limit", "2")[2]
    assert ("CB", "A", "") == tuple(
        letters(site, "--limit", "2", *place)
        for place in ((), ("--after", "CW-2026-BBBBBBBB"), ("--after", "CW-2026-AAAAAAAA"))
    )
    assert "there are more" not in run(site, "search", "--limit", "3")[2]
    assert 2 == run(site, "search", "--after", "CW-2026-X")[0]
    assert (0, "", "no such incident\n") == run(site, "search", "nowhere")


def test_what_is_no_address_is_a_mistake(site: Path) -> None:
    """An address that is none is a mistake of usage and finds nothing by chance."""
    assert 2 == run(site, "search", "--address", "192.0.2")[0]


def test_an_export_can_be_checked(site: Path) -> None:
    """The folder has facts, words, lines, the message and its receipt, and hashes that sha256sum accepts or refuses."""
    folder = site / "out"
    assert 0 == run(site, "export", "CW-2026-AAAAAAAA", str(folder))[0]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    mail = "messages/cw-0000000000000001.eml"
    rules = {f"rules/{rule.version}.json" for rule in (RULE, PART)}
    facts = {"case.json", "case.txt", "evidence.json", "lines.txt", "receipts.json", "rules.json"}
    assert names == {*facts, mail, *rules, "SHA256SUMS"}
    assert "CW-2026-AAAAAAAA" == json.loads((folder / "case.json").read_text())["number"]
    assert "sshd: Accepted password for lan\n" == (folder / "lines.txt").read_text()
    (receipt,) = json.loads((folder / "receipts.json").read_text())
    assert ("delivered", "250 queued as 7F3A") == (receipt["result"], receipt["reply"])
    assert SENT == (folder / mail).read_bytes(), "the bytes that were sent, whatever the templates are now"
    check = ["sha256sum", "--quiet", "-c", "SHA256SUMS"]
    assert 0 == subprocess.run(check, cwd=folder).returncode
    with (folder / "case.txt").open("a") as words:
        words.write("and more\n")
    assert 1 == subprocess.run(check, cwd=folder, capture_output=True).returncode


def test_an_export_has_the_lines_with_their_places_and_the_rules_as_they_were(site: Path) -> None:
    """Each line names source, file, offset, rule and version; the rule is the one that fired, and what it refers to."""
    folder = site / "out"
    run(site, "export", "CW-2026-AAAAAAAA", str(folder))
    (line,) = json.loads((folder / "evidence.json").read_text())
    assert ("auth", "/var/log/auth.log", 71, LINE.text) == tuple(
        line[key] for key in ("source", "file", "position", "text")
    )
    assert ("r-1", RULE.version) == (line["rule"], line["rule_version"])
    told = {rule["version"]: rule["fired"] for rule in json.loads((folder / "rules.json").read_text())}
    assert {RULE.version: True, PART.version: False} == told
    document = (folder / "rules" / f"{RULE.version}.json").read_bytes()
    assert RULE.version == hashlib.sha256(document).hexdigest()


def test_a_case_shows_its_lines_and_how_many_there_were(site: Path) -> None:
    """`show` has each kept line with its place, and the number of events beside the number of lines."""
    words = run(site, "show", "CW-2026-AAAAAAAA")[1]
    assert "1 log lines kept of 12 events" in words
    assert f"auth /var/log/auth.log:71  {LINE.text}" in words
    assert f"rule r-1 version {RULE.version[:12]}" in words


def test_an_export_is_for_nobody_else(site: Path) -> None:
    """Whoever else is on the machine reads none of it."""
    run(site, "export", "CW-2026-AAAAAAAA", str(site / "out"))
    assert {0} == {path.stat().st_mode & 0o077 for path in [site / "out", *(site / "out").rglob("*")]}


def test_an_export_overwrites_nothing(site: Path) -> None:
    """A folder that is there stays as it is; a number that is nobody's makes none."""
    code, _, talk = run(site, "export", "CW-2026-AAAAAAAA", str(site))
    assert (2, True) == (code, "not there yet" in talk)
    assert 1 == run(site, "export", "CW-0", str(site / "out"))[0]
    assert not (site / "out").exists()
