"""Each row of docs/failure-modes.md, before and during the run: told, the rest goes on, nothing is lost.

A test is named after its row. None of them looks at the clock: what must be told within ten seconds is waited for.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from msgspec import Struct
from sqlalchemy import select

from certificates import Authority
from child_server import a_free_port
from credwatch.store.database import Database
from credwatch.store.state import progress
from credwatch.telemetry.label_values import PARTS
from nats_server import NatsServerProcess, a_nats_server
from rest_services import TOKEN, OktaServer, a_service, okta_event
from scenarios.daemon import PATIENCE, RUN, RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app_guessing, guessing
from scenarios.manager import Manager, a_manager
from scenarios.post_office import PostOffice, a_post_office
from scenarios.pulling import service_source, table_source
from scenarios.pushing import PatientShipper, pushed_settings
from unit.sources.journal.written import Journal
from unit.sources.sql.tables import SqliteTable, logins

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failure-modes.md"
WITH_GATE = pushed_settings(0).replace(
    "enabled = false", 'socket = "{folder}/gate.sock"\nevents_file = "{folder}/state/gate.jsonl"'
)
NUMBERS = iter(range(1, 250))


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
        before, number = len(self.site.incidents()), next(NUMBERS)
        user = f"user{number}@haiau.example"
        append(self.site.auth_log, *guessing(60 * number, user, f"203.0.113.{number}"))
        await_(lambda: len(self.site.incidents()) > before, what="the guessing is found")
        await_(lambda: any(user.encode() in it.content for it in list(self.office.letters)), what="somebody is told")

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
    command = [sys.executable, "-m", "credwatch", "check", "--offline", "--config", str(site.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)


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


def test_push_port_before(place: Place) -> None:
    """Another program has the port; the rest goes on, and once it is free, shippers can push."""
    port = a_free_port()
    text = place.site.config.read_text().replace("[push]\nport = 0", f"[push]\nport = {port}")
    place.site.config.write_text(text)
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", port))
        foreign.listen()
        checked = _check(place.site)
        assert (1, True) == (checked.returncode, f"push: cannot listen on 127.0.0.1:{port}" in checked.stderr)
        place.begin()
        place.tells("part.down", '"push"', f"127.0.0.1:{port}")
        place.finds()
        assert 0 == place.site.metric('credwatch_source_up{source="shipped"}')
        assert not place.manager.is_ready()
    place.ready()
    assert 200 == PatientShipper(port).post("/lines", "a line").status_code
    await_(lambda: place.site.metric('credwatch_source_up{source="shipped"}') == 1, what="the source is up")


def test_memory_at_limit(place: Place) -> None:
    """The system gives no memory for a batch: it is taken again in smaller pieces, each line once."""
    place.site.command = _patched("""
def gather(self, turn, gathered=supervisor.Pipeline.gather):
    if (site / "defect").exists() and any(part.size > 2000 for part in turn.parts):
        raise MemoryError
    return gathered(self, turn)


