"""What the archive forgets, and when."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from archived_events import BEGIN, an_event, fill, offsets, some_events
from credwatch.archive.classes import OF_CLASS, FieldClass, class_of
from credwatch.archive.days import compact
from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.forgetting import forget
from credwatch.archive.options import ArchiveOptions, ArchiveRetentionOptions
from credwatch.archive.reading import ArchiveReader
from credwatch.archive.search import Search, Sought
from credwatch.kernel.fields import BY_NAME

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> ArchiveFolder:
    """Give an archive of three days, some events of each with a line and a customer."""
    made = ArchiveFolder(tmp_path / "archive")
    fill(made, [some_events(90, seed=4)])
    compact(made)
    return made


def found(folder: ArchiveFolder) -> pl.DataFrame:
    return Search(ArchiveReader(folder), {}).latest(Sought(), 1000)


def test_days_go_once_all_of_them_is_over(folder: ArchiveFolder) -> None:
    """A day goes as a whole, when its last moment is older than events are kept."""
    kept = ArchiveRetentionOptions.model_validate(dict.fromkeys(("events", "accounts", "addresses", "lines"), "10d"))
    before = found(folder)
    last = BEGIN + DAY - timedelta(microseconds=1)
    assert forget(folder, last + 10 * DAY, kept).days > 0, "the days before the first"
    assert before.filter(pl.col("@timestamp") >= BEGIN).equals(found(folder))
    assert 1 == forget(folder, last + 10 * DAY + timedelta(microseconds=1), kept).days
    assert before.filter(pl.col("@timestamp") >= BEGIN + DAY).equals(found(folder))


@pytest.mark.parametrize("kind", list(FieldClass))
def test_a_class_of_fields_goes_by_itself(folder: ArchiveFolder, kind: FieldClass) -> None:
    """Fields past their time are null, in files written anew; all else stays, and once is enough."""
    before = found(folder)
    kept = ArchiveRetentionOptions.model_validate({kind.value: "10d"})
    now = BEGIN + 12 * DAY
    gone = forget(folder, now, kept)
    after = found(folder)
    others = [name for name in before.columns if name not in OF_CLASS[kind]]
    assert gone.rewritten > 0 == gone.days
    assert before.select(others).sort("log.offset").equals(after.select(others).sort("log.offset"))
    old = after.filter(pl.col("@timestamp") < BEGIN + 2 * DAY)
    assert 0 == sum(old[name].count() for name in OF_CLASS[kind])
    young = pl.col("@timestamp") >= BEGIN + 2 * DAY
    assert before.filter(young).equals(after.filter(young))
    assert 0 == forget(folder, now, kept).rewritten


def test_a_customer_whose_service_is_over_goes(folder: ArchiveFolder) -> None:
    """Every event of that customer goes, and no other."""
    before = found(folder)
    forget(folder, BEGIN, ArchiveRetentionOptions(), ["hai-au", "unheard-of"])
    rest = before.filter(pl.col("organization.id").ne_missing("hai-au"))
    assert sorted(offsets(rest)) == sorted(offsets(found(folder)))
    assert 0 == forget(folder, BEGIN, ArchiveRetentionOptions(), ["hai-au"]).rewritten


def test_late_events_are_forgotten_too(folder: ArchiveFolder) -> None:
    """Fields of events that come to a day after its time go at the next look."""
    kept = ArchiveRetentionOptions.model_validate({"accounts": "10d"})
    now = BEGIN + 30 * DAY
    forget(folder, now, kept)
    fill(folder, [[an_event(1000)]], first=50)
    compact(folder)
    assert 1 == found(folder)["user.name"].count()
    assert 1 == forget(folder, now, kept).rewritten
    assert 0 == found(folder)["user.name"].count()


def test_every_field_has_one_class_or_none() -> None:
    """The classes name fields of the schema, each once; the time, the customer and the act are of none."""
    named = [name for names in OF_CLASS.values() for name in names]
    assert len(named) == len({*named} & {*BY_NAME})
    assert {None} == {class_of(name) for name in ("@timestamp", "organization.id", "event.action", "event.outcome")}
    assert FieldClass.ACCOUNTS is class_of("user.target.email")
    assert FieldClass.ADDRESSES is class_of("source.geo.city_name")
    assert FieldClass.LINES is class_of("event.original")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"personal": ("user.nmae",)}, "did you mean 'user.name'"),
        ({"personal": ("source.port",)}, "cannot be sealed|no field that can be sealed"),
        ({"personal": ("organization.id",)}, "no field that can be sealed"),
        ({"folder": "archive"}, "absolute"),
        ({"retention": {"events": "30d", "accounts": "60d"}}, "cannot be kept longer than events"),
        ({"waiting_bytes": 5}, "greater than or equal"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object], words: str) -> None:
    """A field that cannot be sealed, a folder that depends on where one stands, a class that outlives its event."""
    with pytest.raises(ValueError, match=words):
        ArchiveOptions.model_validate(options)


def test_days_are_of_utc(folder: ArchiveFolder) -> None:
    """The file of a day has what happened on it in UTC."""
    assert date(2026, 3, 1) in folder.days()
