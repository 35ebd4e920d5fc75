"""Files and tasks of a case: kept whole, on the timeline, in the evidence, and reminded of once."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON, some_facts
from credwatch.app.settings import load_settings
from credwatch.casework.case_files import folder_of, forget_unnamed
from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from credwatch.pipeline.task_reminding import remind_of_tasks
from credwatch.store.cases.tasks import open_tasks
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from unit.cli.breach_site import NUMBER, a_breach_site

CONTENT = b"MZ\x00 what somebody sent"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings, a store with one breach, and a file outside of the case."""
    (tmp_path / "thư mời.exe").write_bytes(CONTENT)
    return a_breach_site(tmp_path, ("vn-personal-data",))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Let it be noon on the day of the breach."""
    monkeypatch.setattr("credwatch.cli.case_tasks.system_clock", lambda: NOON)
    return NOON


def run(site: Path, *words: str) -> tuple[int, str]:
    """Run `credwatch incidents`; return exit code and what was said."""
    result = CliRunner().invoke(app, ["incidents", *words, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.output


def evidence(site: Path) -> dict[str, bytes]:
    """Pack the case, and return what the archive has."""
    out = str(site / "case.zip")
    result = CliRunner().invoke(app, ["evidence", NUMBER, "-o", out, "--config", str(site / "credwatch.toml")])
    assert 0 == result.exit_code, result.output
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_file_stands_on_the_timeline_and_in_the_evidence(site: Path) -> None:
    """Byte for byte, under its SHA-256, whatever becomes of the original; nobody else on the machine reads it."""
    code, words = run(site, "attach", NUMBER, str(site / "thư mời.exe"), "--text", "from the mail", "--by", "lan")
    assert (0, True) == (code, SHA256 in words)
    (site / "thư mời.exe").unlink()
    assert (
        f"attached by lan: thư mời.exe ({len(CONTENT)} bytes, SHA-256 {SHA256}), from the mail"
        in run(site, "show", NUMBER)[1]
    )
    files = evidence(site)
    assert CONTENT == files[f"files/{SHA256[:12]}-thư_mời.exe"]
    assert SHA256 in files["MANIFEST"].decode()
    assert 0o600 == (site / "case-files" / NUMBER / SHA256).stat().st_mode & 0o777


def test_form_08_names_the_files_of_the_case(site: Path) -> None:
    """What people attached is listed among its documents, with its SHA-256."""
    run(site, "attach", NUMBER, str(site / "thư mời.exe"))
    run(site, "document", NUMBER, "vn-form-08", "--output", str(site / "form.txt"))
    assert f"thư mời.exe (SHA-256 {SHA256})" in (site / "form.txt").read_text("utf-8")


def test_what_is_no_file_or_too_large_or_there_already_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do instead; the case and its folder stay as they are."""
    monkeypatch.setattr("credwatch.casework.attaching.LARGEST", len(CONTENT) - 1)
    code, words = run(site, "attach", NUMBER, str(site / "thư mời.exe"))
    assert (2, True) == (code, "is larger than" in words)
    assert not (site / "case-files").exists()
    monkeypatch.setattr("credwatch.casework.attaching.LARGEST", len(CONTENT))
    assert 0 == run(site, "attach", NUMBER, str(site / "thư mời.exe"))[0]
    assert "has this file already" in run(site, "attach", NUMBER, str(site / "thư mời.exe"))[1]
    assert "cannot be read" in run(site, "attach", NUMBER, str(site / "gone"))[1]
    assert 1 == run(site, "attach", "CW-0", str(site / "thư mời.exe"))[0]
    assert [SHA256] == [path.name for path in (site / "case-files" / NUMBER).iterdir()]


def test_a_name_in_an_archive_leads_nowhere_else(site: Path) -> None:
    """Whatever a file was called, who unpacks the evidence gets it below the folder of files."""
    odd = site / "..\\..%2f..;rm -rf"
    odd.write_bytes(b"odd")
    run(site, "attach", NUMBER, str(odd))
    (name,) = [name for name in evidence(site) if name.startswith("files/")]
    assert name.removeprefix("files/").endswith("-__.._2f.._rm_-rf")
    assert 1 == name.count("/")


