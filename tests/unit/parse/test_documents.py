"""The documents say what the code does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from credwatch.kernel.fields import FIELDS
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat, parse
from credwatch.rules.packs.packs import load_packs, read_pack

DOCS = Path(__file__).parents[3] / "docs"
PACKS = load_packs(shipped("rules") / "packs")
SCHEMA = json.loads((shipped("config") / "schemas" / "credwatch-app.schema.json").read_text())
APP = next(pack for pack in PACKS.packs if pack.id == "credwatch-app")


def examples() -> list[str]:
    """List the JSON lines of the page for application developers."""
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / "application-events.md").read_text(), flags=re.S)
    return [line for block in blocks for line in block.splitlines()]


def actions() -> set[str]:
    """List every action that a shipped pack can give."""
    found: set[str] = set()
    for pattern in (pattern for pack in PACKS.packs for pattern in pack.patterns):
        found |= (
            {str((pattern.constants or {})["event.action"])} if "event.action" in (pattern.constants or {}) else set()
        )
        found |= {str(value) for value in (pattern.when or {}).get("event.action", ())}
    return found


def unread(line: str) -> list[dict[str, Any]]:
    """Read one line, and list what the parser could not read."""
    lines = split_lines(line.encode(), 0)
    parsed = parse(lines, packs=PACKS, source=SourceFormat("app", "json"), reference=datetime(2026, 3, 2, tzinfo=UTC))
    assert len(parsed.events) + len(parsed.unparsed) == 1
    return parsed.unparsed.to_dicts()


def test_dictionary_lists_the_fields() -> None:
    """`docs/events.md` lists every field of the schema with its type and meaning, in order, and no other."""
    listed = re.findall(
        r"^\| `([^`]+)` \| (\w+) \| (.*?) \| (pack|enricher) \|$", (DOCS / "events.md").read_text(), re.M
    )
    expected = [(f.name, f.type.value, f.meaning, "enricher" if f.enriched else "pack") for f in FIELDS]
    assert listed == expected


def test_dictionary_lists_the_actions() -> None:
    """`docs/events.md` lists every action that a pack gives, and no other."""
    section = (DOCS / "events.md").read_text().split("## Actions")[1].split("## Fields")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == actions()


def test_schema_lists_the_actions() -> None:
    """The JSON Schema accepts exactly the actions that the pack reads."""
    read = {str(value) for pattern in APP.patterns for value in (pattern.when or {})["event.action"]}
    assert set(SCHEMA["properties"]["event"]["properties"]["action"]["enum"]) == read


def test_schema_is_one() -> None:
    """The JSON Schema is valid by its own dialect."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("line", examples())
def test_examples(line: str) -> None:
    """Every example on the page holds by the schema, and is read."""
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(line))
    assert unread(line) == []


@pytest.mark.parametrize("pattern", APP.patterns, ids=lambda pattern: pattern.name)
def test_requirements_agree(pattern: Any) -> None:
    """An event without what the pack requires is refused by the schema too."""
    for action in pattern.when["event.action"]:
        bare = {"schema": "credwatch-app/1", "@timestamp": "2026-03-02T00:00:00Z", "event": {"action": action}}
        holds = jsonschema.Draft202012Validator(SCHEMA).is_valid(bare)
        assert holds == (unread(json.dumps(bare)) == [])


def test_example_pack() -> None:
    """The pack on the page for pack authors is valid."""
    text = re.findall(r"```yaml\n(.*?)```", (DOCS / "packs.md").read_text(), flags=re.S)[0]
    assert read_pack(text, where="docs/packs.md").id == "knockd"
