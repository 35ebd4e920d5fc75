"""Credentials of systemd, against real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.credentials import credential
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret


def _given(folder: Path, value: bytes) -> dict[str, str]:
    (folder / "smtp-password").write_bytes(value)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


@pytest.mark.parametrize("value", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_a_credential_is_read_without_its_last_newline(tmp_path: Path, value: bytes) -> None:
    """An editor's newline is no part of a password."""
    assert credential("smtp-password", _given(tmp_path, value)) == Secret("hunter2")


def test_spaces_belong_to_a_credential(tmp_path: Path) -> None:
    """Only newlines at the end go."""
    assert credential("smtp-password", _given(tmp_path, b" two words \n")) == Secret(" two words ")


def test_no_credential_is_none(tmp_path: Path) -> None:
    """A credential that the unit does not hand over is not there, and no name leads out of the folder."""
    (tmp_path.parent / "outside").write_text("x")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert credential("totp-key", environ) is None
    assert credential("../outside", environ) is None
    assert credential("totp-key", {}) is None


@pytest.mark.parametrize("value", [b"", b"\n", b"\xff\xfehunter2"])
def test_a_broken_credential_is_an_error_that_does_not_show_it(tmp_path: Path, value: bytes) -> None:
    """The error names the credential, and neither its text nor its cause holds the bytes."""
    with pytest.raises(ConfigurationError, match="credential smtp-password") as caught:
        credential("smtp-password", _given(tmp_path, value))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_credential_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    """What cannot be read is told, with the system's reason."""
    (tmp_path / "smtp-password").mkdir()
    with pytest.raises(ConfigurationError, match="directory"):
        credential("smtp-password", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
