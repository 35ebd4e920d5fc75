"""`credwatch enforce keys`: what receivers verify tokens with."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from joserfc.jwk import import_key
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.cli.output import ExitCode

CHANNEL = """
[[enforcement.channel]]
name = "{name}"
kind = "ssf"
url = "https://{name}.example/events"
issuer = "https://credwatch.example"
audience = "https://{name}.example"
key_file = "{key}"
"""


def settings(folder: Path, key: Path) -> str:
    """Write settings with two receivers that get tokens by one key."""
    path = folder / "credwatch.toml"
    channels = "".join(CHANNEL.format(name=name, key=key) for name in ("idp", "shop"))
    path.write_text(f'[daemon]\nregisters_directory = "{folder}"\nstate_directory = "{folder}"\n{channels}')
    return str(path)


def test_the_public_keys_are_a_set_and_nothing_private_is_in_it(tmp_path: Path) -> None:
    """A key that openssl makes as the manual says is written once, without its private number."""
    key = tmp_path / "signals.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True)
    done = CliRunner().invoke(app, ["enforce", "keys", "--json", "--config", settings(tmp_path, key)])
    assert ExitCode.DONE == done.exit_code, done.output
    (public,) = json.loads(done.stdout)["keys"]
    assert not import_key(public).is_private
    assert ("ES256", "sig") == (public["alg"], public["use"])
    assert "d" not in public
    listed = CliRunner().invoke(app, ["enforce", "keys", "--config", settings(tmp_path, key)]).stdout
    assert f"{public['kid']}  ES256\n" == listed


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    """The file and what to do are told, and exit code 2."""
    key = tmp_path / "signals.pem"
    key.write_text("secret words")
    done = CliRunner().invoke(app, ["enforce", "keys", "--config", settings(tmp_path, key)])
    assert ExitCode.CANNOT == done.exit_code
    assert "enforcement.channel idp: key_file" in done.stderr
    assert "openssl ecparam" in done.stderr
    assert "secret words" not in done.output
