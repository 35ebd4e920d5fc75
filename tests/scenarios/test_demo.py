"""`credwatch demo`: the whole job, with real daemons, log files and mail."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from credwatch.cli.demo import WORKFLOWS

CREDWATCH = [sys.executable, "-m", "credwatch"]
PATIENCE_SECONDS = 300


def demo(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start a demonstration in a folder."""
    environment = os.environ | {"COLUMNS": "80", "TERM": "dumb"}
    return subprocess.Popen(
        [*CREDWATCH, "demo", "--folder", "played", *more],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def credwatch(folder: Path, *arguments: str) -> list[dict[str, object]]:
    """Run a command with --json in a folder and return its objects."""
    done = subprocess.run([*CREDWATCH, *arguments, "--json"], cwd=folder, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_story_is_told_and_told_again(tmp_path: Path) -> None:
    """Each workflow has a notice accepted, in its reader's language; a takeover is stopped and reported; twice."""
    told, trouble = demo(tmp_path).communicate(timeout=PATIENCE_SECONDS)
    assert "" == trouble
    story, _, ending = told.partition("\nAccepted by the mail server: ")
    assert max(map(len, story.splitlines())) <= 80
    assert all(f"× {workflow}" in ending for workflow in WORKFLOWS)
    assert "customer_notice (English) accepted for security@blueharbor.example" in story
    assert "customer_notice (Vietnamese) accepted for it@haiau.example" in story
    assert "breach_report (Vietnamese) accepted for security@modoro.example" in story
    for action in ("end_sessions", "force_reset"):
        assert f"the application did {action}: ke.toan@haiau.example" in story
    assert "yen.do completes vn-form-08; it is in provider/vn-form-08.pdf" in story
    assert "the authority's receipt is A05-2026-118: the 72 hours are kept" in story
    assert (tmp_path / "played/provider/vn-form-08.pdf").read_bytes().startswith(b"%PDF")
    assert "quang.pham and yen.do approve, each with a code" in story
    assert "it says: Ended every session of the account ke.toan@haiau.example." in story
    assert all(where in ending for where in ("played/notices/", "incidents list --config", "/metrics"))
    assert 0 == story.count("{")
    notices = [path.read_text(encoding="utf-8") for path in (tmp_path / "played/notices").glob("*.txt")]
    assert any("118/2026" in notice for notice in notices)
    incidents = credwatch(tmp_path, "incidents", "list", "--config", "played/provider/credwatch.toml")
    kinds = {str(incident["kind"]) for incident in incidents}
    assert {
        "account_takeover",
        "mfa_fatigue",
        "unauthorised_staff_access",
        "authorised_disclosure",
        "customer_report",
    } <= kinds
    _stays_until_it_is_interrupted(tmp_path)


def _stays_until_it_is_interrupted(folder: Path) -> None:
    """A demonstration that stays holds its folder, says its story as JSON, and leaves no process when interrupted."""
    staying = demo(folder, "--stay", "--json")
    try:
        assert staying.stdout is not None
        assert "scene" == json.loads(staying.stdout.readline())["kind"]
        second = demo(folder)
        _, trouble = second.communicate(timeout=PATIENCE_SECONDS)
        assert (2, True) == (second.returncode, "another demonstration plays here" in trouble)
        daemons = children(staying.pid)
        staying.send_signal(signal.SIGINT)
        assert 130 == staying.wait(PATIENCE_SECONDS)
        assert 2 == len(daemons)
        assert [] == [pid for pid in daemons if Path(f"/proc/{pid}").exists()]
        assert staying.stderr is not None
        assert "Traceback" not in staying.stderr.read()
    finally:
        staying.kill()
        staying.communicate()


def children(pid: int) -> list[str]:
    """Name the processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("name", ["letter.txt", "notices/mine.txt"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    """Only a folder that a demonstration made is emptied."""
    kept = tmp_path / "played" / name
    kept.parent.mkdir(parents=True)
    kept.touch()
    refused = demo(tmp_path)
    _, trouble = refused.communicate(timeout=PATIENCE_SECONDS)
    assert (2, True) == (refused.returncode, "--folder" in trouble)
    assert kept.exists()
