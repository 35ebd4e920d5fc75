"""`credwatch regimes`: what is known of laws can be read without looking for files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.app.regimes import shipped_regimes
from credwatch.cli.main import app


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings under one law."""
    path = tmp_path / "credwatch.toml"
    path.write_text('[regimes]\nown = ["vn-cyber"]\n')
    return str(path)


def run(config: str, *words: str) -> tuple[int, str]:
    """Run `credwatch regimes`; return exit code and what was said."""
    result = CliRunner().invoke(app, ["regimes", *words, "--config", config])
    return result.exit_code, result.output


def test_the_list_marks_what_applies(config: str) -> None:
    """The contract and the laws named in the settings have a star, and a proposal says that it is none."""
    lines = run(config, "list")[1].splitlines()
    assert ["contract-modoro-s8", "vn-cyber"] == [line.split()[1] for line in lines if line.startswith("*")]
    assert len(shipped_regimes()) == len(lines)
    assert 1 == sum("(not in force)" in line for line in lines)
    told = json.loads(run(config, "list", "--json")[1])
    assert {"contract-modoro-s8", "vn-cyber"} == {entry["id"] for entry in told if entry["applies"]}


@pytest.mark.parametrize("name", sorted(shipped_regimes()))
def test_a_regime_is_shown_with_its_source(config: str, name: str) -> None:
    """Each phase with its time and the words of the text; a number that is ours says so."""
    regime, (code, words) = shipped_regimes()[name], run(config, "show", name)
    assert 0 == code
    assert f"{regime.source} ({regime.certainty} text)" in words
    for phase in regime.phase:
        assert phase.wording in words
        (line,) = [line for line in words.splitlines() if line.startswith(f"phase          {phase.id}:")]
        assert (phase.within is None) == ("(a measure of ours)" in line)
    told = json.loads(run(config, "show", name, "--json")[1])
    assert (regime.version, len(regime.phase)) == (told["version"], len(told["phase"]))


def test_a_name_that_is_none_is_told(config: str) -> None:
    """With what names them."""
    code, words = run(config, "show", "vn")
    assert (1, True) == (code, "credwatch regimes list" in words)
