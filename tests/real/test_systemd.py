"""The systemd units: read by the distribution's systemd, rated by it, and its strictest wall tried for real."""

from __future__ import annotations

import configparser
import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credwatch.app.keys import ARCHIVE_KEY, AUDIT_KEY, NOTICE_KEY, SMTP_PASSWORD, STORE_PASSWORD, TOTP_KEY

UNITS = Path(__file__).resolve().parents[2] / "systemd"
PROGRAM = "/opt/credwatch/bin/credwatch"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

pytestmark = pytest.mark.real
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze of the Debian package systemd"
)

HEAVY_IMPORTS = """
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    raise SystemExit("the wall does not stand")
import argon2, cryptography.hazmat.primitives.ciphers.aead as aead, numpy as np, polars as pl, ssl, uvicorn
frame = pl.DataFrame({"line": ["Failed password for lan", "x"] * 1000})
read = frame.select(pl.col("line").str.extract(r"^Failed (?P<how>[a-z]+) for").alias("how"))
assert read.group_by("how").len().height == 2
assert np.linalg.norm(np.ones((200, 200)) @ np.ones((200, 200))) == 40_000
assert argon2.PasswordHasher(memory_cost=1024).hash("x").startswith("$argon2id$")
aead.AESGCM(b"0" * 32).encrypt(b"0" * 12, b"x", b"")
ssl.create_default_context()
"""


def _directives() -> dict[str, str]:
    """Read the service section; of a directive that comes several times the last stays."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / "credwatch.service")
    return dict(parser["Service"])


@pytest.fixture(params=["credwatch.service", "credwatch-collect.service"])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Copy a unit with a program that exists: `make install` has not put ours in place where tests run."""
    stub = tmp_path / "credwatch"
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    copy = tmp_path / request.param
    text = (UNITS / request.param).read_text()
    assert text.count(PROGRAM) == 1
    copy.write_text(text.replace(PROGRAM, str(stub)))
    return copy


def _analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=180)


@needs_systemd
def test_the_unit_is_clean(unit: Path) -> None:
    """`systemd-analyze verify` knows every directive and value, and says nothing."""
    done = _analyzed("verify", str(unit))
    assert (done.returncode, done.stderr.strip()) == (0, "")


@needs_systemd
def test_a_misspelt_directive_would_be_found(unit: Path) -> None:
    """The check above can fail."""
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    assert "ProtectSytem" in _analyzed("verify", str(unit)).stderr


@needs_systemd
def test_the_unit_is_rated_two_or_better(unit: Path) -> None:
    """0 is locked in, 10 is open; the network that mail and metrics need costs one of it."""
    done = _analyzed("security", "--offline=true", "--no-pager", str(unit))
    rated = re.search(rf"Overall exposure level for {re.escape(unit.name)}: ([0-9.]+)", done.stdout)
    assert rated is not None, done.stderr
    assert float(rated[1]) <= 2.0


def test_python_works_where_no_memory_is_both_written_and_run() -> None:
    """The libraries do their work under MemoryDenyWriteExecute, with the environment that the unit sets.

    The kernel's own form of that wall is used, PR_SET_MDWE of prctl(2), for it can be set without systemd.
    """
    name, _, value = _directives()["Environment"].partition("=")
    libc = ctypes.CDLL(None, use_errno=True)

    def wall() -> None:
        if libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
            os._exit(77)

    command = [sys.executable, "-c", HEAVY_IMPORTS]
    environ = os.environ | {name: value}
    done = subprocess.run(
        command, preexec_fn=wall, env=environ, capture_output=True, text=True, check=False, timeout=180
    )
    if done.returncode == 77:
        pytest.skip("needs Linux 6.3 or later, whose prctl(2) has PR_SET_MDWE")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_credentials_are_those_that_the_daemon_asks_for() -> None:
    """Every credential that the program names is handed over, and no other."""
    text = (UNITS / "credwatch.service").read_text()
    handed = set(re.findall(r"^LoadCredential=([a-z-]+):", text, re.M))
    assert handed == {SMTP_PASSWORD, STORE_PASSWORD, TOTP_KEY, NOTICE_KEY, AUDIT_KEY, ARCHIVE_KEY}


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None, reason="needs systemd-sysusers of the Debian package systemd"
)
def test_the_user_can_be_made(tmp_path: Path) -> None:
    """systemd-sysusers makes the user and group, without a shell, in a root of its own."""
    (tmp_path / "etc").mkdir()
    configuration = UNITS / "credwatch.sysusers"
    command = ["systemd-sysusers", f"--root={tmp_path}", "-"]
    with configuration.open() as lines:
        done = subprocess.run(command, stdin=lines, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    account = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert (account[0], account[5], account[6]) == ("credwatch", "/var/lib/credwatch", "/usr/sbin/nologin")


@pytest.mark.skipif(
    shutil.which("systemd-tmpfiles") is None, reason="needs systemd-tmpfiles of the Debian package systemd"
)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to another group")
def test_the_folders_can_be_made(tmp_path: Path) -> None:
    """systemd-tmpfiles makes the folders closed to others, in a root of its own."""
    (tmp_path / "etc/credwatch").mkdir(parents=True)
    (tmp_path / "etc/credwatch/credwatch.toml").touch(0o600)
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\ncredwatch:x:991:990::/:/usr/sbin/nologin\n")
    (tmp_path / "etc/group").write_text("root:x:0:\ncredwatch:x:990:\n")
    command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", "-"]
    with (UNITS / "credwatch.tmpfiles").open() as lines:
        done = subprocess.run(command, stdin=lines, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    expected = {
        "etc/credwatch": ("0o750", 0, 990),
        "etc/credwatch/credwatch.toml": ("0o640", 0, 990),
        "etc/credstore": ("0o700", 0, 0),
        "var/lib/credwatch": ("0o700", 991, 990),
    }
    made = {name: (tmp_path / name).stat() for name in expected}
    assert expected == {name: (oct(s.st_mode & 0o777), s.st_uid, s.st_gid) for name, s in made.items()}
