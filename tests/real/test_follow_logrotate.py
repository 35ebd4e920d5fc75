"""Follows a log that the distribution's logrotate rotates, woken by the kernel's inotify."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from credwatch.sources.file.source import FileOptions, FileSource
from unit.sources.followed import NOW, Reader, append

LOGROTATE = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin")

pytestmark = pytest.mark.real


def _wait_for(reader: Reader, woken: threading.Event, expected: list[bytes]) -> None:
    """Read each time the source wakes us, until the lines are there or two minutes have passed."""
    deadline = time.monotonic() + 120
    while reader.lines != expected and time.monotonic() < deadline:
        woken.wait(0.3)
        woken.clear()
        reader.drain()
    assert reader.lines == expected


def _watched(log: Path, woken: threading.Event) -> Reader:
    options = FileOptions(name="auth", paths=(str(log),), start="start", grace_seconds=0.2)
    return Reader(FileSource(options, {}, clock=lambda: NOW, wake=woken.set))


@pytest.mark.skipif(LOGROTATE is None, reason="needs the Debian package logrotate")
@pytest.mark.parametrize("how", ["create", "copytruncate", "create\n dateext\n dateformat -%Y%m%d%s"])
def test_logrotate_loses_nothing(tmp_path: Path, how: str) -> None:
    """Three rotations, each with lines read before it and lines not yet read: each comes once and in order."""
    log, woken, expected = tmp_path / "auth.log", threading.Event(), []
    configuration = tmp_path / "logrotate.conf"
    configuration.write_text(f"{log} {{\n su root root\n rotate 9\n {how}\n}}\n")
    configuration.chmod(0o644)
    log.touch()
    reader = _watched(log, woken)
    for turn in range(3):
        for number in range(3):
            append(log, f"turn {turn} line {number}\n")
            expected.append(f"turn {turn} line {number}".encode())
            if number == 0:
                reader.drain()
        subprocess.run([str(LOGROTATE), "--force", "--state", str(tmp_path / "state"), str(configuration)], check=True)
        _wait_for(reader, woken, expected)
        if "dateext" in how:
            time.sleep(1.1)  # logrotate makes no second file of the same second
    reader.source.close()


def test_inotify_wakes_the_reader(tmp_path: Path) -> None:
    """A written line wakes the reader, without polling."""
    log, woken = tmp_path / "auth.log", threading.Event()
    log.touch()
    reader = _watched(log, woken)
    reader.drain()
    woken.clear()
    append(log, "one\n")
    assert woken.wait(60)
    assert reader.drain() == [b"one"]
    reader.source.close()
