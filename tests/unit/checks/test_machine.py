"""What `credwatch doctor` finds wrong with the machine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from credwatch.app.settings import Settings
from credwatch.checks.machine import ask, machine_problems

WELL = {
    "systemctl": "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nNRestarts=0\n",
    "timedatectl": "yes\n",
    "dpkg-query": "1.7.0-5",
}


def found(tmp_path: Path, **answers: str) -> list[str]:
    """Return what is found where the machine's programs answer so; no daemon runs on a state directory that is not."""
    said = WELL | {name.replace("_", "-"): text for name, text in answers.items()}
    settings = Settings.model_validate(
        {"daemon": {"state_directory": str(tmp_path / "none")}, "gate": {"enabled": True}}
    )

    def answer(command: Sequence[str]) -> str:
        return said.get(command[0], "")

    return [problem.headline() for problem in machine_problems(settings, answer, tmp_path)]


SICK = [
    ({"systemctl": ""}, "the unit is not installed"),
    ({"systemctl": WELL["systemctl"].replace("=enabled", "=disabled")}, "does not start with the machine"),
    ({"systemctl": WELL["systemctl"].replace("=active", "=failed")}, "it is failed"),
    ({"systemctl": WELL["systemctl"].replace("=0", "=7")}, "started again 7 times"),
    ({"timedatectl": "no\n"}, "keeps the clock of this machine right"),
    ({"dpkg_query": "1.5.2-6+deb12u1"}, "Linux-PAM 1.5 gives no new password"),
]


@pytest.mark.parametrize(("answers", "problem"), SICK)
def test_each_trouble_is_found_alone(tmp_path: Path, answers: dict[str, str], problem: str) -> None:
    """One thing that is wrong gives one finding, and a machine that is well gives none."""
    (only,) = found(tmp_path, **answers)
    assert problem in only
    assert [] == found(tmp_path)


def test_a_machine_that_does_not_answer_is_not_accused(tmp_path: Path) -> None:
    """Where there is no clock service and no package manager to ask, nothing is said of clock and Linux-PAM."""
    assert [] == found(tmp_path, timedatectl="", dpkg_query="")


def test_a_full_disk_and_a_daemon_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are told of the state directory."""
    settings = Settings.model_validate({"daemon": {"state_directory": str(tmp_path)}})
    usage = type(shutil.disk_usage(tmp_path))(1 << 40, (1 << 40) - (5 << 20), 5 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    problems = [problem.message for problem in machine_problems(settings, lambda _: "", tmp_path / "no-systemd")]
    assert ["no daemon runs on this state directory", "only 5 MiB are free where the store is"] == problems


def test_programs_are_asked_and_never_raise() -> None:
    """A real program's words come back; one that fails, or is not there, says nothing."""
    assert "here\n" == ask(["echo", "here"])
    assert ("", "") == (ask(["false"]), ask(["no-such-program-anywhere"]))
