"""`credwatch policy`: profiles are listed and shown, and a change of them is tried on known accounts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.app.profiles import shipped_profiles
from credwatch.cli.main import app
from credwatch.store.database import Database


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings with a customer and two users."""
    (tmp_path / "customers.toml").write_text(
        '[[customer]]\nid = "hoasen"\nname = "Hoa Sen"\nnotice_addresses = ["a@x.example", "b@x.example"]\n'
        'profile = "cis-8"\n'
    )
    (tmp_path / "users.toml").write_text(
        '[[user]]\nname = "lan"\ncustomer = "hoasen"\n[[user]]\nname = "bait"\ncustomer = "hoasen"\ndecoy = true\n'
        '[[user]]\nname = "root"\nprivileged = true\n'
    )
    path = tmp_path / "credwatch.toml"
    path.write_text(f'[daemon]\nstate_directory = "{tmp_path}"\nregisters_directory = "{tmp_path}"\n')
    database = Database(tmp_path / "credwatch.sqlite")
    database.migrate()
    database.close()
    return str(path)


def run(config: str, *words: str) -> tuple[int, str]:
    """Run `credwatch policy`; return exit code and what was said."""
    result = CliRunner().invoke(app, ["policy", *words, "--config", config])
    return result.exit_code, result.output


def test_the_list_marks_what_holds(config: str) -> None:
    """The staff's profile and the customers' have a star."""
    lines = run(config, "list")[1].splitlines()
    assert {"default", "cis-8"} == {line.split()[1] for line in lines if line.startswith("*")}
    assert len(shipped_profiles()) == len(lines)
    entries = [json.loads(line) for line in run(config, "list", "--json")[1].splitlines()]
    assert {"default", "cis-8"} == {entry["name"] for entry in entries if entry["applies"]}


@pytest.mark.parametrize("name", sorted(shipped_profiles()))
def test_a_profile_is_shown_with_its_texts(config: str, name: str) -> None:
    """Each number, the text that asks for it, what must stay 0, and what is left out."""
    profile = shipped_profiles()[name]
    code, words = run(config, "show", name)
    assert 0 == code
    for text in (*profile.password.rules.values(), *profile.mfa.forbids.values(), *profile.unsaid):
        assert text in words
    told = json.loads(run(config, "show", name, "--json")[1])
    assert (profile.version, profile.password.minimum_alone) == (told["version"], told["password"]["minimum_alone"])


def test_a_name_that_is_none_is_told(config: str) -> None:
    """With what names them."""
    code, words = run(config, "show", "nist")
    assert (1, True) == (code, "credwatch policy list" in words)
    assert 2 == run(config, "diff", "nist", "cis-8")[0]


def test_a_change_is_tried(config: str) -> None:
    """Exit code 1 where somebody would newly not comply, by rule and name; a decoy is nobody."""
    code, words = run(config, "diff", "cis-8", "asvs-5-l2")
    assert 1 == code
    assert "1 accounts\nwould newly not comply: 1 by mfa.required_for (OWASP ASVS 5.0, 6.3.3)\n" in words
    assert "hoasen               lan" in words
    assert "bait" not in words
    outcome = json.loads(run(config, "diff", "cis-8", "asvs-5-l2", "--json")[1])
    assert ["lan"] == [it["account"]["user"] for it in outcome["newly"]]


def test_a_file_may_be_tried(config: str, tmp_path: Path) -> None:
    """A profile that is still being written; what holds from the next password on is told apart."""
    draft = tmp_path / "draft.toml"
    draft.write_text('extends = "cis-8"\n[password]\nminimum_alone = 20\n')
    code, words = run(config, "diff", "cis-8", str(draft))
    assert 0 == code
    assert "from the next password on: password.minimum_alone: 14 → 20 (no password is kept" in words
