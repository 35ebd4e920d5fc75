"""The examples of docs/correlations.md do what the page says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from credwatch.app.build import build_knowledge
from credwatch.app.settings import Settings
from credwatch.authoring.cases import CaseFile, run_cases
from credwatch.kernel.options import validated
from credwatch.kernel.secret import Secret
from unit.rules.rule_files import load_rules

PAGE = Path(__file__).parents[2] / "docs" / "correlations.md"
BASES = """
title: A failure
name: a_failure
logsource: {category: authentication}
detection: {it: {event.outcome: failure}, condition: it}
---
title: A success
name: a_success
logsource: {category: authentication}
detection: {it: {event.outcome: success}, condition: it}
---
title: An export
name: an_export
logsource: {category: authentication}
detection: {it: {event.action: data_export}, condition: it}
"""
GIVEN = {"event.outcome": "failure", "user.name": "an", "source.ip": "203.0.113.7"}
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
FILES = [validated({**list(yaml.safe_load_all(each))[1], "given": GIVEN}, CaseFile, where="page") for each in EXAMPLES]


@pytest.mark.parametrize("file", FILES, ids=[file.rule for file in FILES])
def test_an_example(file: CaseFile, tmp_path: Path) -> None:
    """Each rule of the page fires where its cases say so, and stays quiet where they say that."""
    rules = "---\n".join([BASES, *(each.split("---\n")[0] for each in EXAMPLES)])
    (tmp_path / "page.yml").write_text(rules, encoding="utf-8")
    knowledge = build_knowledge(Settings(), notice_key=Secret("page"))
    outcomes = run_cases(file, replace(knowledge, rules=load_rules([tmp_path])))
    assert [""] * len(file.cases) == [outcome.problem for outcome in outcomes]
    assert {"fires", "quiet"} == {case.expect for case in file.cases}
