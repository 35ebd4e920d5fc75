"""One daemon to a state directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credwatch.app.lock import NAME, StateLock, holder_of
from credwatch.kernel.errors import ConfigurationError

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

HOLDING = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from credwatch.app.lock import StateLock
lock = StateLock(Path(sys.argv[1]), datetime(2026, 3, 2, tzinfo=UTC))
print("held", flush=True)
time.sleep(600)
"""


def test_the_second_is_refused_and_hears_who_is_first(tmp_path: Path) -> None:
    """The error names the folder, the process and since when; once the first lets go, the second may have it."""
    first = StateLock(tmp_path, NOW)
    with pytest.raises(ConfigurationError, match=rf"process {os.getpid()} on .* since 2026-03-02") as caught:
        StateLock(tmp_path, NOW)
    assert str(tmp_path) == caught.value.where
    first.release()
    StateLock(tmp_path, NOW).release()


def test_who_reads_only_hears_who_holds_it(tmp_path: Path) -> None:
    """Asking changes nothing: nobody, then this process, then nobody again."""
    assert holder_of(tmp_path) is None
    lock = StateLock(tmp_path, NOW)
    holder = holder_of(tmp_path)
    assert holder is not None
    assert os.getpid() == holder.process
    lock.release()
    assert holder_of(tmp_path) is None


def test_a_killed_daemon_holds_nothing(tmp_path: Path) -> None:
    """The lock ends with the process, and the file that it leaves is no obstacle."""
    process = subprocess.Popen([sys.executable, "-c", HOLDING, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(ConfigurationError, match=f"process {process.pid} "):
        StateLock(tmp_path, NOW)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / NAME).exists()
    StateLock(tmp_path, NOW).release()


@pytest.mark.parametrize("text", ["", "rubbish", "[]", '{"process": "x"}'])
def test_a_file_that_says_nothing_is_no_obstacle(tmp_path: Path, text: str) -> None:
    """What counts is the lock; whoever holds it is called another daemon where the file does not say more."""
    (tmp_path / NAME).write_text(text)
    lock = StateLock(tmp_path, NOW)
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ConfigurationError, match="in use by another daemon"):
        StateLock(tmp_path, NOW)
    lock.release()


def test_only_the_daemon_reads_it(tmp_path: Path) -> None:
    """The file is made 0600, and a link that lies in its place is not followed."""
    StateLock(tmp_path, NOW).release()
    assert 0o600 == (tmp_path / NAME).stat().st_mode & 0o777
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        StateLock(tmp_path, NOW)
    assert not (tmp_path / "elsewhere").exists()
