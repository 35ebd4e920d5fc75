"""Telephone numbers that are missing are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.checks.check import check_everything
from credwatch.kernel.errors import Problem, Severity
from scenarios.daemon import Site

NUMBER = 'phone = "+84 258 5550 0100"\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Furnish a site without mistakes."""
    return Site(tmp_path, port=25).furnish()


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _asked(site: Site) -> list[Problem]:
    return [problem for problem in check_everything(site.config) if "phone" in problem.where]


def test_where_all_have_numbers_nothing_is_asked(site: Site) -> None:
    """A site with its own number and those of its customers gets no warning."""
    assert [] == _asked(site)


def test_a_customer_without_a_number_is_named(site: Site) -> None:
    """The register's file, its key and the customer stand in a warning."""
    customers = site.folder / "registers" / "customers.toml"
    _change(customers, 'phone = "+84 258 5550 0112"\n', "")
    (problem,) = _asked(site)
    assert (f"{customers}: customer.phone", Severity.WARNING) == (problem.where, problem.severity)
    assert "blue-harbor" in problem.message
    assert "hai-au" not in problem.message


def test_the_own_number_is_asked_for(site: Site) -> None:
    """Letters ask their readers to get in touch: `contact.phone` is missing then."""
    _change(site.config, f"[contact]\n{NUMBER}", "")
    assert ["contact.phone"] == [problem.where for problem in _asked(site)]


def test_a_customer_is_asked_for_the_vendors_number_alone(site: Site) -> None:
    """In role customer it is the vendor that must be called, whatever the register lacks."""
    _change(site.config, "[daemon]\n", '[daemon]\nrole = "customer"\n')
    _change(site.folder / "registers" / "customers.toml", 'phone = "+84 258 5550 0112"\n', "")
    assert ["vendor.phone"] == [problem.where for problem in _asked(site)]
