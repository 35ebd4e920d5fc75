"""`credwatch check` finds all mistakes in one run, and `credwatch run` refuses to start on each of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credwatch.checks.check import check_everything
from credwatch.kernel.errors import Problem, Severity
from credwatch.service.first_check import FirstCheck
from scenarios.daemon import PATIENCE, SOURCE_ROOT, Site
from scenarios.site_files import CUSTOMERS, RULES, SETTINGS, STEALING_PACK

UNKNOWN_KEY = SETTINGS.replace('log_format = "json"', 'log_format = "json"\nstate_directry = "/x"')
UNKNOWN_ZONE = SETTINGS.replace('format = "syslog"', 'format = "syslog"\ntime_zone = "Asia/Nha_Trang"')
LONELY_CUSTOMER = CUSTOMERS.replace('["it@haiau.example", "giam.doc@haiau.example"]', "[]")
BROKEN_RULE = RULES.replace("event.outcome: failure", "event.outcoem: failure")
WITH_TEMPLATES = SETTINGS.replace(
    'log_format = "json"', 'log_format = "json"\ntemplates_directory = "{folder}/templates"'
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Furnish a site without mistakes."""
    return Site(tmp_path, port=25).furnish()


def _with_settings(site: Site, text: str) -> None:
    site.config.write_text(text.format(folder=site.folder, port=25), encoding="utf-8")


def _with(site: Site, file: str, text: str) -> None:
    path = site.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


MISTAKES: dict[str, tuple[Any, str, str]] = {
    "unknown key": (
        lambda site: _with_settings(site, UNKNOWN_KEY), "credwatch.toml: daemon.state_directry", "unknown key"
    ),
    "unknown time zone": (
        lambda site: _with_settings(site, UNKNOWN_ZONE), "credwatch.toml: source.0.time_zone", "Asia/Nha_Trang"
    ),
    "missing log": (lambda site: site.auth_log.unlink(), "source servers: paths", "auth.log does not exist"),
    "missing rules": (lambda site: _without_rules(site), "rules", "does not exist"),
    "missing state": (lambda site: (site.folder / "state").rmdir(), "daemon.state_directory", "does not exist"),
    "broken rule": (lambda site: _with(site, "rules/own.yml", BROKEN_RULE), "own.yml", "event.outcoem"),
    "rule that is no YAML": (lambda site: _with(site, "rules/own.yml", "title: [\n"), "own.yml", ""),
    "two packs that claim a line": (lambda site: _with(site, "packs/thief.yml", STEALING_PACK), "thief.yml", "openssh"),
    "customer without addresses": (
        lambda site: _with(site, "registers/customers.toml", LONELY_CUSTOMER),
        "customers.toml: customer.0.notice_addresses", "at least 2",
    ),
    "register that is no TOML": (lambda site: _with(site, "registers/staff.toml", "[[staff\n"), "staff.toml", "line 1"),
    "template error": (lambda site: _broken_template(site), "customer_notice.j2:1", "not a valid template"),
}  # fmt: skip
"""Each mistake: how it is made, and what is said of it where and how."""


def _without_rules(site: Site) -> None:
    site.rules.unlink()
    site.rules.parent.rmdir()


def _broken_template(site: Site) -> None:
    _with_settings(site, WITH_TEMPLATES)
    _with(site, "templates/vi/customer_notice.j2", "{% if %}")


def _says(problems: list[Problem], where: str, message: str) -> list[Problem]:
    return [problem for problem in problems if where in problem.where and message in problem.message]


def test_a_site_without_mistakes_has_no_problems(site: Site) -> None:
    """Nothing is found where nothing is wrong, and nothing is changed by looking."""
    before = sorted(site.folder.rglob("*"))
    assert [] == check_everything(site.config)
    assert before == sorted(site.folder.rglob("*"))


@pytest.mark.parametrize(("make", "where", "message"), list(MISTAKES.values()), ids=list(MISTAKES))
def test_each_mistake_is_named(site: Site, make: Any, where: str, message: str) -> None:
    """A mistake is found with its place and a hint, and it is the only thing that is said."""
    make(site)
    problems = check_everything(site.config)
    found = _says(problems, where, message)
    assert found, "\n".join(map(str, problems))
    assert len(found) == len(problems), "\n".join(map(str, problems))
    assert all(problem.hint for problem in found), "\n".join(map(str, problems))


def test_an_unreadable_log_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that the daemon's user may not read is found before the daemon starts; root may read everything."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(site.auth_log) and may(path, mode))
    (problem,) = check_everything(site.config)
    assert ("source servers: paths", f"{site.auth_log} may not be read") == (problem.where, problem.message)
    assert "group" in problem.hint


def test_one_run_finds_everything(site: Site) -> None:
    """Mistakes in the settings do not hide those in registers, rules, packs, templates and sources."""
    _with_every_mistake(site)
    problems = check_everything(site.config)
    for name, (where, message) in _EVERY_MISTAKE.items():
        assert _says(problems, where, message), f"{name} is not among\n" + "\n".join(map(str, problems))


def test_run_refuses_in_the_same_words(site: Site) -> None:
    """Where there are errors `run` ends with exit 2 and says the same as `check`, faults included; no store is made."""
    _with_every_mistake(site)
    checked = _credwatch("check", "--offline", "--config", str(site.config))
    ran = _credwatch("run", "--config", str(site.config))
    assert 1 == checked.returncode
    assert 2 == ran.returncode
    assert checked.stderr.rsplit("problems found", 1)[0] == ran.stderr
    assert [] == list((site.folder / "state").iterdir())
    as_json = _credwatch("check", "--offline", "--json", "--config", str(site.config))
    assert [Problem(**each) for each in json.loads(as_json.stdout)["problems"]] == check_everything(site.config)


@pytest.mark.parametrize("config", ["there-is-none.toml", "folder", "bytes.toml"])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, config: str) -> None:
    """No file, a folder, and bytes that are no text are each one problem with a hint."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (problem,) = check_everything(tmp_path / config)
    assert config in problem.where
    assert problem.hint


_EVERY_MISTAKE = {
    "unknown key": ("credwatch.toml: daemon.state_directry", "unknown key"),
    "unknown time zone": ("credwatch.toml: source.0.time_zone", "Asia/Nha_Trang"),
    "missing log": ("source servers: paths", "auth.log does not exist"),
    "broken rule": ("own.yml", "event.outcoem"),
    "two packs": ("thief.yml", "openssh"),
    "customer without addresses": ("customers.toml: customer.0.notice_addresses", "at least 2"),
    "template error": ("customer_notice.j2:1", "not a valid template"),
}


def _with_every_mistake(site: Site) -> None:
    for name in ("missing log", "broken rule", "two packs that claim a line", "customer without addresses"):
        MISTAKES[name][0](site)
    _broken_template(site)
    text = site.config.read_text(encoding="utf-8")
    text = text.replace('format = "syslog"', 'format = "syslog"\ntime_zone = "Asia/Nha_Trang"')
    site.config.write_text(f"{text}".replace("[daemon]", '[daemon]\nstate_directry = "/x"'), encoding="utf-8")


def _credwatch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "credwatch", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)},
    )


def test_what_is_only_odd_keeps_nothing_from_starting(site: Site) -> None:
    """A site whose one source is JSON is told of the rules that cannot match there, and would start."""
    _with_settings(site, SETTINGS.replace('format = "syslog"', 'format = "json"'))
    warnings = FirstCheck(site.config).refuse_on_problems()
    assert {Severity.WARNING} == {warning.severity for warning in warnings}
    assert any("can never match" in warning.message for warning in warnings)
