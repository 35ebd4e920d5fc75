"""Each row of docs/failure-modes.md, before and during the run: told, the rest goes on, nothing is lost.

A test is named after its row. None of them looks at the clock: what must be told within ten seconds is waited for.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import guessing
from scenarios.manager import Manager, a_manager
from scenarios.post_office import PostOffice, a_free_port, a_post_office
from scenarios.site_files import SETTINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failure-modes.md"
WITH_GATE = SETTINGS.replace(
    "enabled = false", 'socket = "{folder}/gate.sock"\nevents_file = "{folder}/state/gate.jsonl"'
)
ADDRESSES = iter(f"203.0.113.{number}" for number in range(1, 200))


class Place(Struct):
    """A site with a gate, the mail server it writes to and the manager it speaks to."""

    site: Site
    office: PostOffice
    manager: Manager

    @property
    def gate(self) -> Path:
        """Where the gate's socket should be."""
        return self.site.folder / "gate.sock"

    def begin(self) -> None:
        """Start the daemon, and wait until it has answered the manager once, ready or not."""
        self.site.start()
        await_(lambda: self.manager.status() or not self.site.runs(), what="the daemon has begun")
        assert self.site.runs(), self.site.log()

    def ready(self) -> None:
        """Wait until everything listens and runs."""
        await_(self.manager.is_ready, what="READY is said")
        assert "every part lives" == self.manager.status()

    def finds(self) -> None:
        """Somebody guesses: the daemon reads, detects, opens a case and has the customer told."""
        before, letters = len(self.site.incidents()), len(self.office.letters)
        append(self.site.auth_log, *guessing(3600 * (1 + before), "quocbao", next(ADDRESSES)))
        await_(lambda: len(self.site.incidents()) > before, what="the guessing is found")
        await_(lambda: len(self.office.letters) > letters, what="somebody is told")

    def answers(self) -> bool:
        """Say whether the gate answers."""
        try:
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.gate)), base_url="http://gate") as http:
                return http.get("/v1/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def tells(self, *words: str) -> None:
        """Wait until the log says a line with all of these words."""

        def is_told() -> bool:
            return any(all(word in line for word in words) for line in self.site.log().splitlines())

        await_(is_told, what=f"the log says {words}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Furnish a site with a gate whose daemon speaks to a manager."""
    with (
        a_manager(tmp_path / "notify", monkeypatch) as manager,
        a_post_office() as office,
        a_site(tmp_path / "site", office.port, settings=WITH_GATE, command=RUN_UNCHECKED) as site,
    ):
        yield Place(site, office, manager)


def _check(site: Site) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "credwatch", "check", "--config", str(site.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _in_the_way(place: Place, *, what: str) -> None:
    """Hold that an obstacle at the gate's path is found by check, told by the daemon, and keeps nothing else."""
    checked = _check(place.site)
    assert 1 == checked.returncode
    assert str(place.gate) in checked.stderr
    assert what in checked.stderr
    place.begin()
    place.tells("part.down", '"gate"', what, str(place.gate))
    assert place.manager.status().startswith("not well: gate: ")
    assert 0 == place.site.metric('credwatch_part_up{part="gate"}')
    place.finds()
    assert not place.manager.is_ready()


def test_gate_file_before(place: Place) -> None:
    """A file lies where the socket should be; once it is gone, the gate answers and the start is over."""
    place.gate.write_text("keep me")
    _in_the_way(place, what="a file that is no socket is in the way")
    assert "keep me" == place.gate.read_text()
    place.gate.unlink()
    place.ready()
    assert place.answers()


def test_gate_folder_before(place: Place) -> None:
    """A folder lies there."""
    place.gate.mkdir()
    _in_the_way(place, what="a folder is in the way")
    place.gate.rmdir()
    place.ready()
    assert place.answers()


def test_gate_taken_before(place: Place) -> None:
    """Another program listens there, and is named by its process."""
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(place.gate))
        foreign.listen(64)
        _in_the_way(place, what="another program listens on this socket")
    place.ready()
    assert place.answers()


def test_gate_removed(place: Place) -> None:
    """Somebody deletes the socket: it is made again."""
    place.begin()
    place.ready()
    place.gate.unlink()
    place.tells("part.down", '"gate"', "the socket was removed or replaced")
    await_(place.answers, what="the gate answers again")
    await_(lambda: place.manager.status() == "every part lives", what="the manager hears of it")
    assert 1 == place.site.metric('credwatch_part_deaths_total{part="gate"}')
    place.finds()


def test_gate_replaced(place: Place) -> None:
    """Somebody puts a file in the socket's place: it is told, kept, and no obstacle to the rest."""
    place.begin()
    place.ready()
    place.gate.unlink()
    place.gate.write_text("keep me")
    place.tells("part.down", '"gate"', "is in the way")
    place.finds()
    assert "keep me" == place.gate.read_text()
    place.gate.unlink()
    await_(place.answers, what="the gate answers again")


def test_metrics_port_before(place: Place) -> None:
    """Another program has the port; once it is free, the metrics are served and the start is over."""
    port = a_free_port()
    text = place.site.config.read_text().replace("[metrics]\nport = 0", f"[metrics]\nport = {port}")
    place.site.config.write_text(text)
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", port))
        foreign.listen()
        checked = _check(place.site)
        assert (1, True) == (checked.returncode, f"cannot listen on 127.0.0.1:{port}" in checked.stderr)
        place.begin()
        place.tells("part.down", '"metrics"', f"127.0.0.1:{port}")
        assert place.manager.status().startswith("not well: metrics: ")
        place.finds()
        assert not place.manager.is_ready()
    place.ready()
    assert 1 == place.site.metric('credwatch_part_up{part="metrics"}')


def test_second_daemon(place: Place) -> None:
    """It refuses to start and names the first; the first goes on, and so do commands that only read."""
    place.begin()
    place.ready()
    assert place.site.process is not None
    command = [sys.executable, "-m", "credwatch", "run", "--config", str(place.site.config)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert 2 == second.returncode
    assert f"in use by process {place.site.process.pid}" in second.stderr
    checked = _check(place.site)
    assert (0, "") == (checked.returncode, re.sub("no problems found.*\n", "", checked.stderr))
    place.finds()


def test_the_page_has_a_row_for_each_test() -> None:
    """Rows of docs/failure-modes.md and tests of this file are the same set."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert len(rows) == len(set(rows))
    assert {*rows} == tests - {"the_page_has_a_row_for_each_test"}
