"""What has nothing in it although the job needs it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.checks.check import check_everything
from credwatch.kernel.errors import Severity
from scenarios.daemon import Site
from scenarios.site_files import SETTINGS

NO_SOURCE = SETTINGS[: SETTINGS.index("[[source]]")] + SETTINGS[SETTINGS.index("[detection]") :]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Furnish a site without mistakes."""
    return Site(tmp_path, port=25).furnish()


def test_no_source_is_a_problem(site: Site) -> None:
    """A daemon that follows nothing would find nothing."""
    site.config.write_text(NO_SOURCE.format(folder=site.folder, port=25), encoding="utf-8")
    (problem,) = check_everything(site.config)
    assert ("source", Severity.FAULT) == (problem.where, problem.severity)


@pytest.mark.parametrize("is_there", [True, False])
def test_no_customer_is_a_problem(site: Site, is_there: bool) -> None:
    """A vendor's daemon without customers would tell nobody, whether the register is empty or gone."""
    (site.folder / "registers" / "authorisations.toml").unlink()
    customers = site.folder / "registers" / "customers.toml"
    customers.write_text("") if is_there else customers.unlink()
    (problem,) = check_everything(site.config)
    assert (str(customers), Severity.FAULT) == (problem.where, problem.severity)


def test_a_mistake_is_told_once(site: Site) -> None:
    """Where a mistake leaves sources or customers out, the mistake is told, and not that there are none."""
    text = site.config.read_text(encoding="utf-8").replace('id = "application"', 'id = "servers"')
    site.config.write_text(text.replace("[[source]]", "[[source]]\n", 1), encoding="utf-8")
    (site.folder / "registers" / "customers.toml").write_text("[[customer]]\n")
    told = [problem.headline() for problem in check_everything(site.config)]
    assert not [line for line in told if "nobody is told" in line]
    assert [line for line in told if "two sources" in line]


def test_a_folder_that_is_named_and_missing_is_a_problem(site: Site) -> None:
    """A misspelt folder of templates would be taken for an empty one."""
    text = site.config.read_text(encoding="utf-8")
    missing = site.folder / "tempaltes"
    site.config.write_text(text.replace("[daemon]", f'[daemon]\ntemplates_directory = "{missing}"'), encoding="utf-8")
    (problem,) = check_everything(site.config)
    assert f"daemon.templates_directory: {missing}" == problem.where
