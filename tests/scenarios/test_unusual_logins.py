"""Habits are learnt from lines, kept over restarts, and what differs from them opens incidents."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge
from credwatch.app.settings import load_settings
from credwatch.kernel.errors import StoreError
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge
from credwatch.store.database import Database
from credwatch.store.state.profiles import all_profiles
from mmdb_files import the_databases
from scenarios.daemon import Site
from scenarios.lines import ssh
from scenarios.outcome import outcome_of
from scenarios.pipeline import a_chunk, a_pipeline, a_store, take

DAY = 86_400
HOME, ABROAD = "203.0.113.9", "198.51.100.7"


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    """Build what the daemon of a site with databases of addresses knows."""
    site = Site(tmp_path, port=25).furnish()
    databases = "".join(f'{key} = "{path}"\n' for key, path in the_databases(tmp_path).items())
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(f"{text}\n[enrichment]\nlearning_logins = 3\n{databases}", encoding="utf-8")
    (tmp_path / "registers" / "users.toml").write_text('[[user]]\nname = "lan"\nprivileged = true\n', encoding="utf-8")
    return build_knowledge(load_settings(site.config), notice_key=Secret("notice key"))


def log(*logins: tuple[float, str]) -> list[str]:
    """Write logins of lan by their seconds and addresses."""
    return [ssh(seconds, "Accepted", "lan", address, process=1000 + at) for at, (seconds, address) in enumerate(logins)]


def rules_fired(database: Database) -> set[str]:
    """Give the ids of the rules of every incident of an unusual login."""
    return {rule for each in outcome_of(database).incidents if each.kind == "unusual_login" for rule in each.rules}


HABIT = log(*((-days * DAY, HOME) for days in (4, 3, 2, 1)))
ATTACK = log((-DAY + 3600, ABROAD))


def test_a_thief_abroad_is_found_after_a_restart(knowledge: Knowledge, tmp_path: Path) -> None:
    """Each line in a chunk of its own and by a pipeline of its own: country, travel and hosting network are told."""
    with a_store(tmp_path / "store.sqlite") as database:
        for number, line in enumerate([*HABIT, *ATTACK]):
            assert set() == rules_fired(database)
            pipeline = a_pipeline(knowledge, database)
            take(pipeline, a_chunk(line, position=number * 1000))
        fired = rules_fired(database)
    names = {rule.id: rule.name for rule in knowledge.rules.by_id().values()}
    expected = {
        "new_country_for_privileged_account",
        "impossible_travel",
        "account_from_two_countries",
        "login_from_anonymiser_or_hosting",
        "login_from_new_network",
    }
    assert expected == {names[rule] for rule in fired}


def test_nothing_is_told_while_habits_are_learnt(knowledge: Knowledge, tmp_path: Path) -> None:
    """Two places on two days of a new account are no news."""
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(knowledge, database)
        report = take(pipeline, a_chunk("\n".join(log((-DAY, HOME), (0, ABROAD)))))
        assert (set(), 1) == (rules_fired(database), report.profiles)


def test_a_batch_that_cannot_be_stored_is_not_learnt(
    knowledge: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store refused is forgotten in memory too, and learnt when the lines come again."""
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline = a_pipeline(knowledge, database)
        chunk = a_chunk("\n".join(HABIT))
        with monkeypatch.context() as patch:
            patch.setattr("credwatch.pipeline.commit.outbox.queue", _refusing)
            with pytest.raises(StoreError):
                take(pipeline, chunk)
        with database.reading() as connection:
            assert [] == all_profiles(connection)
        nothing = take(pipeline, a_chunk("noise"))
        again = take(pipeline, chunk)
        assert (0, 1) == (nothing.profiles, again.profiles)


def _refusing(*_: object) -> int:
    raise StoreError("the disk is full")
