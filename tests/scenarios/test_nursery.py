"""Lives that are forked are what lives that start by exec are, but for the time that they take."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from scenarios.daemon import RUN_UNCHECKED, SOURCE_ROOT, Site, a_site
from scenarios.nursery import Nursery
from scenarios.nursery_process import threads_that_a_fork_loses

_WHO = """
import os, sys, threading
from pathlib import Path
import polars as pl
tasks = len(list(Path("/proc/self/task").iterdir()))
print(tasks, pl.DataFrame({"a": ["x", "y"] * 1000}).select(pl.col("a").str.extract("(x)")).height, flush=True)
print(len(list(Path("/proc/self/task").iterdir())) > tasks, os.environ["CREDWATCH_TEST"])
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Furnish a site whose daemon does not run."""
    with a_site(tmp_path, 9, command=RUN_UNCHECKED) as furnished:
        return furnished


def test_a_life_begins_with_one_thread_and_with_pools_of_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the nursery has read for a site, it has started no pool; a life starts its own, and they work."""
    monkeypatch.setenv("CREDWATCH_TEST", "as the test's")
    nursery = Nursery(SOURCE_ROOT)
    try:
        for _ in range(2):
            assert 0 == nursery.start(_WHO, site.config, tmp_path / "said").wait(60)
            assert "1 2000\nTrue as the test's\n" == (tmp_path / "said").read_text()
    finally:
        nursery.close()


def test_no_life_is_longer_than_its_nursery(site: Site, tmp_path: Path) -> None:
    """Where the tests end in whatever way, so does every daemon that they have started."""
    nursery = Nursery(SOURCE_ROOT)
    life = nursery.start("import time; time.sleep(3600)", site.config, tmp_path / "said")
    assert life.poll() is None
    nursery.close()
    with suppress(FileNotFoundError, ProcessLookupError):  # it is gone, perhaps while it is looked at
        while True:
            assert Path(f"/proc/{life.pid}/stat").read_text().rpartition(")")[2].split()[0] in "RSDZX"


def test_any_other_thread_is_seen() -> None:
    """One that waits in the same process is one that a fork would lose."""
    before, over = len(threads_that_a_fork_loses()), threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert before + 1 == len(threads_that_a_fork_loses())
    over.set()
    thread.join()
