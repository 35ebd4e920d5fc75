"""A login that is made up goes the whole way of the real daemon, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from credwatch.store.database import metadata
from credwatch.store.state import progress
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.post_office import a_post_office
from scenarios.site_files import SETTINGS

CANARY = SETTINGS + '[canary]\naddress = "canary@ops.example"\ninterval = "1d"\n'
FAILED = "2026-03-02T08:00:00+07:00 web1 sshd[7]: Failed password for lan from 203.0.113.7 port 38066 ssh2"
"""Tables that hold what real logins lead to."""
REAL = ("incidents", "detections", "legal_clocks", "audit_entries", "sent_messages", "unparsed")


def test_a_canary_arrives_once_and_nothing_is_counted(tmp_path: Path) -> None:
    """Line, rule, incident, accepted message: once, killed or not; no case, clock, count or metric has it."""
    with a_post_office() as office, a_site(tmp_path, office.port, settings=CANARY, command=RUN_UNCHECKED) as site:
        site.started()
        await_(lambda: office.letters, what="the canary arrives")
        await_(lambda: site.metric("credwatch_canary_duration_seconds_count"), what="its time is in the metrics")
        before = _counts(site)
        site.kill()
        site.started()
        append(site.auth_log, FAILED)
        await_(lambda: site.lines_taken() == 1, what="a real line is taken")
        await_(lambda: site.metric("credwatch_canary_overdue") is not None, what="the timetable runs")
        assert ["canary@ops.example"] == [letter.recipient for letter in office.letters]
        assert b"Canary from credwatch" in office.letters[0].content
        assert [] == site.incidents()
        after = _counts(site)
        assert before == after
        assert 0 == sum(before[table] for table in REAL if table != "audit_entries")
        with site.store() as database, database.reading() as connection:
            names = set(connection.execute(select(progress.tallies.c.name)).scalars())
        assert not any("canary" in name for name in names)
        assert site.metric('credwatch_incidents_opened_total{kind="canary"}') is None


def _counts(site: Site) -> dict[str, int]:
    with site.store() as database, database.reading() as connection:
        return {name: connection.scalar(select(func.count()).select_from(metadata.tables[name])) for name in REAL}