supervisor.Pipeline.gather = gather
""")
    place.begin()
    place.ready()
    before = place.site.lines_taken()
    (place.site.folder / "defect").touch()
    append(place.site.auth_log, *[f"2026-03-02T01:00:{at:02}Z web1 sshd[7]: hello {at}" for at in range(60)])
    place.tells("pipeline.failed", "MemoryError")
    (place.site.folder / "defect").unlink()
    await_(lambda: place.site.lines_taken() == before + 60, what="each line is taken")
    place.finds()


def test_certificate_ends(place: Place) -> None:
    """The certificate of a listener ends today: it is warned of, and the metric says when."""
    certificate, key = Authority(place.site.folder).issued("listener", days=0.5)
    names = f'certificate = "{certificate}"\ncertificate_key = "{key}"\n'
    _with_source(place, f'id = "net"\nkind = "syslog"\ntls_port = 0\n{names}')
    checked = _check(place.site)
    assert (0, True) == (checked.returncode, "the certificate ends on" in checked.stderr)
    place.begin()
    place.ready()
    end = place.site.metric('credwatch_certificate_end_timestamp_seconds{listener="net"}')
    assert end is not None
    assert 0 < end - time.time() < 86_400
    place.finds()


def _with_source(place: Place, table: str) -> None:
    text = place.site.config.read_text(encoding="utf-8")
    place.site.config.write_text(text.replace("[[source]]", f"[[source]]\n{table}[[source]]", 1), encoding="utf-8")


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


def _run(site: Site) -> subprocess.CompletedProcess[str]:
    """Start the daemon as systemd does, and return how it ended by itself."""
    command = [sys.executable, "-m", "credwatch", "run", "--config", str(site.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _refused(site: Site, *words: str) -> None:
    """Hold that the daemon does not start, with exit 2, and says these words."""
    ended = _run(site)
    assert 2 == ended.returncode, ended.stderr
    assert all(word in ended.stderr for word in words), ended.stderr
    assert "Traceback" not in ended.stderr


_PATCHED = """
import asyncio, sys, time
from datetime import timedelta
from pathlib import Path
from credwatch.service import supervisor
from credwatch.service.parts import interface
from credwatch.kernel.clock import system_clock
from credwatch.outbox import retry
from credwatch.telemetry.logs import configure_logs
configure_logs("json")
site, clock = Path(sys.argv[1]).parent, system_clock
retry.FIRST = retry.LONGEST = timedelta(seconds=1)
def is_asked(name):
    if (site / name).exists():
        (site / name).unlink()
        return True
{patch}
asyncio.run(supervisor.Supervisor(Path(sys.argv[1]), clock=clock).run())
"""


def _patched(patch: str = "") -> tuple[str, ...]:
    """Return the daemon, impatient with its mail server, and with a defect that a file in its folder switches on."""
    return ("-c", _PATCHED.format(patch=patch))


def _mail_down(place: Place) -> None:
    """Hold that notices are tried again, told and counted, and leave once the mail server is back."""
    append(place.site.auth_log, *guessing(60, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    place.tells("outbox.settled", "Retry")
    await_(lambda: (place.site.metric('credwatch_deliveries_total{result="retry"}') or 0) > 1, what="it is tried again")
    assert place.site.messages("queued", "sending")
    assert not place.office.letters
    place.office.open()
    await_(lambda: not place.site.messages("queued", "sending"), what="nothing waits")
    assert sorted(it.command.id for it in place.site.messages("delivered")) == sorted(
        it.id for it in place.office.letters
    )


def test_mail_before(place: Place) -> None:
    """The mail server does not answer when the daemon starts."""
    place.site.command = _patched()
    place.office.close()
    place.begin()
    place.ready()
    _mail_down(place)


def test_mail_during(place: Place) -> None:
    """The mail server goes while the daemon runs."""
    place.site.command = _patched()
    place.begin()
    place.ready()
    place.office.close()
    _mail_down(place)


def test_metrics_end(place: Place) -> None:
    """The metrics' server ends by itself: it is told, and served again."""
    place.site.command = _patched("""
def serve(metrics, address, port, serve=supervisor.serve_metrics):
    served = serve(metrics, address, port)
    is_alive = type(served).is_alive
    type(served).is_alive = lambda self: not is_asked("end") and is_alive(self)
    return served
supervisor.serve_metrics = serve
""")
    place.begin()
    place.ready()
    (place.site.folder / "end").touch()
    place.tells("part.down", '"metrics"')
    await_(lambda: place.site.log().count("metrics.listening") == 2, what="the metrics are served again")
    place.finds()


def test_reader_dies(place: Place) -> None:
    """A defect ends the reading thread: another one goes on from what was committed, and counts no line twice."""
    place.site.command = _patched("""
def turned(self, name, source, turned=supervisor.Supervisor._turned):
    if is_asked("die"):
        raise MemoryError
    turned(self, name, source)
supervisor.Supervisor._turned = turned
def between(self, batches=supervisor.Reader._do_between):
    batches(self)
    if is_asked("die-between"):
        raise RuntimeError("a defect")
supervisor.Reader._do_between = between
""")
    place.begin()
    place.ready()
    place.finds()
    (place.site.folder / "die-between").touch()
    place.tells("part.down", '"reader"', "RuntimeError")
    assert 1 == place.site.metric('credwatch_part_deaths_total{part="reader"}')
    place.finds()
    await_(lambda: place.site.lines_taken() == 22, what="each line is counted once")
    await_(lambda: place.manager.status() == "every part lives", what="the manager hears of it")


