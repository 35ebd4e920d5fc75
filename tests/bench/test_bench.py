"""`make bench` runs: every figure is there with its floor, its logs and rules are what they say, and nothing stays."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.corpus import write_hashes
from bench.forms import write_forms
from bench.loglines import Round, write_keys, write_log
from bench.rulecopies import write_copies
from credwatch.kernel.resources import shipped
from unit.rules.rule_files import load_rules

TESTS = Path(__file__).parents[1]
FLOORS = {
    "credwatch replay, all shipped rules": "≥ 500,000",
    "credwatch replay, calm log": "≥ 1,000,000",
    "peak memory": "< 500",
    "peak memory, twice the lines": "< 500",
    "correlations on": "≥ 40",
    "as JSON lines": "≤ 1.5",
    "with names that look like secrets": "≤ 1.5",
    "as lines that nothing reads": "≤ 1.0",
    "1,000 files of 10 lines, beside one file": "≤ 4",
    "rules match --correlate, CPU time": "≥ 20,000",
    "after a restart": "≤ 1.05",
    "share of window commit in the time": "≤ 0.1",
    "time per line, beside the shipped rules alone": "≤ 4",
    "time per line, beside a thousand addresses": "≤ 1.3",
    "peak memory, 2,000 active keys": "< 700",
    "its growth with as many lines again": "≤ 1.05",
    "CPU time of a start, beside an empty store": "≤ 2",
    "corpus: hashes built in 1 s": "≥ 170,000",
    "corpus: peak memory of building": "≤ 1,024",
    "corpus: bytes a row beside the index": "≤ 6",
    "corpus: a look-up, with its SHA-1": "≤ 10",
    "kept: speed of a replay, beside a bare one": "≥ 0.75",
    "archive: an event": "≤ 25",
    "archive: a made-up event": "≤ 25",
    "credwatch events, one account of 1,000": "< 2",
    "its memory": "≤ 500",
    "live: lines written over 1 s": "≥ 9,900",
    "live: detections seen of 10": "≥ 10",
    "live: from write to commit, 99th percentile": "< 1",
    "live: cores of CPU": "< 0.5",
    "daemon, idle: memory": "< 150",
    "daemon, idle: share of one core": "< 1",
}


@pytest.mark.slow
def test_a_small_run_gives_every_figure(tmp_path: Path) -> None:
    """With two thousand lines each program is run once, and the figures come as JSON with their floors."""
    seconds = ("--idle-seconds", "0.5", "--live-seconds", "1", "--archived", "1000", "--copies", "1")
    command = [
        sys.executable,
        "-m",
        "bench",
        "--lines",
        "2000",
        "--repeat",
        "1",
        *seconds,
        "--json",
    ]
    environment = os.environ | {
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    assert 0 == done.returncode, done.stderr
    figures = {figure["name"].strip(): figure for figure in json.loads(done.stdout)["figures"]}
    assert FLOORS.items() <= {name: figure["floor"] for name, figure in figures.items()}.items()
    assert all(figure["value"] is not None or "Debian package" in figure["unit"] for figure in figures.values())
    assert figures["live: detections seen of 10"]["holds"]
    assert [] == list(tmp_path.iterdir())


def test_the_same_seed_gives_the_same_lines(tmp_path: Path) -> None:
    """A log of a thousand lines has about a thousand, the same ones for the same seed and others for another."""
    logs = [tmp_path / name for name in ("one", "again", "other")]
    for log, seed in zip(logs, (1, 1, 2), strict=True):
        write_log(log, 1000, failures=0.75, seed=seed)
    one, again, other = (log.read_text("ascii") for log in logs)
    assert one == again
    assert one != other
    assert 1000 <= len(one.splitlines()) <= 1002


def test_failures_are_of_the_asked_share(tmp_path: Path) -> None:
    """Of the logins of an attack three in four fail, of those of a calm day one in twenty."""
    for failures in (0.75, 0.05):
        write_log(tmp_path / "log", 20_000, failures=failures)
        text = (tmp_path / "log").read_text("ascii")
        failed, accepted = text.count(": Failed password"), text.count(": Accepted")
        assert abs(failures - failed / (failed + accepted)) < 0.03


def test_every_address_has_its_turn_in_every_round(tmp_path: Path) -> None:
    """Fifty addresses in rounds of fifty lines: each is there once a round, over the time the round lasts."""
    write_keys(tmp_path / "log", (Round(50, 5), Round(50, 600)), keys=50)
    lines = (tmp_path / "log").read_text("ascii").splitlines()
    addresses = [line.split(" from ")[1].split()[0] for line in lines]
    assert 50 == len(set(addresses[:50]))
    assert set(addresses[:50]) == set(addresses[50:])
    assert ["00:00:04", "00:00:05", "00:09:53"] == [lines[place].split()[2] for place in (49, 50, 99)]


def test_the_forms_tell_of_the_same_logins(tmp_path: Path) -> None:
    """Each form has as many lines, the same share fails, and each is what its name says."""
    logs = write_forms(tmp_path, 1000)
    texts = {form: log.read_text("ascii") for form, log in logs.items()}
    assert {1000} == {text.count("\n") for text in texts.values()}
    failures = {form: text.count("Failed") + text.count('"failure"') for form, text in texts.items()}
    assert 1 == len(set(failures.values()))
    assert all(json.loads(line)["user"]["name"] for line in texts["json"].splitlines())
    assert failures["secret"] == len(re.findall(r"invalid user Xk\d+!vQ\d+zR9 from", texts["secret"]))


def test_generated_hashes_are_in_order(tmp_path: Path) -> None:
    """The bench's corpus is built of as many different hashes as were asked for, in their order."""
    write_hashes(tmp_path / "pwned.txt", 500)
    lines = (tmp_path / "pwned.txt").read_bytes().splitlines(keepends=True)
    assert (500, True) == (len(set(lines)), lines == sorted(lines))
    assert all(re.fullmatch(rb"[0-9A-F]{40}:[1-9]\r\n", line) for line in lines)


def test_copied_rules_load_beside_the_shipped_ones(tmp_path: Path) -> None:
    """Two copies of each rule make three times as many, and each copy groups by another field besides."""
    write_copies(tmp_path / "copies", 2)
    own = [shipped("rules") / name for name in ("detections", "correlations", "filters")]
    alone, together = load_rules(own), load_rules([*own, tmp_path / "copies"])
    assert 3 * len(alone.events) == len(together.events)
    assert 3 * len(alone.correlations) == len(together.correlations)
    groups = [rule.group_by for rule in together.correlations if rule.name.startswith("brute_force_from_address")]
    assert [("source.ip",), ("source.ip", "host.name"), ("source.ip", "process.name")] == sorted(groups)
