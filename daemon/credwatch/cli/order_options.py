"""The options of commands that name an order of a court or authority."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import typer

IssuerOption = Annotated[str, typer.Option(help="The court or authority that issued it.")]
ArticleOption = Annotated[str, typer.Option(help="The law and article that it rests on.")]
OrderFileOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="The order as a file; its SHA-256 is kept.")
]


def digest_of_order(words: Mapping[str, object], document: Path | None, *, is_meant: bool = False) -> str | None:
    """Return the SHA-256 of an order whose options are all there; None where none of them is, and none is meant.

    `words` has the other options, by their names. Raises BadParameter where some are there and some are missing.
    """
    options = {**words, "--document": document}
    missing = [name for name, value in options.items() if not value]
    if document is None or missing:
        if is_meant or any(options.values()):
            raise typer.BadParameter(f"an order has all of its options; missing: {', '.join(missing)}")
        return None
    with document.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
