"""What is received: kept until committed, told once, and known again where its sender was not told."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from credwatch.sources.interface import Cursor
from credwatch.sources.received.intake import OTHERS, REPEAT_SECONDS, Intake
from credwatch.sources.received.parcel import Parcel
from credwatch.sources.received.source import ReceivedSource
from unit.sources.followed import NOW


class Sender(Struct):
    """One who sends parcels, and what it was told."""

    intake: Intake = field(default_factory=lambda: Intake(10_000))
    told: list[str] = field(default_factory=list)

    def send(self, text: str, *, file: str = "192.0.2.7", at: datetime = NOW) -> Parcel | None:
        """Send lines; their text is their digest."""
        data = text.encode()
        return self.intake.offer(Parcel(file, data, text, at, lambda: self.told.append(text)))


def _taken(intake: Intake, cursors: dict[str, Cursor], *, limit: int = 65536, commits: int = 10**6) -> list[str]:
    """Commit so many chunks, keep their cursors, and give their lines."""
    source = ReceivedSource("push", intake, json.loads(json.dumps(cursors)), clock=lambda: NOW)
    lines = []
    for _ in range(commits):
        chunk = source.read(limit)
        if chunk is None:
            break
        cursors[chunk.file] = chunk.cursor
        source.acknowledge(chunk)
        lines += chunk.data.decode().splitlines()
    source.close()
    return lines


def test_a_sender_is_told_once_its_last_line_is_committed() -> None:
    """A parcel that is read in two chunks is told of after the second commit."""
    sender = Sender()
    sender.send("a\nb\n")
    cursors: dict[str, Cursor] = {}
    assert ["a"] == _taken(sender.intake, cursors, limit=1, commits=1)
    assert [] == sender.told
    assert ["b"] == _taken(sender.intake, cursors)
    assert ["a\nb\n"] == sender.told


def test_what_was_committed_and_never_told_is_known_when_it_comes_again() -> None:
    """After a crash a repeat is told at once and gives no line; after a part of it, only the rest."""
    for committed, rest in ((1, ["b"]), (2, [])):
        sender, cursors = Sender(), dict[str, Cursor]()
        sender.send("a\nb\n")
        _taken(sender.intake, cursors, limit=1, commits=committed)
        again = Sender()
        again.send("a\nb\n", at=NOW + timedelta(seconds=9))
        assert rest == _taken(again.intake, cursors)
        assert ["a\nb\n"] == again.told


def test_the_same_from_one_who_was_told_is_new() -> None:
    """Equal lines count again where the first sender knows that its own were taken, also after a restart."""
    sender, cursors = Sender(), dict[str, Cursor]()
    first = sender.send("a\n")
    assert first is not None
    assert ["a"] == _taken(sender.intake, cursors)
    sender.intake.answered(first)
    sender.send("a\n", at=NOW + timedelta(seconds=1))
    assert ["a"] == _taken(sender.intake, cursors)
    # The cursor tells of the second alone, so a third after a restart is its repeat, and a fourth is new.
    assert 1 == len(cursors["192.0.2.7"]["taken"])
    again = Sender()
    again.send("a\n", at=NOW + timedelta(seconds=2))
    again.send("a\n", at=NOW + timedelta(seconds=3))
    assert ["a"] == _taken(again.intake, cursors)
    assert ["a\n", "a\n"] == again.told


def test_a_repeat_takes_over_the_waiting_of_one_that_went_away() -> None:
    """A sender that gave up and comes again, before or after the commit, is told, and its lines count once."""
    sender, cursors = Sender(), dict[str, Cursor]()
    first = sender.send("a\n")
    assert first is not None
    sender.intake.abandon(first)
    assert sender.send("a\n", at=NOW + timedelta(seconds=1)) is first
    assert ["a"] == _taken(sender.intake, cursors)
    sender.intake.abandon(first)
    sender.send("a\n", at=NOW + timedelta(seconds=2))
    assert [] == _taken(sender.intake, cursors)
    assert ["a\n", "a\n"] == sender.told


def test_two_at_once_that_are_equal_are_two() -> None:
    """While both senders wait, equal parcels are two."""
    sender = Sender()
    sender.send("a\n")
    sender.send("a\n")
    assert ["a", "a"] == _taken(sender.intake, {})


def test_a_repeat_is_known_for_a_day() -> None:
    """What comes again later than that is new."""
    sender, cursors = Sender(), dict[str, Cursor]()
    sender.send("a\n", at=NOW - timedelta(seconds=REPEAT_SECONDS + 1))
    _taken(sender.intake, cursors)
    again = Sender()
    again.send("a\n")
    assert ["a"] == _taken(again.intake, cursors)


def test_what_has_no_room_is_not_kept() -> None:
    """Beyond its bound an intake keeps nothing, and has room again after a commit; one parcel it always takes."""
    sender = Sender(Intake(10))
    assert sender.send("a" * 20 + "\n") is not None
    assert sender.send("b\n") is None
    assert not sender.intake.has_room()
    _taken(sender.intake, {})
    assert sender.send("b\n") is not None


def test_a_parcel_that_is_known_by_itself_is_never_taken_twice() -> None:
    """A repeat while the first waits shares its commit; one that comes later is told at once, or gives its rest."""
    intake, told, cursors = Intake(1000), list[int](), dict[str, Cursor]()

    def send(number: int) -> Parcel | None:
        parcel = Parcel("a", b"a\n", "entry", NOW + timedelta(seconds=number), lambda: told.append(number), True)
        return intake.offer(parcel)

    first = send(1)
    assert first is not None
    assert first is send(2)
    assert ["a"] == _taken(intake, cursors)
    assert [1, 2] == told
    send(3)
    assert [] == _taken(intake, cursors)
    assert [1, 2, 3] == told
    longer = Parcel("a", b"a\nb\n", "entry", NOW + timedelta(seconds=4), None, True)
    intake.offer(longer)
    assert ["b"] == _taken(intake, cursors)


def test_a_source_that_is_opened_again_counts_anew() -> None:
    """What an intake has lost is told by the source that was open then, once, and never less than before."""
    intake = Intake(10)
    first = ReceivedSource("net", intake, {}, clock=lambda: NOW)
    intake.dropped, intake.gaps = 3, 2
    assert (3, 2) == (first.tally.dropped, first.tally.gaps)
    intake.gaps = 1
    assert (first.tally, 2) == (first.tally, first.tally.gaps)
    second = ReceivedSource("net", intake, {}, clock=lambda: NOW)
    assert 0 == second.tally.dropped
    intake.dropped += 1
    assert 1 == second.tally.dropped


def test_each_sender_has_a_log_until_there_are_too_many() -> None:
    """Senders beyond the bound share a log, so that no flood of addresses fills the store."""
    intake = Intake(10)
    files = {intake.file_of(f"2001:db8::{number:x}") for number in range(1000)}
    assert 257 == len(files)
    assert OTHERS in files
    assert "2001:db8::0" == intake.file_of("2001:db8::0")


class Shipping(Struct):
    """A shipper that sends what it was not told of, unless it still waits for that."""

    texts: list[str]
    sender: Sender = field(default_factory=Sender)
    under_way: dict[str, Parcel] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def send(self, at: datetime) -> None:
        """Send what is due."""
        for text in (text for text in self.texts if text not in self.under_way and text not in self.told):
            parcel = self.sender.send(text, at=at)
            assert parcel is not None
            self.under_way[text] = parcel

    def give_up(self) -> None:
        """Wait no longer."""
        for parcel in self.under_way.values():
            self.sender.intake.abandon(parcel)
        self.under_way = {}

    def hear(self) -> None:
        """Take up what was told."""
        self.told.update(self.sender.told)
        self.under_way = {text: parcel for text, parcel in self.under_way.items() if text not in self.told}


STEPS = st.lists(
    st.one_of(
        st.sampled_from(("send", "give up", "crash", "fail")),
        st.tuples(st.integers(1, 12), st.integers(1, 4)),
    ),
    max_size=30,
)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), STEPS)
def test_every_line_counts_once_whatever_fails(sizes: list[int], steps: list[str | tuple[int, int]]) -> None:
    """Crashes, failed commits and senders that give up and send again lose nothing and count nothing twice."""
    texts = ["".join(f"{number}.{line}\n" for line in range(size)) for number, size in enumerate(sizes)]
    shipping, lines, cursors = Shipping(texts), list[str](), dict[str, Cursor]()
    for number, step in enumerate([*steps, "give up", "send", (1000, 1000)]):
        match step:
            case "send":
                shipping.send(NOW + timedelta(seconds=number))
            case "give up":
                shipping.give_up()
            case "crash":
                shipping.sender, shipping.under_way = Sender(), {}
            case "fail":
                ReceivedSource("push", shipping.sender.intake, cursors, clock=lambda: NOW).read(3)
            case (limit, commits):
                lines += _taken(shipping.sender.intake, cursors, limit=limit, commits=commits)
        shipping.hear()
    assert sorted(texts) == sorted(shipping.told)
    assert sorted("".join(texts).splitlines()) == sorted(lines)


def test_the_last_line_of_an_upload_is_known_after_a_crash() -> None:
    """An uploader that was answered, and is started again behind a crash of ours, sends it first: it counts once."""
    for limit in (1, 65536):
        first, cursors = Intake(10_000), dict[str, Cursor]()
        upload = Parcel("192.0.2.7", b"a\nb\nc\n", "a", NOW, is_identified=True, last_line=("c", 2))
        assert first.offer(upload) is upload
        assert ["a", "b", "c"] == _taken(first, cursors, limit=limit)
        first.answered(upload)
        again = Intake(10_000)
        again.offer(Parcel("192.0.2.7", b"c\nd\n", "c", NOW, is_identified=True, last_line=("d", 2)))
        assert ["d"] == _taken(again, cursors, limit=limit)
        later = Intake(10_000)
        later.offer(Parcel("192.0.2.7", b"d\ne\n", "d", NOW, is_identified=True, last_line=("e", 2)))
        assert ["e"] == _taken(later, cursors, limit=limit)
