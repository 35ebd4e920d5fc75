"""Keys come from systemd, or from files that only the daemon can read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from credwatch.app import keys
from credwatch.app.settings import DaemonOptions, OutboxOptions, Settings
from credwatch.kernel.errors import ConfigurationError
from credwatch.outbox.options import EmailOptions


def some_settings(folder: Path, **email: object) -> Settings:
    """Build settings with a state directory and a mail server."""
    return Settings(
        daemon=DaemonOptions(state_directory=folder), outbox=OutboxOptions(email=EmailOptions.model_validate(email))
    )


def _credential(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, value: str) -> None:
    folder.mkdir()
    (folder / name).write_text(value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))


def test_the_notice_key_is_made_once(tmp_path: Path) -> None:
    """It is random, readable by its owner alone, and the same on the next start."""
    key = keys.notice_key(some_settings(tmp_path))
    (file,) = tmp_path.iterdir()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert key == keys.notice_key(some_settings(tmp_path))
    assert len(key.reveal()) >= 40
    file.unlink()
    assert key != keys.notice_key(some_settings(tmp_path))


def test_a_credential_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd hands over is used, and no file is made."""
    _credential(monkeypatch, tmp_path / "credentials", keys.NOTICE_KEY, "from systemd\n")
    (tmp_path / "state").mkdir()
    assert "from systemd" == keys.notice_key(some_settings(tmp_path / "state")).reveal()
    assert [] == list((tmp_path / "state").iterdir())


def test_a_state_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Where the key cannot be kept, the error says where and what to do."""
    with pytest.raises(ConfigurationError) as failed:
        keys.notice_key(some_settings(tmp_path / "none"))
    assert "notice.key" in failed.value.where
    assert failed.value.hint


def test_the_mail_password_is_read_where_there_is_a_user_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the credential, else from its file; without a user name none is looked for."""
    file = tmp_path / "password"
    file.write_text("from file\n")
    assert None is keys.smtp_password(some_settings(tmp_path, password_file=file))
    assert None is keys.smtp_password(some_settings(tmp_path, username="u"))
    from_file = keys.smtp_password(some_settings(tmp_path, username="u", password_file=file))
    _credential(monkeypatch, tmp_path / "credentials", keys.SMTP_PASSWORD, "from systemd")
    from_systemd = keys.smtp_password(some_settings(tmp_path, username="u", password_file=file))
    assert ["from file", "from systemd"] == [each.reveal() for each in (from_file, from_systemd) if each]


def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The error names the key and the file."""
    with pytest.raises(ConfigurationError, match=r"outbox\.email\.password_file"):
        keys.smtp_password(some_settings(tmp_path, username="u", password_file=tmp_path / "none"))


def test_without_a_credential_no_factor_is_sealed() -> None:
    """No key is made up for second factors."""
    assert None is keys.totp_key()
