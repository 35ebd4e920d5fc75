"""Every message that a rule sends is rendered before it is needed."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from builders_outbox import a_renderer
from credwatch.app.build import rule_folders, rules_in
from credwatch.app.notices import covered_problems, notice_problems
from credwatch.app.settings import Settings
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.templates import Templates
from credwatch.rules.model import RuleSet

SETTINGS = Settings()
RULES, _ = rules_in(rule_folders(SETTINGS), SETTINGS)
NO_RULES = RuleSet((), ())


def _problems(folder: Path, template: str, rules: RuleSet) -> list[str]:
    (folder / "vi").mkdir()
    (folder / "vi" / "customer_notice.j2").write_text(template, encoding="utf-8")
    return [str(problem) for problem in notice_problems(a_renderer(templates=Templates(folder)), rules)]


def test_the_shipped_templates_serve_every_shipped_rule() -> None:
    """Each rule's notice, in both languages, renders from what its kind of incident has."""
    assert [] == notice_problems(a_renderer(), RULES)


def test_a_mistake_is_told_once_with_its_line(tmp_path: Path) -> None:
    """A template that fails for every rule is one problem, with file, line and what to do."""
    (told,) = _problems(tmp_path, '{% set subject = "x" %}\n{{ nummer }}', RULES)
    assert told.startswith(f"{tmp_path}/vi/customer_notice.j2:2: ")
    assert "'nummer' is undefined" in told
    assert "hint: " in told


def test_a_mistake_in_one_kind_names_the_rule_that_meets_it(tmp_path: Path) -> None:
    """What fails for one kind of incident alone is found, and nowhere else."""
    notified = [rule.consequence for rule in RULES.by_id().values() if "customer_notice" in rule.consequence.workflows]
    kind = min({consequence.incident for consequence in notified} - {"account_takeover"})
    template = '{% set subject = "x" %}{% if kind.title == kind_of("' + kind + '").title %}{{ nummer }}{% endif %}'
    assert [] == [told for told in _problems(tmp_path, template, NO_RULES) if "nummer" in told]
    (tmp_path / "vi" / "customer_notice.j2").unlink()
    (tmp_path / "vi").rmdir()
    assert [told for told in _problems(tmp_path, template, RULES) if "in what rule '" in told]


def test_own_rules_alone_are_rendered_where_templates_are_shipped(tmp_path: Path) -> None:
    """Without templates of the operator's own, what shipped rules send is not rendered again; what others send is."""
    (tmp_path / "vi").mkdir()
    (tmp_path / "vi" / "customer_notice.j2").write_text("{{ nummer }}", encoding="utf-8")
    renderer = a_renderer(templates=Templates(tmp_path))
    rule = next(rule for rule in RULES.events if "customer_notice" in rule.consequence.workflows)
    assert [] == notice_problems(renderer, RuleSet((rule,), ()), own_templates=False)
    (problem,) = notice_problems(renderer, RuleSet((replace(rule, where="own.yml"),), ()), own_templates=False)
    assert "'nummer' is undefined" in str(problem)


def test_a_rule_that_covers_a_misspelt_one_is_told(tmp_path: Path) -> None:
    """The id that no rule has is named, with the nearest that is there; shipped words name none such."""
    shipped_words = shipped("config") / "templates"
    assert [] == list(covered_problems([shipped_words], RULES))
    covered = next(iter(RULES.by_id()))
    both = "".join(f'[{covered}.{language}]\nwhat = "x"\n' for language in ("vi", "en"))
    words = f'[{covered}]\ncovers = ["{covered[:-1]}", "{covered}"]\n{both}'
    (tmp_path / "rules.toml").write_text(words)
    (problem,) = covered_problems([tmp_path, shipped_words], RULES)
    assert f"{covered}.covers: no rule has the id {covered[:-1]!r}" in str(problem)
    assert f"did you mean {covered!r}" in str(problem)
