"""Runs the cases beside every shipped rule through the real parser, enricher and engine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.app.build import rule_folders
from credwatch.app.settings import Settings
from credwatch.authoring.check import check_rules
from credwatch.authoring.choice import choose_rules, example_settings, knowledge_with
from credwatch.authoring.testing import run_tests
from credwatch.cli.main import app
from credwatch.pipeline.pipeline import Knowledge
from gallery.detections import detections_page

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "rules.md").read_text(encoding="utf-8")
SETTINGS = example_settings()
CHOICE = choose_rules([], SETTINGS)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    """Build what a daemon with the registers of the examples knows."""
    return knowledge_with(CHOICE.rules, SETTINGS)


def test_every_case_comes_out_as_it_says(knowledge: Knowledge) -> None:
    """Each shipped rule has cases of both kinds, fires where they say so and is quiet where they say so."""
    tested = run_tests(CHOICE, knowledge, knowledge)
    assert ([], ()) == (tested.failed, tested.problems)
    assert len(tested.outcomes) >= 2 * len(CHOICE.asked())


def test_the_check_finds_nothing() -> None:
    """The shipped rules are as clean as the check asks of others; not even a note is left."""
    assert [] == check_rules(CHOICE)


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


def test_the_page_of_detections_is_that_of_the_rules() -> None:
    """`docs/detections.md` is what `PYTHONPATH=tests python -m gallery.detections` prints."""
    assert detections_page() == (DOCS / "detections.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_about_rules_hold(tmp_path: Path) -> None:
    """Its rules, cases, log sources, correlation and filter load beside the shipped ones, and its cases come out."""
    names = ("a.yml", "a.cases.yml", "d.yml", "logsources.yml", "b.yml", "c.yml")
    for name, text in zip(names, _blocks("yaml"), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    choice = choose_rules([tmp_path], Settings())
    assert [] == check_rules(choice, with_cases=False)
    known = knowledge_with(choice.rules, SETTINGS)
    outcomes = run_tests(choice, known, known).outcomes
    assert [("contractor_at_night", "")] * 3 == [(outcome.rule, outcome.problem) for outcome in outcomes]


def test_the_ten_minutes_of_the_page_about_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pasted one after the other, its commands check, test, explain and replay the rule that it shows."""
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "auth.log"
    log.write_text(
        "2026-03-02T16:00:00+00:00 web1 sshd[811]: Accepted password for ext-huong from 203.0.113.9 port 1 ssh2\n"
    )
    (tmp_path / "my-rules").mkdir()
    rule, cases, *_ = _blocks("yaml")
    checked, tested, explained, replayed = _blocks("sh")
    Path("my-rules/contractors.yml").write_text(rule, encoding="utf-8")
    assert [(0, "1 rules, 0 errors, 0 notes")] == _said(checked)
    Path("my-rules/contractors.cases.yml").write_text(cases, encoding="utf-8")
    assert [0, 0] == [code for code, _ in _said(tested)]
    ((code, tree),) = _said(explained)
    shown = PAGE.partition("    ✗ contractor_at_night")[2].partition("            …")[0]
    assert (0, True) == (code, _squeezed(f"✗ contractor_at_night{shown}") in _squeezed(tree))
    ((code, report),) = _said(replayed.replace("/var/log/auth.log", str(log)))
    assert (0, True) == (code, "Contractor logged in at night" in report)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def _said(block: str) -> list[tuple[int, str]]:
    """Run the commands of a block, and give the exit code and all that each said."""
    results = [
        CliRunner().invoke(app, shlex.split(line)[1:]) for line in block.replace("\\\n", "").strip().splitlines()
    ]
    return [(result.exit_code, result.output.strip()) for result in results]


def _squeezed(text: str) -> str:
    """Give a tree without its branches, which depend on what stands below."""
    return " ".join(re.sub(r"[│├└─]", " ", text).split())
