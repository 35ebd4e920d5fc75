"""`credwatch corpus`: builds, brings up to date, verifies and tells, with its exit codes."""

import json
from pathlib import Path

from typer.testing import CliRunner

from credwatch.cli.corpus import corpus_app
from unit.policy.corpus.range_files import a_corpus, sha1, write_file, write_folder

RUNNER = CliRunner()


def test_build_and_info_say_what_is_there(tmp_path: Path) -> None:
    """What was built is told alike by both, in words and as JSON."""
    source = write_file(tmp_path / "pwned.txt", {sha1(str(number)): number for number in range(1, 5)})
    built = RUNNER.invoke(corpus_app, ["build", str(source), str(tmp_path / "made"), "--top", "3", "--json"])
    assert 0 == built.exit_code, built.output
    facts = json.loads(built.stdout)
    assert ("sha1", 3, 2, 3, 1048573) == tuple(
        facts[name] for name in ("kind", "rows", "seen_at_least", "ranges", "missing_ranges")
    )
    assert facts == json.loads(RUNNER.invoke(corpus_app, ["info", str(tmp_path / "made"), "--json"]).stdout)
    assert "3 sha1 hashes" in RUNNER.invoke(corpus_app, ["info", str(tmp_path / "made")]).stdout


def test_verify_says_where_it_is_damaged(tmp_path: Path) -> None:
    """A whole corpus ends with 0, a damaged one with 1 and its byte."""
    path = a_corpus(tmp_path)
    assert 0 == RUNNER.invoke(corpus_app, ["verify", str(path)]).exit_code
    raw = bytearray(path.read_bytes())
    raw[4096] ^= 1
    path.write_bytes(raw)
    told = RUNNER.invoke(corpus_app, ["verify", str(path)])
    assert (1, True) == (told.exit_code, f"{path}: byte 4096" in told.stderr)
    assert not json.loads(RUNNER.invoke(corpus_app, ["verify", str(path), "--json"]).stdout)["whole"]


def test_a_bad_line_ends_with_two(tmp_path: Path) -> None:
    """What cannot be built names its line."""
    (tmp_path / "bad.txt").write_text(f"{'A' * 40}:1\n{'B' * 39}:1\n")
    told = RUNNER.invoke(corpus_app, ["build", str(tmp_path / "bad.txt"), str(tmp_path / "made")])
    assert (2, True) == (told.exit_code, "bad.txt: line 2" in told.stderr)


def test_update_follows_the_settings(tmp_path: Path) -> None:
    """The settings say from where and how many; without the keys the error names the one that is missing."""
    folder = write_folder(tmp_path / "ranges", {sha1(str(number)): number for number in range(1, 5)})
    settings = tmp_path / "credwatch.toml"
    settings.write_text(f'[gate]\ncorpus = "{tmp_path}/made"\n')
    told = RUNNER.invoke(corpus_app, ["update", "--config", str(settings)])
    assert (2, True) == (told.exit_code, "gate.ranges" in told.stderr)
    settings.write_text(f'[gate]\ncorpus = "{tmp_path}/made"\nranges = "{folder}"\ncorpus_rows = 2\n')
    updated = RUNNER.invoke(corpus_app, ["update", "--config", str(settings), "--json"])
    assert (0, 2) == (updated.exit_code, json.loads(updated.stdout)["rows"])
