"""Authorities are read once, and anew where their file has changed."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from credwatch.kernel.trust import trust_of


def test_authorities_are_read_once() -> None:
    """What is asked twice is the same; nothing older than TLS 1.2 is spoken."""
    assert trust_of(None) is trust_of(None)
    assert ssl.TLSVersion.TLSv1_2 == trust_of(None).minimum_version


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A file that is missing, or that is broken since it was asked last, is not believed."""
    file = tmp_path / "authority.pem"
    with pytest.raises(OSError):
        trust_of(file)
    file.write_text("no certificate")
    os.utime(file, (1, 1))
    with pytest.raises(OSError):
        trust_of(file)
