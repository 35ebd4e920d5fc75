"""What is right in a settings file with mistakes is still used."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.checks.salvage import salvaged

MISTAKES = {
    "unknown key": ("[daemon]\ncolour = 1\nregisters_directory = '/r'\n", "/r"),
    "unknown table": ("[deamon]\nx = 1\n[daemon]\nregisters_directory = '/r'\n", "/r"),
    "wrong type": ("[metrics]\nport = 'x'\n[daemon]\nregisters_directory = '/r'\n", "/r"),
    "a table that is none": ("metrics = 3\n[daemon]\nregisters_directory = '/r'\n", "/r"),
    "a wrong key itself": ("[daemon]\nregisters_directory = 5\n", "/etc/credwatch"),
    "several": ("[daemon]\nrole = 'x'\nlog_format = 'x'\nregisters_directory = '/r'\n[gate]\nworkers = 'x'\n", "/r"),
    "no profile for staff": ("staff_profile = 'x'\n[daemon]\nregisters_directory = '/r'\n", "/r"),
}


@pytest.mark.parametrize(("text", "registers"), list(MISTAKES.values()), ids=list(MISTAKES))
def test_the_rest_is_read(tmp_path: Path, text: str, registers: str) -> None:
    """A mistake costs its own key alone."""
    config = tmp_path / "credwatch.toml"
    config.write_text(text)
    settings = salvaged(config)
    assert settings is not None
    assert registers == str(settings.daemon.registers_directory)


def test_a_wrong_source_leaves_the_others(tmp_path: Path) -> None:
    """A source without paths is left out, one with an unknown zone keeps its paths, and equal names leave none."""
    config = tmp_path / "credwatch.toml"
    config.write_text("[[source]]\nid = 'a'\n[[source]]\nid = 'b'\npaths = ['/b']\ntime_zone = 'x'\n")
    settings = salvaged(config)
    assert settings is not None
    assert [("b", ("/b",), "UTC")] == [(each.id, each.paths, each.time_zone) for each in settings.source]
    config.write_text("[[source]]\nid = 'a'\npaths = ['/a']\n" * 2)
    settings = salvaged(config)
    assert settings is not None
    assert () == settings.source


@pytest.mark.parametrize("content", [b"[daemon\n", b"\xff", None], ids=["no TOML", "no text", "no file"])
def test_nothing_comes_of_nothing(tmp_path: Path, content: bytes | None) -> None:
    """Where there is no TOML there are no settings."""
    config = tmp_path / "credwatch.toml"
    if content is not None:
        config.write_bytes(content)
    assert None is salvaged(config)
