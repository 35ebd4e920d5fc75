"""What is installed is locked: each requirement of pyproject.toml, with a digest of each file."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
RUN = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
EXTRAS = [asked for extra in PROJECT["project"]["optional-dependencies"].values() for asked in extra]
LOCKS = {"requirements.lock": RUN, "requirements-dev.lock": [*RUN, *EXTRAS]}
PINS = {name: dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (TOP / name).read_text(), re.M)) for name in LOCKS}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_locked(lock: str) -> None:
    """A requirement that was added, or whose range was changed, asks for `make lock`."""
    for asked in map(Requirement, LOCKS[lock]):
        pinned = PINS[lock].get(canonicalize_name(asked.name))
        assert pinned is not None, f"{asked.name} is not in {lock}: make lock"
        assert asked.specifier.contains(pinned), f"{asked} is locked at {pinned}: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_digest_and_no_address(lock: str) -> None:
    """A file comes from whatever index the machine has, and is installed if it is the one that was tested."""
    text = (TOP / lock).read_text()
    assert [] == re.findall(r"https?://|--index|--find-links", text)
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_both_locks_agree() -> None:
    """What is tested is what is installed."""
    run, dev = PINS["requirements.lock"], PINS["requirements-dev.lock"]
    assert run == {name: dev.get(name) for name in run}


def test_the_ranges_hold_what_runs_here() -> None:
    """Whichever versions these tests run with, pyproject.toml allows them."""
    for asked in map(Requirement, [*RUN, *EXTRAS]):
        if asked.name != "hatchling":
            assert asked.specifier.contains(version(asked.name), prereleases=True), asked
