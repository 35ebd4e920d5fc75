"""Logs that are parsed together come to what each comes to by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.logs import Stacked
from credwatch.parse.parse import SourceFormat, parse
from credwatch.rules.packs.packs import load_packs
from properties.budget import examples

PACKS = load_packs(shipped("rules") / "packs")
SOURCE = SourceFormat("hosts", "auto", "Europe/Berlin")
LINES = (
    "Oct 25 02:30:00 a sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2",
    "Jan  1 00:00:01 a sshd[1]: Accepted password for lan from 192.0.2.1 port 22 ssh2",
    "Dec 31 23:59:59 b sshd[1]: Accepted password for lan from 192.0.2.1 port 22 ssh2",
    "Dec 31 23:59:59 a last message repeated 3 times",
    "2026-03-02T08:00:00+07:00 a sshd[1]: Invalid user Tr0ub4dor&3 from 192.0.2.1 port 22",
    '{"schema":"credwatch-app/1","@timestamp":"2026-03-02T08:15:30","event":{"action":"logout"},"user":{"name":"lan"}}',
    "",
    "no line of any kind",
    "Mar  2 08:00:00 a CRON[1]: (root) CMD (true)",
    "\x00hole",
)
LOGS = st.lists(
    st.tuples(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), st.sampled_from([2024, 2026, 2027])),
    min_size=1,
    max_size=4,
)


@given(LOGS)
@settings(max_examples=examples(40))
def test_logs_are_parsed_together_as_apart(logs: list[tuple[list[str], int]]) -> None:
    """Neither years nor repeats nor what is unread depends on the logs beside it."""
    frames = [split_lines("\n".join([*lines, ""]).encode(), 1000 * at) for at, (lines, _) in enumerate(logs)]
    references = [datetime(year, 6, 1, tzinfo=UTC) for _, year in logs]
    stacked = Stacked.of(frames, references)
    together = parse(stacked.lines, packs=PACKS, source=SOURCE, reference=stacked.logs)
    apart = [
        parse(frame, packs=PACKS, source=SOURCE, reference=reference)
        for frame, reference in zip(frames, references, strict=True)
    ]
    for name in ("events", "unparsed", "skips"):
        expected = [_told(getattr(each, name)) for each in apart]
        assert expected == [_told(part) for part in stacked.apart(getattr(together, name))], name
    guesses = stacked.apart(together.guesses.to_frame("position"))
    assert [each.guesses.to_list() for each in apart] == [part["position"].to_list() for part in guesses]


def _told(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Leave out what a row does not have: a column may be there for others."""
    return [{key: value for key, value in row.items() if value is not None} for row in frame.to_dicts()]
