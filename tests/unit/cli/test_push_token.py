"""`credwatch push-token` prints a token and the hash that lets it in."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.kernel.secret import Secret
from credwatch.sources.push.tokens import Tokens


def test_the_token_fits_its_hash() -> None:
    """What is printed lets a shipper in, and both forms tell the same kind of thing."""
    made = json.loads(CliRunner().invoke(app, ["push-token", "shipped", "--json"]).stdout)
    assert "shipped" == Tokens({"shipped": [made["hash"]]}).source_of(Secret(made["token"]))
    token, hashes = CliRunner().invoke(app, ["push-token", "shipped"]).stdout.splitlines()
    assert token.startswith("token         shipped.")
    assert hashes.startswith('token_hashes = ["$argon2id$')
