"""The page of formats says what the packs give."""

from __future__ import annotations

from pathlib import Path

from gallery.formats import formats_page

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"


def test_the_page_is_that_of_the_packs() -> None:
    """`docs/formats.md` is what `PYTHONPATH=tests python -m gallery.formats` prints."""
    assert formats_page() == PAGE.read_text(encoding="utf-8")
