"""Whatever the lines are, the parser accounts for each, and nothing makes it raise."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.parse.stamps.calendar import calendar
from credwatch.rules.packs.packs import load_packs
from properties.budget import examples

PACKS = load_packs(shipped("rules") / "packs")
SAMPLES = [sample.line for pack in PACKS.packs for pattern in pack.patterns for sample in pattern.samples]
_OLD_STAMP = re.compile(r"[A-Z][a-z]{2} [ \d]\d [\d:]{8}(?= )")
DATED = [line for line in SAMPLES if line.startswith("{") or _OLD_STAMP.match(line)]
"""Those whose time is that of their header, or of an object that stands for itself."""
END = datetime(2026, 1, 1, tzinfo=UTC)
GAPS = st.timedeltas(timedelta(0), timedelta(days=20))
STAMPS = st.sampled_from(["%b %e %H:%M:%S", "%b %e %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@st.composite
def logs(draw: st.DrawFn) -> list[str]:
    """Write lines in order, the last some time before `END`; a writer may have been changed to stamps with a year."""
    lines = draw(st.lists(st.sampled_from(DATED), min_size=2, max_size=6))
    moment = END - draw(st.timedeltas(timedelta(0), timedelta(days=200)))
    written = []
    for line in lines[::-1]:
        written.append(_OLD_STAMP.sub(moment.strftime(draw(STAMPS)), line, count=1))
        moment -= draw(GAPS)
    return written[::-1]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "ip", "id", "x"]), inner),
    max_leaves=5,
)


def read(data: bytes, position: int = 0, reference: datetime = END) -> Parsed:
    """Read a buffer with the shipped packs."""
    return parse(split_lines(data, position), packs=PACKS, source=SourceFormat("test"), reference=reference)


@given(st.binary(max_size=300))
def test_lines_are_those_of_the_buffer(data: bytes) -> None:
    """Cutting loses no line: positions rise to the end of the buffer, and no line holds a control character."""
    frame = split_lines(data, 7)
    assert len(frame) == data.count(b"\n") + bool(data and not data.endswith(b"\n"))
    assert frame["position"].to_list()[-1:] == ([len(data) + 7] if data else [])
    assert not frame["line"].str.contains(r"[\x00-\x08\x0a-\x1f\x7f]").any()


@settings(max_examples=60)
@given(st.lists(st.one_of(st.sampled_from(SAMPLES), st.text(max_size=60), st.binary(max_size=40)), max_size=8))
def test_every_line_is_accounted_for(parts: list[str | bytes]) -> None:
    """Each line is an event, skipped or unparsed, once."""
    raw = [part if isinstance(part, bytes) else part.encode("utf-8", "replace") for part in parts]
    data = b"".join(part.replace(b"\n", b" ") + b"\n" for part in raw)
    parsed = read(data)
    frames = [parsed.events["position"], parsed.skips["position"], parsed.unparsed["position"]]
    assert sorted(pl.concat(frames)) == split_lines(data, 0)["position"].to_list()


@settings(max_examples=examples(60))
@given(logs(), st.data())
def test_batches_do_not_matter(lines: list[str], data: st.DataObject) -> None:
    """Lines give the same events in one batch and in two, each dated as where its file is cut there."""
    cut = data.draw(st.integers(1, len(lines) - 1))
    first, second = ("".join(f"{line}\n" for line in part).encode() for part in (lines[:cut], lines[cut:]))
    whole = first + second
    near = calendar(lambda size, offset: whole[offset : offset + size], 0, len(whole), END).near(len(first)) or END
    apart = [*read(first, reference=near).events.to_dicts(), *read(second, len(first)).events.to_dicts()]
    together = read(first + second).events.to_dicts()

    def filled(events: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{name: value for name, value in event.items() if value is not None} for event in events]

    assert filled(together) == filled(apart)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_a_name_moves_nothing(name: str) -> None:
    """No user name changes the address of a failed login, nor makes two lines of one."""
    line = f"Nov 30 06:39:00 web1 sshd[811]: Failed password for invalid user {name} from 203.0.113.9 port 1 ssh2\n"
    parsed = read(line.encode())
    assert parsed.events["source.ip"].to_list() == ["203.0.113.9"]


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["user", "event", "source", "credwatch", "group", "user.name", "z"]), VALUES))
def test_objects_never_raise(extra: dict[str, object]) -> None:
    """An object of any shape is accounted for, and leaves the objects beside it alone."""
    good = {"schema": "credwatch-app/1", "@timestamp": "2026-01-01T00:00:00Z"}
    good |= {"event": {"action": "logout"}, "user": {"name": "lan"}}
    text = f"{json.dumps(good)}\n{json.dumps({**good, **extra})}\n{json.dumps(good)}\n"
    parsed = read(text.encode())
    assert len(parsed.events) + len(parsed.unparsed) == 3
    assert len(parsed.events) >= 2
