"""The operator's MMDB files: opened, refused with advice, and taken up anew by a reload."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge
from credwatch.app.databases import open_databases
from credwatch.app.settings import DaemonOptions, EnrichmentOptions, Settings
from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.secret import Secret
from mmdb_files import ASN, CITY, a_database, the_databases
from unit.enrich.known_world import a_frame, an_event


def test_each_database_answers(tmp_path: Path) -> None:
    """Records come as they were written, and an unknown address has none."""
    opened = open_databases(EnrichmentOptions(**the_databases(tmp_path)))
    assert opened.city is not None
    assert opened.asn is not None
    assert "Hanoi" == opened.city.get("203.0.113.9")["city"]["names"]["en"]  # type: ignore[index]
    assert (ASN["198.51.100.0/24"], None) == (opened.asn.get("198.51.100.7"), opened.asn.get("2001:db8:9::1"))


def test_none_is_needed() -> None:
    """Without databases nothing is opened."""
    opened = open_databases(EnrichmentOptions())
    assert (None, None, None, None) == (opened.city, opened.asn, opened.anonymous, opened.connection)


def test_every_database_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    """A missing file, one that is no MMDB, and one of another kind: key, path and advice for each."""
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"no database at all")
    options = EnrichmentOptions(
        city_database=a_database(tmp_path / "asn.mmdb", ASN, kind="GeoLite2-ASN"),
        asn_database=tmp_path / "missing.mmdb",
        anonymous_database=broken,
    )
    with pytest.raises(ProblemsFound) as caught:
        open_databases(options)
    found = {problem.where: (problem.message, bool(problem.hint)) for problem in caught.value.problems}
    assert {
        f"enrichment.city_database: {tmp_path}/asn.mmdb": ("is a database of another kind: GeoLite2-ASN", True),
        f"enrichment.asn_database: {tmp_path}/missing.mmdb": ("cannot be read: No such file or directory", True),
        f"enrichment.anonymous_database: {broken}": ("is no MMDB file", True),
    } == found


def test_a_damaged_record_is_an_unknown_one(tmp_path: Path) -> None:
    """A file whose end is damaged opens, and gives nothing for what it cannot decode."""
    path = a_database(tmp_path / "city.mmdb", CITY)
    data = bytearray(path.read_bytes())
    at = data.index(b"Bucharest") - 1
    data[at : at + 10] = b"\xff" * 10
    path.write_bytes(data)
    database = open_databases(EnrichmentOptions(city_database=path)).city
    assert database is not None
    assert "VN" == database.get("203.0.113.9")["country"]["iso_code"]  # type: ignore[index]
    assert database.get("198.51.100.7") is None


def test_a_replaced_file_is_taken_up(tmp_path: Path) -> None:
    """Building the knowledge again, as a reload does, reads the file that is there now."""
    path = a_database(tmp_path / "city.mmdb", CITY)
    settings = Settings(
        daemon=DaemonOptions(registers_directory=tmp_path), enrichment=EnrichmentOptions(city_database=path)
    )
    frame = a_frame(an_event(source__ip="203.0.113.9"))
    before = build_knowledge(settings, notice_key=Secret("k")).enricher
    os.replace(a_database(tmp_path / "new.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "LA"}}}), path)  # noqa: PTH105
    after = build_knowledge(settings, notice_key=Secret("k")).enricher
    countries = [each.enrich(frame)["source.geo.country_iso_code"].to_list() for each in (before, after)]
    assert [["VN"], ["LA"]] == countries
