"""An authority of time stamps says of the audit trail that it was there: asked, kept, handed on, and checked."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders_outbox import some_facts
from credwatch.app.settings import Settings, load_settings
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import CredwatchError
from credwatch.service.signing import Signing
from credwatch.service.stamping import Stamping
from credwatch.telemetry.metrics import Metrics
from scenarios.daemon import Site
from scenarios.test_audit import entries, run
from scenarios.test_case_life import Desk
from time_stamps import StampingAuthority, a_stamping_authority

DAY = timedelta(days=1)


class Bureau:
    """A site whose trail an authority stamps, and whose clocks a test moves."""

    def __init__(self, folder: Path, authority: StampingAuthority) -> None:
        site = Site(folder, port=25).furnish()
        site.rules.unlink()
        with site.config.open("a") as file:
            file.write(f'\n[audit]\ntimestamp_url = "{authority.url}"\ntimestamp_roots = "{authority.roots}"\n')
        self.desk, self.authority, self.metrics = Desk(site), authority, Metrics()
        self.settings, self.config = load_settings(site.config), site.config
        self.passed = timedelta(0)
        self.stamping = Stamping(
            self.settings,
            self.desk.database,
            self.metrics,
            lambda: datetime.now(UTC) + self.passed,
            lambda: self.passed.total_seconds(),
        )

    def stamp(self, after: timedelta = timedelta(0)) -> int:
        """Let time pass by and have the job run; return how often the authority was asked until now."""
        self.passed += after
        self.stamping.stamp()
        return len(self.authority.queries)

    def sign(self) -> None:
        """Sign the trail as it is."""
        run("audit", "checkpoint", "--config", self.config)

    def value(self, name: str) -> float:
        """Return what a metric says."""
        return self.metrics.registry.get_sample_value(f"credwatch_audit_{name}") or 0.0

    def key(self) -> str:
        """Return the public key of the installation."""
        return run("audit", "key", "--config", self.config).strip()


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    """Furnish it."""
    with a_stamping_authority(tmp_path / "authority") as authority:
        bureau = Bureau(tmp_path, authority)
        yield bureau
        bureau.desk.database.close()


def test_an_entry_is_proven_to_have_been_there_when_the_authority_stamped_it(bureau: Bureau, tmp_path: Path) -> None:
    """A proof, its stamp and an archive of the case are checked with keys alone, by us and by OpenSSL."""
    bureau.sign()
    assert 1 == bureau.stamp()
    (row,) = map(json.loads, run("audit", "stamps", "--json", "--config", bureau.config).splitlines())
    assert "Authority of the tests tsa" == row["authority"]
    assert abs(datetime.fromisoformat(row["at"]) - datetime.now(UTC)) < timedelta(minutes=10)
    number = bureau.desk.number
    first = entries(bureau.desk.site, "--incident", number)[0]["index"]
    proof, stamp, key = tmp_path / "one.tlog-proof", tmp_path / "one.tsr", bureau.key()
    proof.write_text(run("audit", "proof", str(first), "--stamp", stamp, "--config", bureau.config))
    checked = ("verify", proof, "--key", key, "--stamp", stamp, "--roots", bureau.authority.roots)
    assert f"stamped: {row['at']} by Authority of the tests tsa" in run(*checked)
    archive = tmp_path / "case.zip"
    run("evidence", number, "--output", archive, "--config", bureau.config)
    told = run("verify", archive, "--key", key, "--roots", bureau.authority.roots)
    assert f"stamped: {row['at']}" in told
    with zipfile.ZipFile(archive) as packed:
        for ending in ("txt", "tsr"):
            (tmp_path / f"stamped.{ending}").write_bytes(packed.read(f"audit/stamped-checkpoint.{ending}"))
    assert bureau.authority.verifies(tmp_path / "stamped.tsr", tmp_path / "stamped.txt")
    run("audit", "proof", str(first), "--stamp", stamp, "--config", bureau.config, expected=2)
    run("audit", "proof", "99999", "--stamp", tmp_path / "other.tsr", "--config", bureau.config, expected=1)


def test_a_stamp_of_something_else_or_of_somebody_else_is_found(bureau: Bureau, tmp_path: Path) -> None:
    """A stamp of another checkpoint, one that was changed, and an authority that nobody named prove nothing."""
    bureau.sign()
    bureau.stamp()
    bureau.desk.run("note", bureau.desk.number, "more", "--by", "mai")
    bureau.sign()
    assert 2 == bureau.stamp(2 * DAY)
    key, indices = bureau.key(), (0, entries(bureau.desk.site)[-1]["index"])
    for name, index in zip("ab", indices, strict=True):
        stamp = tmp_path / f"{name}.tsr"
        text = run("audit", "proof", str(index), "--stamp", stamp, "--config", bureau.config)
        (tmp_path / f"{name}.tlog-proof").write_text(text)
    changed = tmp_path / "changed.tsr"
    changed.write_bytes((tmp_path / "a.tsr").read_bytes()[:-1] + b"\0")
    with a_stamping_authority(tmp_path / "others", "Somebody else") as other:
        for stamp, roots in (
            (tmp_path / "b.tsr", bureau.authority.roots),
            (changed, bureau.authority.roots),
            (tmp_path / "a.tsr", other.roots),
        ):
            command = ("verify", tmp_path / "a.tlog-proof", "--key", key, "--stamp", stamp, "--roots", roots)
            assert not json.loads(run(*command, "--json", expected=1))["genuine"]
    good = ("verify", tmp_path / "a.tlog-proof", "--key", key, "--stamp", tmp_path / "a.tsr")
    run(*good, "--roots", bureau.authority.roots)
    run(*good, "--roots", bureau.config, expected=1)
    run(*good, "--roots", tmp_path / "missing", expected=2)


def test_the_authority_is_asked_once_a_day_and_only_if_something_came(bureau: Bureau) -> None:
    """What is stamped is not stamped again; the metric says up to when all of it is."""
    assert 0 == bureau.stamp(), "nothing is signed yet"
    bureau.sign()
    assert 1 == bureau.stamp()
    assert abs(bureau.value("stamped_timestamp_seconds") - datetime.now(UTC).timestamp()) < 600
    assert 1 == bureau.stamp(3 * DAY)
    bureau.desk.run("note", bureau.desk.number, "more", "--by", "mai")
    bureau.sign()
    assert 2 == bureau.stamp()
    bureau.desk.run("note", bureau.desk.number, "still more", "--by", "mai")
    bureau.sign()
    bureau.passed -= 3 * DAY
    assert 2 == bureau.stamp(timedelta(hours=1)), "within a day of the last one"


@pytest.mark.parametrize("way", ["refuses", "nonsense", "endless", "another", "gone", "no roots"])
def test_an_authority_that_fails_is_asked_again_after_a_while(bureau: Bureau, tmp_path: Path, way: str) -> None:
    """Nothing but a right stamp is kept; it is said once a try, with growing pauses, and the next right one counts."""
    bureau.sign()
    authority, roots = bureau.authority, bureau.authority.roots.read_bytes()
    if way == "refuses":
        authority.status = 503
    elif way == "another":
        bureau.stamp()
        authority.reply = (authority.folder / "1.tsr").read_bytes()  # right, and of another question
        bureau.desk.run("note", bureau.desk.number, "more", "--by", "mai")
        bureau.sign()
        bureau.passed += 2 * DAY
    elif way == "gone":
        url, authority.url = authority.url, "http://127.0.0.1:1/"
        bureau.stamping._options = bureau.settings.audit.model_copy(update={"timestamp_url": authority.url})
    elif way == "no roots":
        authority.roots.unlink()
    else:
        authority.reply = b"<html>" if way == "nonsense" else b"0" * 100_000
    kept = run("audit", "stamps", "--json", "--config", bureau.config)
    asked = bureau.stamp()
    assert 1 == bureau.value("stamp_failures_total")
    assert asked == bureau.stamp(timedelta(seconds=59)), "it waits a minute"
    bureau.stamp(timedelta(seconds=1))
    assert 2 == bureau.value("stamp_failures_total")
    bureau.stamp(timedelta(seconds=119))
    assert 2 == bureau.value("stamp_failures_total"), "and then two"
    assert kept == run("audit", "stamps", "--json", "--config", bureau.config)
    authority.status, authority.reply = 200, None
    authority.roots.write_bytes(roots)
    if way == "gone":
        bureau.stamping._options = bureau.settings.audit.model_copy(update={"timestamp_url": url})
    bureau.stamp(timedelta(hours=2))
    assert kept != run("audit", "stamps", "--json", "--config", bureau.config)


def test_a_daemon_asks_by_its_timetable_where_an_authority_is_configured(bureau: Bureau) -> None:
    """The job is there with the address, and missing without; an address without certificates is refused."""

    def jobs(settings: Settings) -> list[str]:
        signing = Signing(settings, bureau.desk.database, Metrics(), system_clock, some_facts)
        return [job.name for job in signing.jobs()]

    assert ["checkpoint", "audit", "changes", "stamp"] == jobs(bureau.settings)
    text = bureau.config.read_text()
    bureau.config.write_text(text.partition("\n[audit]")[0])
    assert ["checkpoint", "audit", "changes"] == jobs(load_settings(bureau.config))
    bureau.config.write_text(text.partition("timestamp_roots")[0])
    with pytest.raises(CredwatchError, match="timestamp_roots is missing"):
        load_settings(bureau.config)
