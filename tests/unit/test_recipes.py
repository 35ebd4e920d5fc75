"""The recipes of CONTRIBUTING.md, each followed on an example."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from msgspec import Struct, field

from builders_outbox import NOON, a_command, an_incident, by, some_facts
from credwatch.app.regimes import load_regimes
from credwatch.kernel.command import Command
from credwatch.kernel.errors import SourceError
from credwatch.kernel.receipt import Delivered, Receipt
from credwatch.kernel.resources import shipped
from credwatch.outbox.dispatcher import Dispatcher
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat, parse
from credwatch.parse.samples import check_packs
from credwatch.rules.packs.packs import load_packs
from credwatch.service.reader import Reader
from credwatch.sources.interface import Chunk, Cursor, Source, Tally
from credwatch.store.outbox import OutboxStore, queue
from credwatch.workflows.regimes import regime_clocks
from scenarios.pipeline import NOW, a_pipeline, a_store, the_knowledge

ROOT = Path(__file__).parents[2]
RECIPES = re.search(r"^## Recipes\n(.*?)^## ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S | re.M)


def test_a_recipe_is_short_and_its_files_are_there() -> None:
    """Each has ten lines at most, and names places that exist."""
    assert RECIPES
    recipes = re.split(r"^\*\*Add ", RECIPES[1], flags=re.M)[1:]
    assert {"a pack", "a duty", "a source", "a channel"} == {recipe.split("**")[0] for recipe in recipes}
    for recipe in recipes:
        assert len(recipe.strip().splitlines()) <= 10
        for path in re.findall(r"`((?:tests|config|rules|sources|outbox|app)/[\w./]+)`", recipe.replace("NAME", "")):
            place = path if path.startswith(("tests", "config", "rules")) else f"daemon/credwatch/{path}"
            assert (ROOT / place).exists() or (ROOT / place).parent.is_dir(), path


PACK = """
pack: doorman
title: Doorman
envelope: syslog
programs: [doorman]
patterns:
  - name: refused
    pattern: '^refused (?P<user>\\S+) from (?P<address>\\S+)$'
    fields: {user: user.name, address: source.ip}
    constants: {event.category: authentication, event.type: start, event.action: login, event.outcome: failure}
    samples:
      - line: 'Nov 30 06:39:00 web1 doorman[1]: refused lan from 203.0.113.7'
        gives: {user.name: lan, source.ip: 203.0.113.7}
"""


def test_a_pack_is_one_file(tmp_path: Path) -> None:
    """With it beside the shipped ones, a line that none knew is an event."""
    (tmp_path / "doorman.yml").write_text(PACK, encoding="utf-8")
    line = b"2026-03-02T12:00:00Z web1 doorman[7]: refused mai from 198.51.100.4\n"
    packs = load_packs([shipped("rules") / "packs", tmp_path])
    assert [] == check_packs(packs)
    (event,) = parse(split_lines(line, 0), packs=packs, source=SourceFormat("x"), reference=NOW).events.to_dicts()
    assert ("mai", "198.51.100.4", "failure") == (event["user.name"], event["source.ip"], event["event.outcome"])


REGIME = """
id = "escrow"
name = "Escrow agreement"
texts = ["Agreement of 2 January 2026, clause 7"]
in_force = true
source = "The agreement"
checked_on = 2026-11-27
certainty = "primary"
zone = "Asia/Ho_Chi_Minh"
country = "VN"

