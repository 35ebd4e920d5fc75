"""`credwatch push-token`: makes the token with which a shipper pushes."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.options import JsonOption
from credwatch.cli.output import print_json, say


def push_token(
    source: Annotated[str, typer.Argument(help="The id of the source that the shipper pushes to.")],
    as_json: JsonOption = False,
) -> None:
    """Make the token with which a shipper pushes.

    The hash goes into `token_hashes` of the source, the token into the settings of the shipper. Neither is kept here.

    Exit codes: 0 made, 2 usage.
    """
    from credwatch.sources.push.tokens import new_token

    token, hashed = new_token(source)
    if as_json:
        print_json({"source": source, "token": token.reveal(), "hash": hashed})
    else:
        say(f"token         {token.reveal()}")
        say(f'token_hashes = ["{hashed}"]')
