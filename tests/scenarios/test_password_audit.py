"""An audit of passwords that is killed again and again comes to its end, and nothing of it is done for nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from argon2 import PasswordHasher
from typer.testing import CliRunner

from credwatch.cli.main import app
from scenarios.daemon import await_
from scenarios.pipeline import a_store

ACCOUNTS = 24
SETTINGS = """[daemon]
registers_directory = "{folder}"
state_directory = "{folder}"
[posture.audit]
sources = ["shop"]
share = 1.0
account_seconds = 0.1
[[posture.source]]
id = "shop"
kind = "export"
path = "{folder}/users.jsonl"
columns = {{ account = "who", password = "hash" }}
"""


def outcomes(config: Path) -> tuple[int, int]:
    """Count the passwords that were guessed and that held."""
    done = CliRunner().invoke(app, ["posture", "audit", "--json", "--config", str(config)])
    (source,) = json.loads(done.stdout)["sources"]
    return source["guessed"], source["held"]


def test_an_audit_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Each run begins behind what the runs before it have kept, and the last one has all; one account was guessed."""
    hasher, config = PasswordHasher(1, 2048, 1), tmp_path / "credwatch.toml"
    config.write_text(SETTINGS.format(folder=tmp_path))
    words = {f"user{number}": "123456" if number == 7 else f"nobody says {number}" for number in range(ACCOUNTS)}
    lines = (json.dumps({"who": name, "hash": hasher.hash(word)}) for name, word in words.items())
    (tmp_path / "users.jsonl").write_text("\n".join(lines))
    with a_store(tmp_path / "credwatch.sqlite"):
        pass
    kept = [0]
    while len(kept) <= 3 and kept[-1] < ACCOUNTS:
        kept.append(after_a_kill(config, kept[-1]))
    assert kept == sorted({*kept})
    subprocess.run(command(config), stdout=subprocess.DEVNULL, timeout=120, check=False)
    assert (1, ACCOUNTS - 1) == outcomes(config)


def command(config: Path) -> list[str]:
    """Write the command that tries passwords by hand."""
    return [sys.executable, "-m", "credwatch", "posture", "audit", "--run", "--config", str(config)]


def after_a_kill(config: Path, before: int) -> int:
    """Kill a run once it has kept more than `before`, and say how much is kept then."""
    run = subprocess.Popen(command(config), stdout=subprocess.DEVNULL)
    await_(lambda: run.poll() is not None or sum(outcomes(config)) > before, what="the run keeps something")
    time.sleep(random.uniform(0, 0.3))
    run.kill()
    run.wait(60)
    return sum(outcomes(config))
