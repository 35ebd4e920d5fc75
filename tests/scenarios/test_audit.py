"""The audit trail of a daemon and its operators: written, signed, proven, and guarded against changes."""

from __future__ import annotations

import json
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credwatch.app.build import build_knowledge
from credwatch.app.settings import load_settings
from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from credwatch.kernel.secret import Secret
from credwatch.service.signing import Signing
from credwatch.telemetry.metrics import Metrics
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.test_case_life import Desk


def run(*arguments: str | Path, expected: int = 0) -> str:
    """Run a command, hold it to its exit code, and return what it writes to standard output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert expected == result.exit_code, result.output
    return result.stdout


def entries(site: Site, *arguments: str) -> list[dict[str, Any]]:
    """Return the entries that `audit list` gives, the oldest first."""
    text = run("audit", "list", *arguments, "--limit", "1000", "--json", "--config", site.config)
    return [json.loads(line) for line in text.splitlines()][::-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Make a store in which an account was taken over and its customer told."""
    site = Site(tmp_path, port=25).furnish()
    site.rules.unlink()
    desk = Desk(site)
    yield desk
    desk.database.close()


def test_what_follows_from_a_takeover_is_written(desk: Desk) -> None:
    """From the incident to the receipts and the closing each step is an entry: by whom, and of which customer."""
    desk.run("note", desk.number, "as at blue-harbor", "--by", "mai")
    desk.run("close", desk.number, "--outcome", "confirmed", "--why", "as at blue-harbor", "--by", "lan")
    about = entries(desk.site, "--incident", desk.number)
    kinds = [entry["kind"] for entry in about]
    assert "incident_opened" == kinds[0]
    assert kinds.index("notice_queued") < kinds.index("notice_accepted") < kinds.index("case_entry")
    assert {"lan"} == {entry["actor"] for entry in about if entry["kind"] == "incident_closed"}
    theirs = entries(desk.site, "--customer", "hai-au")
    assert {"incident_opened", "notice_queued", "notice_accepted", "incident_closed"} <= {one["kind"] for one in theirs}
    assert "blue-harbor" not in json.dumps(theirs)
    assert "as at blue-harbor" in json.dumps(about)
    assert ["case_entry"] == [entry["kind"] for entry in entries(desk.site, "--by", "mai")]


def test_an_entry_is_proven_to_its_customer(desk: Desk, tmp_path: Path) -> None:
    """A proof and a customer's whole log are checked with the file and the key alone; a changed letter is found."""
    site, key = desk.site, tmp_path / "vendor.key"
    key.write_text(run("audit", "key", "--config", site.config))
    entry = next(one for one in entries(site, "--customer", "hai-au") if one["kind"] == "notice_accepted")
    shown = json.loads(run("audit", "show", str(entry["index"]), "--json", "--config", site.config))
    assert entry == shown
    proof = tmp_path / "one.tlog-proof"
    proof.write_text(run("audit", "proof", str(entry["index"]), "--of-customer", "--config", site.config))
    assert "blue-harbor" not in proof.read_text()
    assert "/customers/hai-au" in run("verify", proof, "--key", key)
    log = tmp_path / "hai-au.log"
    run("audit", "export", log, "--customer", "hai-au", "--config", site.config)
    assert "genuine" in run("verify", log, "--key", key.read_text().strip())
    changed = tmp_path / "changed.log"
    changed.write_bytes(log.read_bytes().replace(b"notice_accepted", b"notice_refused", 1))
    told = json.loads(run("verify", changed, "--key", key, "--json", expected=1))
    assert 1 == len(told["problems"])
    assert told["problems"][0].endswith("was changed")
    run("verify", proof, "--key", "nobody+00000000+AAAA", expected=2)
    run("verify", site.config, "--key", key, expected=2)
    run("audit", "show", "99999", "--config", site.config, expected=1)
    run("audit", "export", log, "--config", site.config, expected=2)


def test_a_daemon_signs_and_notes_what_changes(tmp_path: Path) -> None:
    """It makes its key, signs when it stops, and says of a register that changed from which digest to which."""
    with a_site(tmp_path, 25, command=RUN_UNCHECKED) as site:
        site.started()
        key = site.folder / "state" / "audit.key"
        assert 0o600 == stat.S_IMODE(key.stat().st_mode)
        register = site.folder / "registers" / "customers.toml"
        register.write_text(f"{register.read_text()}\n# another\n")
        site.hang_up()

        def changes() -> list[dict[str, Any]]:
            files = [one for one in entries(site) if one["details"].get("file") == str(register)]
            assert {"file_changed"} == {one["kind"] for one in files}
            return files

        await_(lambda: len(changes()) == 2, what="the change is noted")
        first, second = (one["details"] for one in changes())
        assert ("", first["to"]) == (first["from"], second["from"])
        assert 64 == len(second["to"])
        assert register.owner() == changes()[1]["actor"]
        assert 1 == site.metric("credwatch_audit_intact")
        assert 0 == site.terminate()
        signed = (site.folder / "state" / "audit.checkpoint").read_text().splitlines()
        assert len(entries(site)) == int(signed[1])
        assert signed == run("audit", "checkpoint", "--config", site.config).splitlines()


