"""A store that is copied to the other kind of database, in the middle of everything, goes on there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from credwatch.store.cases.case_list import list_incidents
from credwatch.store.state import progress
from kills.files import FileDriver
from kills.holding import hold_each_once, hold_equal
from kills.numbered import numbered_lines
from kills.trial import Place, Stage, killed, quiet
from postgresql_server import Server
from scenarios.daemon import await_

KILLS = 12
_AWAY, _BACK = 4, 8


@pytest.mark.slow
def test_a_copied_store_goes_on_without_a_gap_or_a_repeat(tmp_path: Path, postgresql: Server) -> None:
    """With open windows, cases and waiting messages a store goes to a server and back, among kills: nothing changes."""
    lines = numbered_lines(KILLS * 24, attacks=True)
    held = []

    def moved(stage: Stage, number: int) -> None:
        site = stage.site
        if number == _AWAY:
            server = postgresql.empty_database()
            _busy(stage)
            held.append(_open_state(stage))
            _copy(site.config, str(site.store_file), server.url)
            site.store_file.rename(site.store_file.with_suffix(".before"))
            for name in ("-wal", "-shm"):
                site.store_file.with_name(site.store_file.name + name).unlink(missing_ok=True)
            site.keep_store(server)
        elif number == _BACK:
            assert site.server is not None
            _busy(stage)
            held.append(_open_state(stage))
            _copy(site.config, site.server.url, str(site.store_file))
            site.keep_store(None)
        elif number == KILLS - 1:
            stage.office.open()

    place = Place(tmp_path / "site", FileDriver)
    messages_wait = lambda stage: stage.office.close()  # noqa: E731
    result = killed(place, lines, kills=KILLS, seed="copied", before=messages_wait, between=moved)
    assert all(windows and cases and messages for windows, cases, messages in held), held
    hold_each_once(lines, result)
    hold_equal(quiet(Place(tmp_path / "quiet", FileDriver), lines), result.outcome)


def _busy(stage: Stage) -> None:
    """Let the daemon live until there is something to copy, then kill it."""
    stage.site.started()
    await_(lambda: stage.site.messages("queued", "sending", "refused"), what="messages wait")
    stage.site.kill()


def _open_state(stage: Stage) -> tuple[int, int, int]:
    """Count the pieces of windows, the incidents and the waiting messages that a copy has to carry."""
    with stage.site.store() as database, database.reading() as connection:
        windows = len(list(progress.all_windows(connection)))
        cases = len(list_incidents(connection))
    return windows, cases, len(stage.site.messages("queued", "sending", "refused"))


def _copy(config: Path, source: str, target: str) -> None:
    command = [sys.executable, "-m", "credwatch", "store", "copy", source, target, "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