[[phase]]
id = "notice"
step = "initial"
addressee = "The escrow agent"
toward = "authority"
starts = "detected"
within = { hours = 6 }
wording = "within six hours"
contents = ["act"]
"""


def test_a_duty_is_one_file(tmp_path: Path) -> None:
    """A breach starts its clock, at the moment and for the time that the file tells."""
    (tmp_path / "escrow.toml").write_text(REGIME, encoding="utf-8")
    facts = some_facts(regimes={"": (load_regimes([tmp_path])["escrow"],)})
    (clock,) = regime_clocks(an_incident(workflows=("customer_notice",), detected_at=NOON), facts)
    assert ("escrow", "notice", NOON + timedelta(hours=6)) == (clock.regime, clock.phase, clock.due_at)


class ListSource(Struct):
    """Gives lines that stand in a list; a place is how many were given."""

    name: str
    lines: list[bytes]
    at: int
    tally: Tally = field(default_factory=Tally)
    finished: bool = False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give what fits; see `Source.read`."""
        sizes = list(accumulate(map(len, self.lines), initial=0))
        begin = self.at
        while self.at < len(self.lines) and (self.at == begin or sizes[self.at + 1] - sizes[begin] <= limit_bytes):
            self.at += 1
        if begin == self.at or "list" in held:
            self.at = begin
            return None
        data, rest = b"".join(self.lines[begin : self.at]), sizes[-1] - sizes[self.at]
        return Chunk(self.name, "list", data, sizes[begin], self.at, NOW, NOW, rest)

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Count the lines before a position; see `Source.cursor_at`."""
        return list(accumulate(map(len, self.lines), initial=0)).index(position)

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing."""

    def waiting(self) -> int:
        """Say whether lines wait."""
        return int(self.at < len(self.lines))

    def awaited(self) -> Collection[str]:
        """Name none."""
        return ()

    def problems(self) -> list[SourceError]:
        """Return none."""
        return []

    def lag(self) -> int:
        """Say how many bytes wait."""
        return sum(map(len, self.lines[self.at :]))

    def close(self) -> None:
        """Do nothing."""


def test_a_source_is_one_class(tmp_path: Path) -> None:
    """What keeps the promises of `Source` is read through the whole pipeline, and goes on from its committed place."""
    lines = [
        f"2026-03-02T11:5{n}:00Z web1 sshd[{n}]: Connection closed by 203.0.113.7 port 22\n".encode() for n in "012"
    ]
    with a_store(tmp_path / "store.sqlite") as database:
        for more in (lines[:2], lines):
            given: list[ListSource] = []
            taken: list[int] = []

            def opened(cursors: object, more: list[bytes] = more, given: list[ListSource] = given) -> Source:
                given.append(ListSource("servers", more, dict(cursors).get("list", 0)))  # type: ignore[call-overload]
                return given[-1]

            pipeline = a_pipeline(the_knowledge(tmp_path), database)
            reader = Reader(
                pipeline, {"servers": opened}, database, batch_bytes=4096,
                on_report=lambda report, taken=taken: taken.append(report.lines),
            )  # fmt: skip
            assert reader.turn()
            assert not reader.turn()
            assert [len(more) if more is not lines else 1] == taken


class SpoolChannel(Struct):
    """Puts each message into a folder, as a file of its own."""

    folder: Path

    async def deliver(self, command: Command) -> Receipt:
        """Write it; see `Channel.deliver`."""
        (self.folder / command.id).write_text(command.recipient, encoding="utf-8")
        return Delivered(NOON, "spooled")


@pytest.mark.asyncio
async def test_a_channel_is_one_class(tmp_path: Path) -> None:
    """What keeps the promises of `Channel` carries what is queued, and the store knows that it was delivered."""
    spool = tmp_path / "spool"
    spool.mkdir()
    with a_store(tmp_path / "store.sqlite") as database:
        with database.writing() as connection:
            queue(connection, [a_command()])
        store = OutboxStore(database)
        settled = asyncio.Event()
        dispatcher = Dispatcher(
            store, by(SpoolChannel(spool)), lambda: NOON, lambda *_: (), on_settled=lambda _settled: settled.set()
        )
        running = asyncio.create_task(dispatcher.run())
        await settled.wait()
        dispatcher.stop()
        await running
        assert [a_command().id] == [stored.command.id for stored in store.listed(("delivered",))]
        assert [a_command().id] == [path.name for path in spool.iterdir()]
