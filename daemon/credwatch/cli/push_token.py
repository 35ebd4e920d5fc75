"""`credwatch push-token`: makes the token with which a shipper pushes."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.new_token import show_new_token
from credwatch.cli.options import JsonOption


def push_token(
    source: Annotated[str, typer.Argument(help="The id of the source that the shipper pushes to.")],
    as_json: JsonOption = False,
) -> None:
    """Make the token with which a shipper pushes.

    The hash goes into `token_hashes` of the source, the token into the settings of the shipper. Neither is kept here.

    Exit codes: 0 made, 2 usage.
    """
    show_new_token("source", source, "token_hashes", as_json)