@pytest.mark.store_file
def test_a_store_that_was_changed_is_an_alarm(tmp_path: Path) -> None:
    """Whoever removes entries while the daemon is down is told of, until a person says why; then signing goes on."""
    with a_site(tmp_path, 25, command=RUN_UNCHECKED) as site:
        site.started()
        assert 0 == site.terminate()
        before = (site.folder / "state" / "audit.checkpoint").read_text()
        with closing(sqlite3.connect(site.folder / "state" / "credwatch.sqlite")) as store:
            store.execute("DROP TRIGGER audit_stays_delete")
            store.execute("DELETE FROM audit_entries WHERE position >= 2")
            store.commit()
        site.started()
        assert "audit.differs" in site.log()
        assert 0 == site.metric("credwatch_audit_intact")
        assert ["audit_differs"] == [stored.command.payload.context["reason"] for stored in site.messages()][:1]
        run("audit", "checkpoint", "--config", site.config, expected=2)
        assert before == (site.folder / "state" / "audit.checkpoint").read_text()
        assert "tree_differs" in [entry["kind"] for entry in entries(site)]
        run("audit", "accept", "--why", " ", "--config", site.config, expected=2)
        note = run("audit", "accept", "--why", "a test", "--by", "lan", "--config", site.config)
        assert note == (site.folder / "state" / "audit.checkpoint").read_text()
        assert 0 == site.terminate()
        site.started()
        assert 1 == site.metric("credwatch_audit_intact")
        assert ["tree_accepted"] == [entry["kind"] for entry in entries(site, "--by", "lan")]


def test_a_case_is_archived_and_checked_elsewhere(desk: Desk, tmp_path: Path) -> None:
    """The archive of a case is signed, the same each time, and every change of it is named."""
    key, first, second = tmp_path / "vendor.key", tmp_path / "first.zip", tmp_path / "second.zip"
    key.write_text(run("audit", "key", "--config", desk.site.config))
    for file in (first, second):
        run("evidence", desk.number, "--output", file, "--config", desk.site.config)
    assert first.read_bytes() == second.read_bytes()
    assert desk.number in run("verify", first, "--key", key)
    with zipfile.ZipFile(first) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert {"case.json", "case.txt", "lines.txt", "receipts.json", "audit/entries.txt", "MANIFEST"} <= {*contents}
    about = entries(desk.site, "--incident", desk.number)
    assert len(about) == sum(name.endswith(".tlog-proof") for name in contents)
    changes: dict[str, dict[str, bytes | None]] = {
        "case.json was changed": {"case.json": b"{}"},
        "lines.txt is missing": {"lines.txt": None},
        "more.txt was put in": {"more.txt": b"more"},
    }
    for problem, change in changes.items():
        forged = tmp_path / f"{problem.split()[0]}.zip"
        with zipfile.ZipFile(forged, "w") as archive:
            for name, content in (contents | change).items():
                if content is not None:
                    archive.writestr(name, content)
        told = json.loads(run("verify", forged, "--key", key, "--json", expected=1))
        assert [problem] == told["problems"]
    run("evidence", desk.number, "--output", first, "--config", desk.site.config, expected=2)
    run("evidence", "CW-0", "--output", tmp_path / "none.zip", "--config", desk.site.config, expected=1)


def test_an_archive_for_a_customer_names_no_other(desk: Desk, tmp_path: Path) -> None:
    """It has that customer's messages, receipts and entries, and nothing that people wrote of the case."""
    key, file = tmp_path / "vendor.key", tmp_path / "hai-au.zip"
    key.write_text(run("audit", "key", "--config", desk.site.config))
    desk.run("note", desk.number, "as at blue-harbor", "--by", "mai")
    run("evidence", desk.number, "--customer", "hai-au", "--output", file, "--config", desk.site.config)
    assert "/customers/hai-au" in run("verify", file, "--key", key)
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert any(name.startswith("messages/") for name in contents)
    assert b"notice_accepted" in contents["audit/entries.txt"]
    assert not {"case.json", "case.txt", "lines.txt"} & {*contents}
    assert b"blue-harbor" not in b"".join(contents.values())


@pytest.mark.store_file
def test_an_entry_that_was_changed_in_place_stops_the_signing(desk: Desk) -> None:
    """The hashes that are kept do not show it; reading all of it does, and nothing is signed from then on."""
    settings = load_settings(desk.site.config)
    facts = build_knowledge(settings, notice_key=Secret("key")).facts
    metrics = Metrics()
    signing = Signing(settings, desk.database, metrics, system_clock, lambda: facts)
    signing.sign()
    signing.read_on()
    assert 1 == metrics.registry.get_sample_value("credwatch_audit_intact")
    with closing(sqlite3.connect(settings.daemon.store)) as store:
        store.execute("DROP TRIGGER audit_stays_update")
        store.execute("UPDATE audit_entries SET entry = replace(entry, 'opened', 'closed') WHERE position = 0")
        store.commit()
    again = Signing(settings, desk.database, metrics, system_clock, lambda: facts)
    again.read_on()
    again.sign()
    assert 0 == metrics.registry.get_sample_value("credwatch_audit_intact")
    assert "tree_differs" in [entry["kind"] for entry in entries(desk.site)]
