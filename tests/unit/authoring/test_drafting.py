"""Packs that are drafted from lines that nothing reads."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from credwatch.authoring.drafting import NoDraft, draft_of
from credwatch.authoring.shapes import shapes_of
from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.parse.parse import SourceFormat, parse
from credwatch.parse.samples import REFERENCE
from credwatch.rules.packs.clashes import clashes
from credwatch.rules.packs.packs import load_packs, read_pack
from credwatch.store.state.unparsed import UnparsedLine
from unit.authoring.unparsed import kept, vault

FORMATS = {"servers": SourceFormat("servers")}


@cache
def packs() -> PackSet:
    """Load the shipped packs once."""
    return load_packs(shipped("rules") / "packs")


def events_by(text: str, lines: list[UnparsedLine]) -> pl.DataFrame:
    """Read lines with the shipped packs and a drafted one that lies beside them."""
    both = (*packs().packs, read_pack(text, where="drafted.yml"))
    assert [] == [*clashes(both)]
    frame = pl.DataFrame({"line": [line.line for line in lines], "position": [*range(len(lines))]})
    frame = frame.with_columns(pl.lit(None, pl.String).alias("malformed"))
    return parse(frame, packs=PackSet(both), source=FORMATS["servers"], reference=REFERENCE).events


SEVERAL = [
    vault("denied user lan from 203.0.113.9 port 40022", "denied user minh from 2001:db8::7 port 1"),
    vault(
        "denied login=lan ip=203.0.113.9 (bad [key] $1.0|2?)", "denied login=minh ip=198.51.100.1 (bad [key] $7.0|2?)"
    ),
    vault("seal of lan broken", "seal of minh broken", "seal of yen-1 broken"),
    vault("password=*** tried <here> at 08:00:00", "password=*** tried <here> at 23:59:59"),
    [line for line in vault("quux 1 of 2", "quux 3 of 4", reason="unknown_message")],
    kept(*(f"2026-03-02T08:00:00Z srv1 sshd[7]: Frobnicated user {name}" for name in ("lan", "minh"))),
    kept(
        *(
            f'{{"time": "2026-03-02T08:00:0{n}Z", "event": "vault_login", "username": "{name}", "ip": "203.0.113.{n}"}}'
            for n, name in enumerate(("lan", "minh"))
        ),
        reason="unknown_json",
    ),
]


@pytest.mark.parametrize("lines", SEVERAL, ids=lambda lines: lines[0].line[30:60])
def test_a_draft_loads_and_reads_every_line_of_its_shape(lines: list[UnparsedLine]) -> None:
    """Laid beside the shipped packs as it is, the draft loads and gives an event for each line."""
    (shape,) = shapes_of(lines)
    events = events_by(draft_of(shape, packs(), FORMATS), lines)
    assert len(lines) == events.filter(pl.col("event.dataset").str.ends_with(shape.id.removeprefix("shape-"))).height


def test_a_draft_fills_the_fields_it_can_guess() -> None:
    """Names, addresses and ports come into their fields, each line's own."""
    lines = SEVERAL[0]
    (shape,) = shapes_of(lines)
    events = events_by(draft_of(shape, packs(), FORMATS), lines)
    assert [("lan", "203.0.113.9", 40022), ("minh", "2001:db8::7", 1)] == [
        *events.select("user.name", "source.ip", "source.port").rows()
    ]


def test_a_draft_holds_nobodys_name_or_address() -> None:
    """The sample has made-up people in place of those in the lines, in messages and in objects."""
    lines = vault("denied user quocbao from 203.0.113.9", "denied user ngoclan from 198.51.100.1")
    document = (
        '{"time": "2026-03-02T08:00:00Z", "event": "x_y", "username": "quocbao", "ip": "203.0.113.9", "z": "ngoclan"}'
    )
    for shape in (*shapes_of(lines), *shapes_of(kept(document, reason="unknown_json"))):
        text = draft_of(shape, packs(), FORMATS)
        assert [] == [word for word in ("quocbao", "ngoclan", "203.0.113.9", "198.51.100.1") if word in text]


def test_lines_without_a_header_have_no_draft() -> None:
    """Where nothing says who wrote a line, and when, the reason says where to read on."""
    (shape,) = shapes_of(kept("no header at all", reason="no_envelope"))
    with pytest.raises(NoDraft) as raised:
        draft_of(shape, packs(), FORMATS)
    assert "docs/packs.md" in raised.value.hint
