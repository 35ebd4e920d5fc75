"""The pages of two customers, made anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal_site import PortalSite


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PortalSite]:
    """Make the pages, and a notice that the one customer has got."""
    site = PortalSite(tmp_path, monkeypatch)
    site.tell()
    yield site
    site.close()
