"""A trial: numbered lines are written while the daemon is killed again and again, and each is accounted for."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from credwatch.kernel.blindness import BlindInterval
from credwatch.store.cases import incidents
from credwatch.store.place import ServerPlace
from credwatch.store.state import seeing
from kills.driver import Driver, Opened
from kills.numbered import EACH_LINE, NUMBERED_LINE, NumberedLine, number_in, unread
from scenarios.daemon import PATIENCE, RUN, RUN_IMPATIENT, Site, a_site, await_
from scenarios.outcome import Outcome, outcome_of
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import RULES, SETTINGS

_EXEC_EACH = 40
"""Of so many lives one is the command as an operator starts it, checks and all."""
_DISTURBED = 0.3
_WORK_SECONDS = 3.0
LAST = 1_000_000
"""The number of the first line that stands behind all others, where some may be lost."""
_WAYS = 24
_LATENESS = 'lateness = "2h"'


class Place(Struct, frozen=True):
    """Where a trial takes place."""

    folder: Path
    """For everything that is written."""
    opened: Opened
    """Makes the driver."""
    server: ServerPlace | None = None
    """An empty database; a file where there is none."""


class Stage(Struct, frozen=True):
    """What takes part in a trial."""

    site: Site
    """The site, and its daemon."""
    driver: Driver
    """Who writes."""
    office: PostOffice
    """The mail server."""


@contextmanager
def furnished(place: Place) -> Iterator[Stage]:
    """Furnish a site with the one source, a driver for it, and a mail server."""
    place.folder.mkdir(parents=True)
    driver = place.opened(place.folder)
    settings = SETTINGS.replace("[detection]\n", f"[detection]\n{_LATENESS}\n")
    settings += driver.settings().replace("{", "{{").replace("}", "}}")
    with ExitStack() as stack:
        stack.callback(driver.close)
        office = stack.enter_context(a_post_office())
        site = stack.enter_context(
            a_site(place.folder, office.port, settings=settings, command=RUN_IMPATIENT, server=place.server)
        )
        site.rules.write_text(RULES + EACH_LINE, encoding="utf-8")
        driver.furnished(site)
        yield Stage(site, driver, office)


class Writer(threading.Thread):
    """Has a driver write portions, each when it is asked, and disturb the source between them."""

    def __init__(self, driver: Driver, portions: Sequence[Sequence[NumberedLine]], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._driver = driver
        self._portions = portions
        self._chance = chance
        self._asked = threading.Semaphore(0)
        self.sent_at: dict[str, tuple[datetime, datetime]] = {}
        """Between which moments each line was written, UTC."""
        self.error: BaseException | None = None

    def ask(self) -> None:
        """Have one portion more written."""
        self._asked.release()

    def run(self) -> None:
        """Write until all is written; what fails is kept for `finish`."""
        try:
            for portion in self._portions:
                self._asked.acquire()
                if self._chance.random() < _DISTURBED:
                    self._driver.disturb(self._chance)
                for line in self._bursts(portion):
                    began = datetime.now(UTC)
                    self._driver.write([line.text for line in line], self._chance)
                    self.sent_at |= dict.fromkeys((item.text for item in line), (began, datetime.now(UTC)))
        except BaseException as error:  # noqa: BLE001  # it is raised in the test's own thread
            self.error = error

    def finish(self) -> None:
        """Wait for its end; raises what failed."""
        self.join(PATIENCE)
        assert not self.is_alive(), "lines could not be written"
        if self.error is not None:
            raise self.error

    def _bursts(self, portion: Sequence[NumberedLine]) -> Iterator[Sequence[NumberedLine]]:
        """Cut a portion into pieces of any length, with a breath between them."""
        rest = list(portion)
        while rest:
            size = self._chance.choice((1, 2, 5, len(rest)))
            yield rest[:size]
            rest = rest[size:]
            time.sleep(self._chance.random() * 0.02)


def quiet(place: Place, lines: Sequence[NumberedLine]) -> Outcome:
    """Tell what becomes of the lines where nothing happens."""
    with furnished(place) as stage:
        stage.site.started()
        stage.driver.write([line.text for line in lines], random.Random(0))
        return settled(stage.site, len(lines))


class Killed(Struct, frozen=True):
    """What a trial with kills has come to."""

    outcome: Outcome
    """What the store says."""
    counts: dict[str, int]
    """How often the line of each account was seen."""
    sent_at: dict[str, tuple[datetime, datetime]]
    """Between which moments each line was written."""
    blind: list[BlindInterval]
    """What the daemon says that it has not seen."""


def killed(
    place: Place,
    lines: Sequence[NumberedLine],
    *,
    kills: int,
    seed: str,
    before: Callable[[Stage], None] = lambda _stage: None,
    between: Callable[[Stage, int], None] = lambda _stage, _number: None,
) -> Killed:
    """Kill the daemon so many times while the lines are written, then let it read to the end.

    Each kill follows from the seed and its number: half of them strike while the daemon starts, the others while it
    reads, stores or delivers. `before` is called before the first life, `between` after each, with its number.
    """
    size = -(-len(lines) // kills)
    portions = [lines[begin : begin + size] for begin in range(0, len(lines), size)]
    with furnished(place) as stage:
        site = stage.site
        writer = Writer(stage.driver, portions, random.Random(seed))
        if stage.driver.loses:
            site.started().kill()  # what was sent before anybody ever listened is no loss of ours
        before(stage)
        writer.start()
        start_seconds = 1.0
        for number in range(kills):
            start_seconds = _life(site, writer, random.Random(f"{seed}/{number}"), number, start_seconds)
            between(stage, number)
        site.command = RUN_IMPATIENT
        site.started()
        writer.finish()
        outcome = _ended(site, stage.driver, len(lines))
        return Killed(outcome, counts_of(site), writer.sent_at, blind_intervals(site))


def _life(site: Site, writer: Writer, chance: random.Random, number: int, start_seconds: float) -> float:
    """Let the daemon live for a while, and return how long a start takes now."""
    is_real = number % _EXEC_EACH == _EXEC_EACH - 1
    site.command = RUN if is_real else RUN_IMPATIENT
    began, before = time.monotonic(), site.lines_taken()
    site.start()
    writer.ask()
    if number % 2 or is_real:
        site.await_ready()
        start_seconds = start_seconds if is_real else time.monotonic() - began
        _let_work(site, before + chance.randrange(1, 12))
        time.sleep(chance.uniform(0, 0.1))
    else:
        time.sleep(chance.uniform(0, start_seconds))
    assert site.runs(), site.log()
    site.kill()
    return start_seconds


def _let_work(site: Site, lines: int) -> None:
    """Wait until so many lines are taken, or hardly will be: the writer may wait for what the next life does."""
    deadline = time.monotonic() + _WORK_SECONDS
    while site.lines_taken() < lines and time.monotonic() < deadline:
        time.sleep(0.02)


def _ended(site: Site, driver: Driver, lines: int) -> Outcome:
    """Wait until all is settled, as far as it can come."""
    if not driver.loses:
        return settled(site, lines)
    # What stands behind all else, in whichever way a line may come.
    chance, last = random.Random(0), range(LAST, LAST + _WAYS)
    for number in last:
        driver.write([unread(0, number)], chance)
    await_(lambda: {*last} <= {number_in(text) for _, text, _ in told(site).unparsed}, what="the last lines are taken")
    assert 0 == site.terminate()
    return told(site)


def blind_intervals(site: Site) -> list[BlindInterval]:
    """Read what the daemon says that it has not seen."""
    with site.store() as database, database.reading() as connection:
        day = timedelta(days=1)
        return seeing.intervals_between(connection, datetime.now(UTC) - day, datetime.now(UTC) + day)


def counts_of(site: Site) -> dict[str, int]:
    """Say how often the line of each account was seen."""
    found, lasting = incidents.detections.c, incidents.episodes.c
    query = select(found.document, lasting.count).join(incidents.episodes, lasting.serial == found.serial)
    with site.store() as database, database.reading() as connection:
        rows = connection.execute(query.where(found.rule_id == NUMBERED_LINE)).all()
    return {json.loads(document)["subject"]: count for document, count in rows}


def settled(site: Site, lines: int) -> Outcome:
    """Wait until every line is taken and every message delivered, end the daemon, and tell what has become of it."""
    await_(lambda: site.lines_taken() >= lines, what=f"all {lines} lines are taken")
    await_(lambda: not site.messages("queued", "sending", "refused"), what="every message is delivered")
    assert 0 == site.terminate()
    return told(site)


def told(site: Site) -> Outcome:
    """Tell what a site's store says, but for where in a file a line stood, which follows from the rotations."""
    with site.store() as database:
        outcome = outcome_of(database)
    return replace(
        outcome, unparsed=Counter((source, line, reason) for source, _, line, reason in outcome.unparsed.elements())
    )
