"""Runs the cases beside every shipped rule through the real parser, enricher and engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge, rule_folders
from credwatch.app.cases import CaseFile, find_cases, read_cases, run_cases, without_cases
from credwatch.app.pipeline import Knowledge
from credwatch.app.settings import DaemonOptions, Settings
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.rules.model import Rule

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = Settings(daemon=DaemonOptions(registers_directory=shipped("config") / "examples"))
FILES = [file for path in find_cases(rule_folders(SETTINGS)) for file in read_cases(path)]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    """Build what a daemon with the registers of the examples knows."""
    return build_knowledge(SETTINGS, notice_key=Secret("cases"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.rule)
def test_every_case_comes_out_as_it_says(file: CaseFile, knowledge: Knowledge) -> None:
    """A rule fires where its cases say so and is quiet where they say so, with all other rules loaded."""
    outcomes = run_cases(file, knowledge)
    assert {outcome.case: "" for outcome in outcomes} == {outcome.case: outcome.problem for outcome in outcomes}


def test_every_rule_has_cases_of_both_kinds(knowledge: Knowledge) -> None:
    """No shipped rule lacks a case that fires or one that stays quiet."""
    assert [] == without_cases(knowledge.rules, FILES)


def test_every_rule_is_complete(knowledge: Knowledge) -> None:
    """Each rule that opens an incident has a clause, tags and false positives for who reads its detection."""
    texts = {
        path: path.read_text(encoding="utf-8") for folder in rule_folders(SETTINGS) for path in _rule_files(folder)
    }
    for path, text in texts.items():
        for document in text.split("\n---\n"):
            if "credwatch:" in document:
                for key in (
                    "author:",
                    "clause:",
                    "date:",
                    "description:",
                    "falsepositives:",
                    "id:",
                    "level:",
                    "status:",
                ):
                    assert key in document, f"{path}: {key} is missing in\n{document[:60]}"


def _rule_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.yml") if not path.name.endswith(".cases.yml")]


def test_the_page_of_detections_lists_every_rule(knowledge: Knowledge) -> None:
    """The tables of docs/detections.md say what the files say."""
    lines = (DOCS / "detections.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    every = knowledge.rules.by_id().values()
    expected = [_row(rule) for rule in every if rule.alone]
    assert expected == [row for row in cells if len(row) == 6]
    assert [[f"`{rule.name}`", rule.title] for rule in every if not rule.alone] == [
        row for row in cells if len(row) == 2
    ]


def _row(rule: Rule) -> list[str]:
    follows = rule.consequence
    workflows = ", ".join(follows.workflows) or "–"
    return [f"`{rule.name}`", rule.title, rule.level.name.lower(), follows.incident, workflows, follows.clause]


def test_the_examples_of_the_page_about_rules_hold(tmp_path: Path) -> None:
    """Its rules, cases, log sources, correlation and filter load beside the shipped ones, and its cases come out."""
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    rule, cases, native, sources, correlation, quiet = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    files = {"a.yml": rule, "a.cases.yml": cases, "b.yml": correlation, "c.yml": quiet, "d.yml": native}
    for name, text in {**files, "logsources.yml": sources}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = Settings(daemon=DaemonOptions(registers_directory=tmp_path, rules_directories=(tmp_path,)))
    (file,) = read_cases(tmp_path / "a.cases.yml")
    outcomes = run_cases(file, build_knowledge(settings, notice_key=Secret("cases")))
    assert [("contractor_at_night", "")] * 3 == [(outcome.rule, outcome.problem) for outcome in outcomes]
    assert "contractor_at_night" in outcomes[0].fired
