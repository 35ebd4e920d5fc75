"""The log: one line an event, priorities for the journal, and no secret whatever is handed to it."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.secret import Secret
from credwatch.telemetry.logs import configure_logs
from credwatch.telemetry.redaction import MASK, redact, redact_text


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def _logged(form: str, **told: object) -> str:
    stream = io.StringIO()
    configure_logs(form, stream=stream, environ={})  # type: ignore[arg-type]
    structlog.get_logger().info("source.failed", **told)
    return stream.getvalue()


def test_text_is_one_line_of_keys_and_values() -> None:
    """Time, level and event come first, then what was said of it."""
    line = _logged("text", source="auth", error="no such file", files=["a", "b"])
    assert line.endswith(' level=info event=source.failed source=auth error="no such file" files=a,b\n')
    assert line.startswith("timestamp=")


def test_json_is_one_object_a_line() -> None:
    """Types are kept, and text is not turned into escapes."""
    told = json.loads(_logged("json", lines=3, title="dò mật khẩu", up=None))
    del told["timestamp"]
    assert told == {"level": "info", "event": "source.failed", "lines": 3, "title": "dò mật khẩu", "up": None}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "attack", ["a\nlevel=error event=forged", "a\r\nb", "\x1b[2J", "a\u2028b", "\x00", "\x9b2J", "\u202e", "\u200b"]
)
def test_an_event_cannot_forge_a_line_or_reach_the_terminal(form: str, attack: str) -> None:
    """Whatever a log line or a person wrote stays on its line, as escapes."""
    line = _logged(form, line=attack)
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
@given(st.text(), st.text())
def test_an_event_is_one_printable_line(form: str, event: str, value: str) -> None:
    """Whatever its name and its values are made of."""
    stream = io.StringIO()
    configure_logs(form, stream=stream, environ={})  # type: ignore[arg-type]
    structlog.get_logger().info(event, value=value, more=[value])
    assert stream.getvalue().removesuffix("\n").isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_long_value_makes_no_second_line_in_the_journal(form: str) -> None:
    """The journal cuts lines at 48 KiB, and what follows the cut would be a line with a priority of its own."""
    assert len(_logged(form, line="\x1b" * 100_000)) < 48 * 1024


def test_the_journal_gets_priorities_and_no_time(tmp_path: Path) -> None:
    """A line for the journal begins with its priority, for the journal has the time itself."""
    with (tmp_path / "journal").open("w+") as stream:
        found = os.fstat(stream.fileno())
        configure_logs("auto", stream=stream, environ={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        log = structlog.get_logger()
        log.info("daemon.ready")
        log.warning("source.failed")
        log.error("store.failed")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert lines == [
        "<6>level=info event=daemon.ready",
        "<4>level=warning event=source.failed",
        "<3>level=error event=store.failed",
    ]


def test_another_journal_stream_is_not_ours() -> None:
    """Where standard error was redirected away from the journal, lines carry their time again."""
    stream = io.StringIO()
    configure_logs("auto", stream=stream, environ={"JOURNAL_STREAM": "1:2"})
    structlog.get_logger().info("daemon.ready")
    assert stream.getvalue().startswith("timestamp=")


def test_a_traceback_is_one_line_without_secrets() -> None:
    """An exception's text is redacted like any other, and its lines do not become log lines."""
    stream = io.StringIO()
    configure_logs("text", stream=stream, environ={})
    try:
        raise ValueError("login with password=hunter2")
    except ValueError:
        structlog.get_logger().exception("pipeline.failed")
    assert stream.getvalue().count("\n") == 1
    assert "hunter2" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_libraries_write_in_the_same_way() -> None:
    """A warning from a library has our form and our redaction; its small talk is left out."""
    stream = io.StringIO()
    configure_logs("text", stream=stream, environ={})
    logging.getLogger("apscheduler").info("small talk")
    logging.getLogger("apscheduler").warning("job %s took token=abcdef", "digest")
    assert stream.getvalue().endswith(' level=warning event="job digest took token=***" logger=apscheduler\n')
    assert "small talk" not in stream.getvalue()


@pytest.mark.parametrize(
    "key",
    ["password", "smtp_password", "Password", "secret", "token", "api_key", "notice-key", "code", "otp", "totp_codes"],
)
def test_values_of_secret_keys_are_masked(key: str) -> None:
    """A key that names a secret keeps its value out of the log, at any depth."""
    assert redact({"outer": {key: "hunter2"}}) == {"outer": {key: MASK}}


@pytest.mark.parametrize("key", ["exit_code", "status_code", "reason_code", "key", "tokens_total", "encoding", "user"])
def test_values_of_other_keys_stay(key: str) -> None:
    """What only sounds like a secret is told."""
    assert redact({key: "7"}) == {key: "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 user=lan", "password=*** user=lan"),
        ("PASSWORD = 'two words' x", "PASSWORD = *** x"),
        ('{"password": "hun\\"ter2", "a": 1}', '{"password": ***, "a": 1}'),
        ("GET /?token=abc&x=1", "GET /?token=***&x=1"),
        ("Authorization: Bearer abcdefghijk", "Authorization: Bearer ***"),
        ("smtp://mailer:hunter2@mx.example:25", "smtp://mailer:***@mx.example:25"),
        ("run --password hunter2 --to x", "run --password *** --to x"),
        ("Failed password for lan from 192.0.2.1", "Failed password for lan from 192.0.2.1"),
        ("no such file", "no such file"),
    ],
)
def test_text_is_redacted(text: str, expected: str) -> None:
    """What stands behind the name of a secret is masked, and nothing else."""
    assert redact_text(text) == expected


def test_secret_objects_never_show() -> None:
    """Secret objects, and bytes that may hold anything, are masked wherever they are."""
    assert redact([Secret("hunter2"), {"x": Secret("hunter2")}, b"hunter2"]) == [MASK, {"x": MASK}, MASK]


def test_other_objects_are_told_as_text() -> None:
    """Numbers keep their type; what has no type of its own in a log is written out, and redacted."""
    assert redact([1, None, Path("/var/log/auth.log"), ValueError("token=abc")]) == [
        1,
        None,
        "/var/log/auth.log",
        "token=***",
    ]


@given(secret=st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=40), before=st.text(max_size=20))
def test_no_assigned_secret_survives(secret: str, before: str) -> None:
    """Whatever stands before it, the value behind `password=` is gone."""
    text = redact_text(f"{before} password={secret}")
    assert text.endswith(MASK)
    assert f"password={secret}" not in text
