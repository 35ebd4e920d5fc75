"""Alerts, dashboard and operators' documentation: they speak of metrics and headings that exist."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from credwatch.store.posture import ReadingState
from credwatch.telemetry.metrics import Metrics
from credwatch.telemetry.regime_metrics import PhaseStanding

ROOT = Path(__file__).resolve().parents[3]
RULES = yaml.safe_load((ROOT / "config/prometheus/credwatch.rules.yml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "config/grafana/credwatch.json").read_text())
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def _families() -> dict[str, str]:
    """Name each of our metrics as it is written down, with its kind."""
    found = Metrics().registry.collect()
    named = {f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in found}
    return {name: kind for name, kind in named.items() if name.startswith("credwatch_")}


def _asked(expression: str) -> set[str]:
    """Name the metrics that a query asks for, histograms without the ending of their part."""
    names = set(re.findall(r"\b(?:credwatch|process)_[a-z_]+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def _known() -> set[str]:
    return {*_families(), "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def _headings(text: str) -> set[str]:
    """Give the anchors of all headings, as GitHub forms them."""
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_can_be_acted_on(alert: dict[str, Any]) -> None:
    """It asks for metrics that exist, says how urgent it is, and leads to its page in the runbook."""
    assert _asked(alert["expr"]) <= _known()
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert (page, anchor) == ("docs/operations.md", alert["alert"].lower())
    assert anchor in _headings(OPERATIONS)


def test_every_alert_is_tested_to_fire() -> None:
    """The tests for promtool name each alert."""
    tests = (ROOT / "config/prometheus/credwatch.tests.yml").read_text()
    untested = [alert["alert"] for alert in ALERTS if f'alertname="{alert["alert"]}"' not in tests]
    assert untested == []


def test_the_runbook_has_no_page_of_an_alert_that_is_gone() -> None:
    """Pages and alerts are the same set."""
    pages = set(re.findall(r"^#+ (Credwatch\w+)$", OPERATIONS, re.M))
    assert pages == {alert["alert"] for alert in ALERTS}


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    """Each panel has at least one query, and none of them asks for nothing."""
    for panel in _panels():
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert _asked(target["expr"]), panel["title"]
            assert _asked(target["expr"]) <= _known(), panel["title"]


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    """What nobody looks at need not be measured."""
    queries = [target["expr"] for panel in _panels() for target in panel["targets"]]
    queries += [alert["expr"] for alert in ALERTS]
    seen = set().union(*(_asked(query) for query in queries))
    assert set(_families()) - seen == set()


def test_the_dashboard_fits_any_grafana() -> None:
    """The data source is chosen by whoever imports it, panel ids differ, and panels do not lie on each other."""
    assert DASHBOARD["id"] is None
    sources = {json.dumps(panel["datasource"]) for panel in _panels()}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    cells = [cell for panel in DASHBOARD["panels"] for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    assert place["x"] + place["w"] <= 24
    across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return [(x, y) for x in across for y in down]


def test_the_dictionary_of_metrics_is_complete() -> None:
    """`docs/operations.md` has one row for each metric, with its kind, its labels and its help text."""
    metrics = Metrics()
    rule = ("Brute force", "high")
    metrics.declare(sources=["auth"], packs=["openssh"], rules=[rule], shadow_rules=[rule], kinds=["brute_force"])
    metrics.declare_push(["auth"])
    metrics.declare_streams(["auth"])
    metrics.set_part("gate", is_up=True)
    metrics.set_certificates({"push": datetime.now(UTC)})
    metrics.regimes.set_clocks({("eu-gdpr", "notification"): PhaseStanding()})
    metrics.posture.stands([ReadingState("shop", datetime.now(UTC))], {"weak_hash": 1}, timedelta(days=1))
    metrics.posture.audited({("shop", "held"): 1})
    rows = [_row(family) for family in metrics.registry.collect() if family.name.startswith("credwatch_")]
    assert re.findall(r"^\| `credwatch_.+$", OPERATIONS, re.M) == rows


def _row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in family.samples[0].labels if label != "le")
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"