def test_files_that_no_case_names_go_after_a_day(site: Path) -> None:
    """Those of a case stay however old; what is younger than a day may yet be named."""
    run(site, "attach", NUMBER, str(site / "thư mời.exe"))
    settings = load_settings(site / "credwatch.toml")
    folder, database = folder_of(settings, NUMBER), Database(site / "credwatch.sqlite")
    for name in ("0" * 64, "1" * 64):
        (folder / name).write_bytes(b"of nobody")
    long_ago = (system_clock() - timedelta(days=2)).timestamp()
    for name in (SHA256, "0" * 64):
        os.utime(folder / name, (long_ago, long_ago))
    forget_unnamed(settings, database, system_clock())
    database.close()
    assert {SHA256, "1" * 64} == {path.name for path in folder.iterdir()}


def test_a_task_has_owner_and_time_and_comes_to_its_end(site: Path, now: datetime) -> None:
    """It is listed until somebody says what became of it; the timeline and the evidence have both."""
    due = ("--due", "2026-11-21T09:00+07:00")
    assert 0 == run(site, "task", NUMBER, "Gọi cho Sở Công an", "--owner", "ba", *due, "--by", "lan")[0]
    assert 0 == run(site, "task", NUMBER, "Thay khóa API", "--owner", "mai")[0]
    assert ["T1", "T2"] == [row["id"] for row in json.loads(run(site, "tasks", "--json")[1])]
    assert ["T2"] == [row["id"] for row in json.loads(run(site, "tasks", "--owner", "mai", "--json")[1])]
    assert 0 == run(site, "task-done", NUMBER, "t1", "--why", "gọi lúc 8 giờ", "--by", "ba")[0]
    assert ["T2"] == [row["id"] for row in json.loads(run(site, "tasks", "--json")[1])]
    told = run(site, "show", NUMBER)[1]
    assert "task by lan: T1 Gọi cho Sở Công an by ba, due 2026-11-21 09:00:00 +07:00" in told
    assert "task_done by ba: T1 Gọi cho Sở Công an by ba" in told
    entries = json.loads(evidence(site)["case.json"])["entries"]
    assert ["task", "task", "task_done"] == [entry["kind"] for entry in entries]


def test_the_record_names_the_tasks_that_are_open(site: Path, now: datetime) -> None:
    """What comes next, who does it and until when is filled in from the tasks that nobody has done."""
    run(site, "task", NUMBER, "Thay khóa API", "--owner", "mai", "--due", "2026-11-21T09:00+07:00")
    run(site, "task", NUMBER, "Gọi khách hàng", "--owner", "ba")
    run(site, "task-done", NUMBER, "T2", "--why", "đã gọi")
    run(site, "document", NUMBER, "vn-record", "--output", str(site / "record.txt"))
    text = (site / "record.txt").read_text("utf-8")
    assert "Thay khóa API, mai, 09:00:00, 21/11/2026 (UTC+07:00)" in text
    assert "Gọi khách hàng" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("task", NUMBER, " ", "--owner", "ba"), "reason"),
        (("task", NUMBER, "x", "--owner", "ba", "--due", "2026-11-20T11:00+07:00"), "its time is over"),
        (("task-done", NUMBER, "T9", "--why", "x"), "no open task T9"),
    ],
)
def test_what_is_no_task_is_refused(site: Path, now: datetime, words: tuple[str, ...], told: str) -> None:
    """A task says something, has its time before it, and is open when it ends."""
    code, output = run(site, *words)
    assert (2, True) == (code, told in output), output
    assert "no task is open" in run(site, "tasks")[1]


def test_the_operators_hear_once_of_a_task_whose_time_is_over(site: Path, now: datetime) -> None:
    """With case, task and owner; not before, and not again. A task whose case is gone goes with it."""
    run(site, "task", NUMBER, "Thay khóa API", "--owner", "mai", "--due", "2026-11-20T13:00+07:00")
    database = Database(site / "credwatch.sqlite")

    def remind(after: timedelta) -> int:
        with database.writing() as connection:
            return remind_of_tasks(connection, some_facts(), NOON + after)

    assert [0, 1, 0] == [remind(timedelta(minutes=minutes)) for minutes in (59, 60, 90)]
    (letter,) = [stored.command for stored in OutboxStore(database).listed(EVERY)]
    assert ("task_due", NUMBER) == (letter.payload.context["reason"], letter.incident)
    assert "T1: Thay khóa API, mai" == letter.payload.context["task"]
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM incidents")
    assert 0 == remind(timedelta(minutes=95))
    with database.reading() as connection:
        assert [] == open_tasks(connection)
    database.close()