def test_outbox_dies(place: Place) -> None:
    """A defect ends the delivery: it begins again, and every message leaves once."""
    place.site.command = _patched("""
async def turn(self, turn=supervisor.Dispatcher._turn):
    if is_asked("die"):
        raise SystemError("a defect")
    await turn(self)
supervisor.Dispatcher._turn = turn
""")
    place.begin()
    place.ready()
    (place.site.folder / "die").touch()
    append(place.site.auth_log, *guessing(60, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    place.tells("part.down", '"dispatcher"', "a defect")
    await_(lambda: place.office.letters and not place.site.messages("queued", "sending"), what="nothing waits")
    assert {1} == {*Counter(letter.id for letter in place.office.letters).values()}


def test_reader_hangs(place: Place) -> None:
    """A reader that makes no turn is told, and the watchdog gets no answer: systemd starts the daemon again."""
    place.site.command = _patched("""
interface.STILL_SECONDS = 4.0
systemd_usec = __import__("os").environ.__setitem__("WATCHDOG_USEC", "2000000")
def between(self, batches=supervisor.Reader._do_between):
    batches(self)
    if is_asked("hang"):
        time.sleep(3600)
supervisor.Reader._do_between = between
""")
    place.begin()
    place.ready()
    (place.site.folder / "hang").touch()
    place.tells("part.stands_still", '"reader"')
    said = place.manager.said().count("WATCHDOG=1")
    await_(lambda: "standing" in place.manager.status() or "7 seconds" in place.manager.status(), what="it goes on")
    assert said == place.manager.said().count("WATCHDOG=1")
    assert 0 == place.site.metric('credwatch_part_up{part="reader"}')
    place.site.kill()
    place.site.command = RUN_UNCHECKED
    place.begin()
    place.finds()


def test_source_missing_before(place: Place) -> None:
    """A log is not there: the others are read, and it is from its start once it comes."""
    place.site.auth_log.unlink()
    checked = _check(place.site)
    assert (1, True) == (checked.returncode, "auth.log does not exist" in checked.stderr)
    place.begin()
    place.ready()
    place.tells("source.missing", "auth.log")
    assert 0 == place.site.metric('credwatch_source_up{source="servers"}')
    _others_are_read(place)
    place.finds()
    assert 1 == place.site.metric('credwatch_source_up{source="servers"}')


def test_source_vanishes(place: Place) -> None:
    """Somebody deletes a log while it is read."""
    place.begin()
    place.ready()
    place.finds()
    place.site.auth_log.unlink()
    place.tells("source.missing", "auth.log")
    assert 0 == place.site.metric('credwatch_source_up{source="servers"}')
    _others_are_read(place)
    place.finds()
    place.tells("source.back", "auth.log")


def test_source_unreadable(place: Place) -> None:
    """A log cannot be read: a folder lies in its place, for root may read every file."""
    place.begin()
    place.ready()
    place.site.auth_log.unlink()
    place.site.auth_log.mkdir()
    place.tells("source.failed", "auth.log", "not a regular file")
    await_(lambda: 0 == place.site.metric('credwatch_source_up{source="servers"}'), what="the metric says so")
    _others_are_read(place)
    place.site.auth_log.rmdir()
    place.finds()


def test_source_unreadable_before(place: Place) -> None:
    """The same, when the daemon starts."""
    place.site.auth_log.unlink()
    place.site.auth_log.mkdir()
    place.begin()
    place.ready()
    place.tells("source.failed", "auth.log", "not a regular file")
    _others_are_read(place)
    place.site.auth_log.rmdir()
    place.finds()


JOURNAL_SOURCE = """
[[source]]
id = "journal"
kind = "journal"
directory = "{folder}"
read_from = "start"
"""


def _with_journal(place: Place, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Have the daemon follow a journal, too, with a journalctl of ours; what it had too little time for is history."""
    folder, programs = place.site.folder / "journal", place.site.folder / "bin"
    folder.mkdir()
    programs.mkdir()
    journal = Journal(folder)
    program = programs / "journalctl"
    program.write_text(f'#!/bin/sh\nexec {folder}/journalctl {folder} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with place.site.config.open("a") as config:
        config.write(JOURNAL_SOURCE.format(folder=folder))
    return journal


def _takes(place: Place, journal: Journal, number: int) -> None:
    """Each entry becomes one line."""
    before = place.site.lines_taken()
    journal.write(*(f"Failed password for root from 203.0.113.{at} port 4711 ssh2" for at in range(number)))
    await_(lambda: place.site.lines_taken() >= before + number, what="the entries are read")
    assert before + number == place.site.lines_taken()


def test_journal_ends(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """journalctl ends while it is read: it is started again, and no entry is lost or read twice."""
    journal = _with_journal(place, monkeypatch)
    place.begin()
    place.ready()
    _takes(place, journal, 3)
    (journal.folder / "end").touch()
    place.tells("source.failed", "journalctl has ended", "it has had enough")
    _takes(place, journal, 4)
    _others_are_read(place)
    assert 1 == place.site.metric('credwatch_source_file_events_total{source="journal",what="restarts"}')


def test_journal_refused_before(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal may not be read when the daemon starts: the others are, and it is once it may."""
    journal = _with_journal(place, monkeypatch)
    journal.refuse("No journal files were opened due to insufficient permissions.")
    place.begin()
    place.ready()
    place.tells("source.failed", "systemd-journal")
    await_(lambda: 0 == place.site.metric('credwatch_source_up{source="journal"}'), what="the metric says so")
    _others_are_read(place)
    journal.refuse("")
    _takes(place, journal, 3)


def test_journal_vacuumed_before(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries were deleted while the daemon was down: it says so, and reads what is there."""
    journal = _with_journal(place, monkeypatch)
    place.begin()
    place.ready()
    _takes(place, journal, 3)
    place.site.kill()
    journal.write("one", "two", "three")
    journal.vacuum(4)
    before = place.site.lines_taken()
    place.begin()
    place.ready()
    place.tells("source.lines_may_be_lost", "vacuumed")
    await_(lambda: before + 2 == place.site.lines_taken(), what="what is there is read")


def _with_service(place: Place, server: OktaServer) -> None:
    """Have the daemon ask a service, too."""
    with place.site.config.open("a") as config:
        config.write(service_source(server, place.site.folder))


def _asks(place: Place, server: OktaServer, number: int) -> None:
    """Each event that the service has becomes one line, and none becomes two."""
    before = place.site.lines_taken()
    begin = len(server.events)
    server.add(*(okta_event(at, time.time()) for at in range(begin, begin + number)))
    await_(lambda: place.site.lines_taken() >= before + number, what="the events are read")
    asked = len(server.asked)
    await_(lambda: len(server.asked) > asked + 2, what="it is asked again")
    assert before + number == place.site.lines_taken()


def test_service_away(place: Place) -> None:
    """A service answers with errors for a while: that is told, the logs are read, and then its events, once each."""
    with a_service(OktaServer) as server:
        _with_service(place, server)
        place.begin()
        place.ready()
        _asks(place, server, 3)
        server.refuse(502, times=3)
        place.tells("source.failed", "service", "answers 502")
        await_(lambda: 0 == place.site.metric('credwatch_source_up{source="service"}'), what="the metric says so")
        _others_are_read(place)
        _asks(place, server, 3)
        await_(lambda: 1 == place.site.metric('credwatch_source_up{source="service"}'), what="the metric says so")


def test_service_refused_before(place: Place) -> None:
    """The token is wrong when the daemon starts: the logs are read, and once it is right, the events are."""
    with a_service(OktaServer) as server:
        _with_service(place, server)
        server.token = "another"
        place.begin()
        place.ready()
        place.tells("source.failed", "answers 401", "check the token")
        _others_are_read(place)
        (place.site.folder / "token").write_text("another")
        _asks(place, server, 3)
        assert TOKEN not in place.site.log()


def test_service_throttles(place: Place) -> None:
    """A service wants to be left alone for an hour: it is, nothing else waits, and what is not seen is told."""
    with a_service(OktaServer) as server:
        _with_service(place, server)
        place.begin()
        place.ready()
        _asks(place, server, 3)
        server.refuse(429, times=100, Retry_After="3600")
        place.tells("source.failed", "allows no further requests")
        what = 'credwatch_source_file_events_total{source="service",what="throttled"}'
        await_(lambda: 1 == place.site.metric(what), what="the metric says so")
        _others_are_read(place)
        assert 99 == len(server.faults)
        place.site.kill()
        server.faults.clear()
        place.begin()
        place.ready()
        _asks(place, server, 3)


def test_service_forgot_before(place: Place) -> None:
    """A service has forgotten the place while the daemon was down: it says so, and nothing comes twice."""
    with a_service(OktaServer) as server:
        _with_service(place, server)
        place.begin()
        place.ready()
        _asks(place, server, 3)
        place.site.kill()
        server.expired = True
        before = place.site.lines_taken()
        server.add(okta_event(77, time.time()))
        place.begin()
        place.ready()
        place.tells("source.lines_may_be_lost", "expired")
        await_(lambda: before + 1 == place.site.lines_taken(), what="what it still has is read")
        _asks(place, server, 3)


def test_database_away(place: Place) -> None:
    """A table cannot be read for a while: that is told, the logs are read, and then its rows, once each."""
    table = SqliteTable(place.site.folder)
    with place.site.config.open("a") as config:
        config.write(table_source(table))
    place.begin()
    place.ready()
    table.run("ALTER TABLE logins RENAME TO away")
    place.tells("source.failed", "the database refuses", "no such table")
    _others_are_read(place)
    before = place.site.lines_taken()
    table.run("ALTER TABLE away RENAME TO logins", logins(1, 2, 3))
    await_(lambda: before + 3 == place.site.lines_taken(), what="the rows are read")


def _others_are_read(place: Place) -> None:
    before = place.site.lines_taken()
    append(
        place.site.application_log, *app_guessing(60, "ke.toan@haiau.example", "hai-au", f"198.51.100.{next(NUMBERS)}")
    )
    await_(lambda: place.site.lines_taken() == before + 11, what="the other log is read")


def test_register_broken_before(place: Place) -> None:
    """A register cannot be read: who must be told is not known, so the daemon does not start, and says why."""
    customers = place.site.folder / "registers" / "customers.toml"
    customers.write_text("[[customer]\n")
    _refused(place.site, str(customers))
    assert 1 == _check(place.site).returncode


def test_register_broken(place: Place) -> None:
    """An edit breaks a register while the daemon runs: the last good state stays in force."""
    customers = place.site.folder / "registers" / "customers.toml"
    good = customers.read_text()
    place.begin()
    place.ready()
    customers.write_text("[[customer]\n")
    place.tells("reload.failed", str(customers))
    assert 0 == place.site.metric("credwatch_reload_success")
    place.finds()
    customers.write_text(good)
    place.tells("reload.done")


def test_register_removed(place: Place) -> None:
    """Somebody deletes a register while the daemon runs: customers are told all the same."""
    customers = place.site.folder / "registers" / "customers.toml"
    good = customers.read_text()
    place.begin()
    place.ready()
    customers.unlink()
    place.tells("reload.failed", str(customers), "the register is gone")
    assert 0 == place.site.metric("credwatch_reload_success")
    place.finds()
    assert any(incident.organization == "hai-au" for incident in place.site.incidents())
    customers.write_text(good)
    place.tells("reload.done")


def test_register_removed_before(place: Place) -> None:
    """Without a register of customers the daemon starts, and warns that nobody is told."""
    for name in ("customers.toml", "authorisations.toml"):  # which names a customer
        (place.site.folder / "registers" / name).unlink()
    checked = _check(place.site)
    assert (1, True) == (checked.returncode, "there is no register of customers" in checked.stderr)
    place.site.command = RUN
    place.begin()
    place.tells("check.warned", "customers.toml")
    append(place.site.auth_log, *guessing(60, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    await_(place.site.incidents, what="a case opens")
    assert not any(incident.organization for incident in place.site.incidents())


_STEPPED = """
from datetime import datetime, UTC
def clock():
    told = (site / "step").read_text() if (site / "step").exists() else "0"
    return datetime.now(UTC) + timedelta(seconds=float(told or 0))
"""


@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_clock_steps(place: Place, seconds: int) -> None:
    """The clock is set back or forward by two hours: it is told, and notices leave as before."""
    place.site.command = _patched(_STEPPED)
    place.begin()
    place.ready()
    place.finds()
    (place.site.folder / "step").write_text(str(seconds))
    place.tells("clock.stepped")
    place.finds()
    await_(lambda: not place.site.messages("queued", "sending"), what="nothing waits")
    assert {} == {name: it for name, it in _parts(place).items() if it != 1}


def test_clock_wrong_before(place: Place) -> None:
    """The clock was two hours ahead until the daemon ended: what was to be done then is not waited for."""
    place.site.command = _patched(_STEPPED)
    (place.site.folder / "step").write_text("7200")
    place.office.close()
    place.begin()
    place.ready()
    append(place.site.auth_log, *guessing(60, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    place.tells("outbox.settled", "Retry")
    assert 0 == place.site.terminate()
    (place.site.folder / "step").unlink()
    place.office.open()
    place.site.start()
    await_(lambda: place.office.letters and not place.site.messages("queued", "sending"), what="nothing waits")


def _parts(place: Place) -> dict[str, float | None]:
    """Tell of each part whether it lives; pages, ticket systems and incoming mail are off here."""
    on = (part for part in PARTS if part not in ("portal", "access_api", "inbox", "inbox_imap", "inbox_lmtp"))
    return {part: place.site.metric(f'credwatch_part_up{{part="{part}"}}') for part in on}


@pytest.mark.store_file
def test_store_locked(place: Place) -> None:
    """Another program holds the store: lines wait in their files, and are taken once it lets go."""
    place.begin()
    place.ready()
    place.finds()
    with closing(sqlite3.connect(place.site.folder / "state" / "credwatch.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        append(place.site.auth_log, *guessing(7200, "quocbao", f"198.51.100.{next(NUMBERS)}"))
        place.tells("store.failed", "database is locked", "credwatch.sqlite")
        assert (place.site.metric("credwatch_store_failures_total") or 0) >= 1
        other.execute("ROLLBACK")
    await_(lambda: place.site.lines_taken() == 22, what="the lines are taken")


@pytest.mark.store_file
def test_store_locked_before(place: Place) -> None:
    """Another program holds a store when the daemon starts: it ends and says so, and systemd tries again."""
    place.begin()
    place.ready()
    assert 0 == place.site.terminate()
    append(place.site.auth_log, *guessing(7200, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    store = place.site.folder / "state" / "credwatch.sqlite"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        _refused(place.site, "database is locked", str(store))
        other.execute("ROLLBACK")
    place.site.start()
    await_(lambda: place.site.lines_taken() == 11, what="the lines are taken")


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """Let the state directory be a file system of its own, of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    folder = place.site.folder / "state"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)
    yield folder
    if place.site.runs():
        place.site.kill()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return filler


def test_store_full(place: Place, small_disk: Path) -> None:
    """The disk is full while the daemon runs: lines wait, and are taken once there is room."""
    place.begin()
    place.ready()
    place.finds()
    filler = _fill(small_disk)
    append(place.site.auth_log, *(f"no pack knows line {number} {'x' * 200}" for number in range(3000)))
    place.tells("store.failed")
    filler.unlink()
    await_(lambda: place.site.lines_taken() == 11 + 3000, what="the lines are taken")
    place.finds()


def test_archive_folder_before(place: Place) -> None:
    """A file lies where the archive's folder should be: that is told, detection goes on, and events move afterwards."""
    place.site.command = _patched("from credwatch.service import archiving\narchiving._ENOUGH_BYTES = 1")
    archive = place.site.folder / "state" / "archive"
    archive.write_text("in the way")
    place.begin()
    place.ready()
    place.finds()
    place.tells("archive.failed", str(archive))
    archive.unlink()
    place.tells("archive.works_again")
    await_(lambda: list(archive.glob("segments/*.parquet")), what="the events have moved")


def test_archive_refuses(place: Place) -> None:
    """The archive's disk is full: that is told, detection goes on, and events move once there is room."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    place.site.command = _patched("from credwatch.service import archiving\narchiving._ENOUGH_BYTES = 1")
    archive = place.site.folder / "state" / "archive"
    archive.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(archive)], check=True)
    try:
        filler = _fill(archive)
        place.begin()
        place.ready()
        place.finds()
        place.tells("archive.failed", "No space left")
        filler.unlink()
        place.tells("archive.works_again")
        await_(lambda: list(archive.glob("segments/*.parquet")), what="the events have moved")
    finally:
        if place.site.runs():
            place.site.kill()
        subprocess.run(["umount", "--lazy", str(archive)], check=True)


def test_store_read_only_before(place: Place, small_disk: Path) -> None:
    """The state directory cannot be written: the daemon does not start and names it."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    _refused(place.site, str(small_disk))


@pytest.mark.store_file
def test_store_corrupt_before(place: Place) -> None:
    """The store is no database any more: the daemon does not start, names it, and leaves it as it is."""
    place.begin()
    place.ready()
    assert 0 == place.site.terminate()
    store = place.site.folder / "state" / "credwatch.sqlite"
    store.write_bytes(b"\xaa" * store.stat().st_size)
    _refused(place.site, str(store))
    assert {0xAA} == {*store.read_bytes()}


@pytest.mark.store_file
def test_store_empty_before(place: Place) -> None:
    """The store has lost all it held: the daemon does not start, and takes it for no new one."""
    store = place.site.folder / "state" / "credwatch.sqlite"
    store.touch()
    _refused(place.site, str(store))
    assert 0 == store.stat().st_size


@pytest.mark.store_file
def test_store_newer_before(place: Place) -> None:
    """A newer version has made the store: the daemon does not start, and leaves it as it is."""
    store = place.site.folder / "state" / "credwatch.sqlite"
    Database(store).migrate()
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    _refused(place.site, "9999")


@pytest.mark.store_file
def test_store_corrupt(place: Place) -> None:
    """The store is overwritten while the daemon runs: it is told, and lines wait in their files."""
    place.begin()
    place.ready()
    place.finds()
    store = place.site.folder / "state" / "credwatch.sqlite"
    for name in ("credwatch.sqlite", "credwatch.sqlite-wal"):
        file = store.with_name(name)
        with file.open("r+b") as opened:
            opened.write(b"\xaa" * file.stat().st_size)
    append(place.site.auth_log, *guessing(7200, "quocbao", f"198.51.100.{next(NUMBERS)}"))
    place.tells("store.failed", "credwatch.sqlite")
    assert (place.site.metric("credwatch_store_failures_total") or 0) >= 1


def _with_stream(place: Place, server: NatsServerProcess) -> None:
    table = f'[[source]]\nid = "stream"\nkind = "nats"\nservers = ["{server.url}"]\nstream = "LINES"\nack_seconds = 2\n'
    place.site.config.write_text(place.site.config.read_text() + table)


def _is_up(place: Place, value: int) -> None:
    await_(lambda: value == place.site.metric('credwatch_source_up{source="stream"}'), what="the metric says so")


def test_stream_missing_before(place: Place, tmp_path: Path) -> None:
    """There is no such stream: that is told with how to make it; once it is there its lines are read."""
    with a_nats_server(tmp_path / "nats") as server:
        _with_stream(place, server)
        place.begin()
        place.tells("nats.failed", "there is no stream LINES", "nats stream add")
        place.ready()
        _is_up(place, 0)
        server.make_stream()
        server.publish(("lines.a", f"{guessing(0, 'quocbao', '203.0.113.7')[0]}\n".encode(), {}))
        await_(lambda: place.site.lines_taken() >= 1, what="its line is read")


def test_stream_away(place: Place, tmp_path: Path) -> None:
    """The server goes while the daemon runs; the logs are read, and then what the stream has, once."""
    with a_nats_server(tmp_path / "nats") as server:
        server.make_stream()
        _with_stream(place, server)
        place.begin()
        place.ready()
        server.publish(("lines.a", b"a line\n", {}))
        await_(lambda: place.site.lines_taken() == 1, what="its line is read")
        server.kill()
        place.tells("nats.failed", "stream")
        _is_up(place, 0)
        server.start()
        server.publish(("lines.a", b"another line\n", {}))
        await_(lambda: place.site.lines_taken() == 2, what="its next line is read")
        _is_up(place, 1)


def test_stream_lies(place: Place, tmp_path: Path) -> None:
    """A message says of itself what is not so: its lines are kept as unparsed with the reason, and the next is read."""
    with a_nats_server(tmp_path / "nats") as server:
        server.make_stream()
        _with_stream(place, server)
        headers = {
            "Credwatch-Series": "series-1",
            "Credwatch-Range": "0-999",
            "Credwatch-Host": "a",
            "Credwatch-Log": "b",
        }
        server.publish(("lines.a", b"evil\n", headers), ("lines.a", b"a line\n", {}))
        place.begin()
        await_(lambda: place.site.lines_taken() == 2, what="both are taken")
        with place.site.store() as database, database.reading() as connection:
            rows = {row.reason: row.line for row in connection.execute(select(progress.unparsed))}
        assert {"false_range": "evil", "no_envelope": "a line"} == rows


def test_the_page_has_a_row_for_each_test() -> None:
    """Rows of docs/failure-modes.md and tests of this file are the same set."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert len(rows) == len(set(rows))
    assert {*rows} == tests - {"the_page_has_a_row_for_each_test"}
    elsewhere = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8"))
    for file, name in elsewhere:
        assert re.search(rf"(?:def|class) {name}\b", (PAGE.parents[1] / file).read_text(encoding="utf-8")), name
