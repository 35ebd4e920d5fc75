"""`credwatch posture`: what sources of accounts tell, without any hash."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from typer.testing import CliRunner

from builders_outbox import NOON, some_facts
from credwatch.app.posture import ladder_of
from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.cli.output import ExitCode
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.pipeline.account_reminding import remind_of_accounts
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.world.people import Person
from scenarios.pipeline import a_store

EXPORT = "who,hash,seen\nlan,5f4dcc3b5aa765d61d8327deb882cf99,2026-03-01\nminh,$2b$12$abc,yesterday\n"


def settings(folder: Path) -> str:
    """Write settings with one export of two accounts."""
    (folder / "users.csv").write_text(EXPORT)
    path = folder / "credwatch.toml"
    path.write_text(
        f'[daemon]\nregisters_directory = "{folder}"\nstate_directory = "{folder}"\n'
        f'[[posture.source]]\nid = "site"\nkind = "export"\npath = "{folder}/users.csv"\n'
        'columns = { account = "who", password = "hash", last_login_at = "seen" }\n'
    )
    return str(path)


def test_what_a_source_tells(tmp_path: Path) -> None:
    """Schemes, broken rules and rows that lie are told, and no part of a hash; something lies: exit code 1."""
    done = CliRunner().invoke(app, ["posture", "read", "--config", settings(tmp_path)])
    assert ExitCode.NO == done.exit_code
    assert "site: 2 accounts" in done.stdout
    assert "lan: weak_hash: unsalted md5_or_ntlm" in done.stdout
    assert "row 2: last_login_at: it should be a moment as ISO 8601 or seconds since 1970" in done.stdout
    assert "5f4d" not in done.output
    assert "yesterday" not in done.output


def test_the_same_as_json(tmp_path: Path) -> None:
    """Programs get counts and findings."""
    done = CliRunner().invoke(app, ["posture", "read", "site", "--json", "--config", settings(tmp_path)])
    (site,) = json.loads(done.stdout)["sources"]
    assert (2, 1, {"md5_or_ntlm (unsalted)": 1, "bcrypt cost=12": 1}) == (
        site["accounts"],
        site["wrong"],
        site["schemes"],
    )


def test_a_source_that_is_none(tmp_path: Path) -> None:
    """An unknown name is refused with those that there are."""
    done = CliRunner().invoke(app, ["posture", "read", "shop", "--config", settings(tmp_path)])
    assert ExitCode.CANNOT == done.exit_code
    assert "sources of accounts are: site" in done.stderr


def test_a_source_that_cannot_be_read(tmp_path: Path) -> None:
    """It is told with its hint, and the others are read."""
    config = settings(tmp_path)
    (tmp_path / "users.csv").unlink()
    done = CliRunner().invoke(app, ["posture", "read", "--config", config])
    assert ExitCode.NO == done.exit_code
    assert "users.csv: cannot be read" in done.stdout


def test_who_was_reminded_is_shown(tmp_path: Path) -> None:
    """With the finding, since when and who was reminded when; as JSON with the address and where the letter stands."""
    config = settings(tmp_path)
    with a_store(tmp_path / "credwatch.sqlite"):
        pass
    with Path(config).open("a") as file:
        file.write('[posture.reminders]\nuser_after = "2d"\n')
    loaded = load_settings(Path(config))
    finding = AccountFinding(FindingKey("site", "", "lan", "weak_hash"), "md5", NOON - timedelta(days=2), is_told=True)
    facts = some_facts(person_of=lambda _account: Person("lan@modoro.example"))
    database = Database(loaded.daemon.store)
    database.migrate()
    with database.writing() as connection:
        posture.save_findings(connection, "site", [finding])
        assert 1 == remind_of_accounts(connection, ladder_of(loaded.posture.reminders), (), 9, facts, NOON)
    database.close()
    shown = CliRunner().invoke(app, ["posture", "--config", config]).stdout
    assert "✗ lan: weak_hash since 2026-11-18: md5, user reminded 2026-11-20" in shown
    answer = json.loads(CliRunner().invoke(app, ["posture", "--format", "json", "--config", config]).stdout)
    (sent,) = answer["findings"][0]["reminders"]
    assert ("user", "lan@modoro.example", "queued") == (sent["rung"], sent["recipient"], sent["state"])


def test_a_ladder_that_does_not_climb_is_refused(tmp_path: Path) -> None:
    """The manager is not reminded before the user."""
    config = settings(tmp_path)
    with a_store(tmp_path / "credwatch.sqlite"):
        pass
    with Path(config).open("a") as file:
        file.write('[posture.reminders]\nuser_after = "9d"\nmanager_after = "2d"\n')
    done = CliRunner().invoke(app, ["posture", "--config", config])
    assert ExitCode.CANNOT == done.exit_code
    assert "must not become shorter on the way" in done.stderr


def test_passwords_are_tried_by_hand(tmp_path: Path) -> None:
    """A run tries what is due, says how many were guessed and not with what, and a second one has nothing to do."""
    config = settings(tmp_path)
    with a_store(tmp_path / "credwatch.sqlite"):
        pass
    with Path(config).open("a") as file:
        file.write('[posture.audit]\nsources = ["site"]\nshare = 1.0\n')
    before = CliRunner().invoke(app, ["posture", "audit", "--config", config])
    assert (ExitCode.DONE, "source site: 0 guessed, 0 held, 0 cannot be tried, last at no time\n") == (
        before.exit_code,
        before.stdout,
    )
    for _ in range(2):
        done = CliRunner().invoke(app, ["posture", "audit", "--run", "--json", "--config", config])
        (site,) = json.loads(done.stdout)["sources"]
        assert (ExitCode.NO, 1, 0, 1) == (done.exit_code, site["guessed"], site["held"], site["untried"])
        assert "5f4d" not in done.output


def test_passwords_are_not_tried_without_leave(tmp_path: Path) -> None:
    """Where no source is named, a run is refused with what to write."""
    done = CliRunner().invoke(app, ["posture", "audit", "--run", "--config", settings(tmp_path)])
    assert ExitCode.CANNOT == done.exit_code
    assert "[posture.audit] sources" in done.stderr
    with a_store(tmp_path / "credwatch.sqlite"):
        told = CliRunner().invoke(app, ["posture", "audit", "--config", settings(tmp_path)])
    assert "source site: not audited" in told.stdout
