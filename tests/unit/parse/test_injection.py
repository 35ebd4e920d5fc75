"""Whoever chooses a name cannot choose the address that is believed: every sample is attacked with copies of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import polars as pl
import pytest

from credwatch.kernel.pack import Pack
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat, parse
from credwatch.rules.packs.packs import load_packs

PACKS = load_packs(shipped("rules") / "packs")
FORGED = "198.51.100.66"
ESCAPING = {"auditd", "openssh"}
"""Writers of whose names no line can be forged so: one writes what has quotes or blanks in hexadecimal, the other says
`invalid user` before a name that is no account (tests/properties/test_parse.py)."""

ATTACKED = [pack for pack in PACKS.packs if pack.id not in ESCAPING]
CHOSEN = ("user.name", "user.target.name")
HOSTILE = (
    "x from {0} port 22 ssh2", "x' from {0}", "x\" [{0}]", "x>, rip={0}, lip=192.0.2.1", "x,{0}", "x rhost={0}",
    "x\", client: {0}, server: y", "x, ipAddress={0}, error=z", "x. IP: {0}.", "x\",\"ip\":\"{0}\"", "x ({0})",
    "\\x1b[31mx {0}", "\u202ex {0}", "x\\n{0}",
)  # fmt: skip


def attacked(pack: Pack) -> Iterator[tuple[str, str]]:
    """Give lines in which the name tells of another address, each with the address that is true."""
    for pattern in pack.patterns:
        for sample in pattern.samples:
            address, names = sample.gives.get("source.ip"), [sample.gives.get(name) for name in CHOSEN]
            for name in {str(name) for name in names if name}:
                if isinstance(address, str) and len(re.findall(_whole(name), sample.line)) == 1:
                    yield from ((line, address) for line in _attacks(sample.line, name, address))


def _whole(name: str) -> str:
    return rf"(?<![\w.@-]){re.escape(name)}(?![\w.@-])"


def _attacks(line: str, name: str, address: str) -> Iterator[str]:
    before, _, behind = re.split(rf"({_whole(name)})", line, maxsplit=1)
    message = line[line.find(": ") + 2 :] if line[:3].isalpha() else line
    copies = [name + part.replace(address, FORGED) + tail for part in (behind, message) for tail in ("", " ", name)]
    for hostile in (*copies, *(text.format(FORGED) for text in HOSTILE)):
        is_json = line.startswith("{")
        yield before + (json.dumps(hostile, ensure_ascii=False)[1:-1] if is_json else hostile) + behind


@cache
def believed() -> dict[str, list[str]]:
    """Read the attacks on all packs together; give by pack the lines of which the forged address is believed."""
    attacks = [(pack.id, line) for pack in ATTACKED for line, _ in attacked(pack)]
    lines = split_lines(b"".join(line.encode() + b"\n" for _, line in attacks), 0)
    numbered = lines.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("position"))
    reference = datetime(2026, 4, 1, tzinfo=UTC)
    events = parse(numbered, packs=PACKS, source=SourceFormat("x"), reference=reference).events
    wrong: dict[str, list[str]] = {}
    for number in events.filter(pl.col("source.ip") == FORGED)["position"]:
        pack, line = attacks[number]
        wrong.setdefault(pack, []).append(line)
    return wrong


def test_attacks_are_many_and_read() -> None:
    """Most packs have samples of which the name can be attacked."""
    assert len([pack for pack in ATTACKED if list(attacked(pack))]) > len(ATTACKED) // 2


@pytest.mark.parametrize("pack", [pack.id for pack in ATTACKED])
def test_no_name_moves_the_address(pack: str) -> None:
    """Names that imitate what stands around them, or a whole message, leave the address true, or leave it out."""
    assert [] == believed().get(pack, [])
