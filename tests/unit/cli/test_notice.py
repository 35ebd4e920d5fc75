"""`credwatch notice`: previews and codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import a_command
from credwatch.cli.notice import notice_app
from credwatch.outbox.words.examples import EXAMPLES, example
from credwatch.store.database import Database
from credwatch.store.outbox import queue


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(notice_app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("workflow", EXAMPLES)
def test_every_notice_can_be_shown(workflow: str) -> None:
    """Each name is known and gives its text, with its code where it has a number to be checked by."""
    code, shown, _ = _run("preview", workflow)
    assert 0 == code
    command = example(workflow)
    assert str(command.payload.context["sender"]["name"]) in shown  # type: ignore[index]
    assert not command.incident or str(command.payload.context["code"]) in shown


@pytest.mark.parametrize(("form", "begins"), [("text", "(English"), ("html", "<!DOCTYPE html>"), ("eml", "From: ")])
def test_each_form_goes_to_stdout(form: str, begins: str) -> None:
    """Text, HTML, and the message as it would be sent."""
    assert _run("preview", "customer_notice", "--format", form)[1].startswith(begins)


def test_all_forms_go_to_a_folder(tmp_path: Path) -> None:
    """With --out three files are written and named."""
    code, named, _ = _run("preview", "breach_report", "--language", "en", "--out", str(tmp_path / "new"), "--json")
    written = {Path(name).name for name in json.loads(named)["files"]}
    assert (0, {f"breach_report-en.{ending}" for ending in ("txt", "html", "eml")}) == (code, written)
    assert written == {path.name for path in (tmp_path / "new").iterdir()}


def test_json_holds_every_form() -> None:
    """One object with subject, text, html and eml."""
    shown = json.loads(_run("preview", "customer_notice", "--kind", "mfa_fatigue", "--json")[1])
    assert {"workflow", "kind", "subject", "text", "html", "eml"} == set(shown)


def test_an_unknown_notice_names_the_nearest() -> None:
    """A slip of the pen is answered with the right name, and exit code 2."""
    code, _, talk = _run("preview", "customer_notise")
    assert 2 == code
    assert "customer_notice" in talk


def test_a_broken_template_is_named(tmp_path: Path) -> None:
    """An operator's mistake gives file, line and exit code 1."""
    (tmp_path / "vi").mkdir()
    (tmp_path / "vi" / "digest.j2").write_text("{% set subject = 'x' %}\n{{ nonsense }}")
    code, _, talk = _run("preview", "digest", "--templates", str(tmp_path))
    assert 1 == code
    assert "vi/digest.j2:2: " in talk


@pytest.fixture
def store(tmp_path: Path) -> str:
    database = Database(tmp_path / "store.db")
    database.migrate()
    with database.writing() as connection:
        queue(connection, [a_command()])
    database.close()
    return str(tmp_path / "store.db")


def test_a_genuine_code_is_recognised(store: str) -> None:
    """The incident and recipient of the message it belongs to are shown."""
    code, shown, _ = _run("verify", "aaaa bbbb cccc dddd", "--store", store, "--json")
    found = json.loads(shown)
    assert (0, True, "CW-2026-7KQ2M4", "it@tanphat.example") == (
        code,
        found["genuine"],
        found["incident"],
        found["recipient"],
    )


def test_a_forged_code_is_not(store: str) -> None:
    """A code that belongs to no message gives exit code 1."""
    code, shown, _ = _run("verify", "AAAA-BBBB-CCCC-DDDE", "--store", store)
    assert (1, "no message has this code\n") == (code, shown)
