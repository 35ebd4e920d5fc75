"""Kept lines that are read again once a pack knows them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from credwatch.kernel.pack import PackSet
from credwatch.pipeline.pipeline import Knowledge
from credwatch.rules.packs.packs import read_pack
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.database import Database
from credwatch.store.state import progress, seeing
from credwatch.store.state.seeing import SourceTimes
from credwatch.store.state.unparsed import unparsed_lines
from scenarios.lines import at, guessing
from scenarios.pipeline import NOW, a_chunk, a_pipeline, a_store, take, the_knowledge

SSHD = "openssh"
"""The pack that the first run does without."""


def without_ssh(know: Knowledge) -> Knowledge:
    """Forget the pack of OpenSSH, so that its lines are read by nothing."""
    return replace(know, packs=PackSet(tuple(pack for pack in know.packs.packs if pack.id != SSHD)))


def kept_in(database: Database) -> list[str]:
    """Return the lines that are kept."""
    with database.reading() as connection:
        return [line.line for line in unparsed_lines(connection)]


def kinds_in(database: Database) -> list[str]:
    """Return the kinds of all incidents."""
    with database.reading() as connection:
        return sorted(incident.kind for incident in list_incidents(connection))


def test_lines_that_a_new_pack_reads_count_as_if_it_had_been_there(tmp_path: Path) -> None:
    """A break-in that nothing could read is an incident once the pack is there, and each line is let go."""
    know, chunk = the_knowledge(tmp_path), a_chunk("\n".join(guessing(0, "quocbao", "203.0.113.7")))
    with a_store(tmp_path / "whole.sqlite") as database:
        take(a_pipeline(know, database), chunk)
        expected = kinds_in(database)
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(without_ssh(know), database)
        take(pipeline, chunk)
        assert [] == kinds_in(database)
        assert 11 == len(kept_in(database))
        pipeline.reload(know)
        report = pipeline.read_again()
        assert report is not None
        assert 11 == report.read_again
        assert expected == kinds_in(database) != []
        assert [] == kept_in(database)


def test_lines_are_read_again_once(tmp_path: Path) -> None:
    """A second reload, and a pipeline that starts anew on the store, find nothing more to read."""
    know = the_knowledge(tmp_path)
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(without_ssh(know), database)
        take(pipeline, a_chunk("\n".join(guessing(0, "quocbao", "203.0.113.7"))))
        pipeline.reload(know)
        assert pipeline.read_again() is not None
        before = kinds_in(database)
        assert pipeline.read_again() is None
        assert a_pipeline(know, database).read_again() is None
        assert before == kinds_in(database)


def test_what_still_nothing_reads_stays(tmp_path: Path) -> None:
    """Lines of other programs stay kept, and a log is read on where it was."""
    know = the_knowledge(tmp_path)
    strange = f"{at(0)} srv1 frobd[1]: strange"
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(without_ssh(know), database)
        take(pipeline, a_chunk("\n".join([strange, *guessing(0, "quocbao", "203.0.113.7")])))
        with database.reading() as connection:
            cursors = progress.cursors_of(connection, "servers")
        pipeline.reload(know)
        pipeline.read_again()
        assert [strange] == kept_in(database)
        with database.reading() as connection:
            assert cursors == progress.cursors_of(connection, "servers")


def test_lines_that_are_known_as_no_event_are_let_go(tmp_path: Path) -> None:
    """A pack that only knows lines as none of ours ends their keeping, and opens nothing."""
    know = the_knowledge(tmp_path)
    pack = read_pack(
        "{pack: frob, title: t, envelope: syslog, programs: [frobd], patterns: [{name: n, pattern: '^strange$',"
        " skip: true, samples: [{line: 'Mar  2 03:00:00 srv1 frobd[1]: strange'}]}]}",
        where="frob.yml",
    )
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(know, database)
        take(pipeline, a_chunk(f"{at(0)} srv1 frobd[1]: strange"))
        pipeline.reload(replace(know, packs=PackSet((*know.packs.packs, pack))))
        report = pipeline.read_again()
        assert report is not None
        assert ([], []) == (kept_in(database), kinds_in(database))


def test_reading_again_settles_nothing_for_logs_that_lag(tmp_path: Path) -> None:
    """Event time stands still: what a slower log still brings is no later than it was."""
    know = the_knowledge(tmp_path)
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(without_ssh(know), database)
        take(pipeline, a_chunk("\n".join(guessing(0, "quocbao", "203.0.113.7"))))
        with database.reading() as connection:
            before = progress.all_watermarks(connection), progress.value(connection, "settled")
        pipeline.reload(know)
        pipeline.read_again()
        with database.reading() as connection:
            marks = progress.all_watermarks(connection)
        assert before[0] == marks


def test_a_commit_notes_when_each_source_spoke(tmp_path: Path) -> None:
    """The time of reading and that of the latest event are kept; a line that is no event leaves the latter."""
    know = the_knowledge(tmp_path)
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(know, database)
        take(pipeline, a_chunk("\n".join(guessing(0, "quocbao", "203.0.113.7"))))
        take(pipeline, a_chunk(f"{at(90)} srv1 frobd[1]: strange", position=9999))
        with database.reading() as connection:
            assert {"servers": SourceTimes(NOW, datetime.fromisoformat(at(20)))} == seeing.all_times(connection)
