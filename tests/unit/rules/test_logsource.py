"""Log sources lead rules to the packs of their events, and say by which names they speak of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.errors import ProblemsFound, RuleError
from credwatch.kernel.fields import BY_NAME
from credwatch.kernel.resources import shipped
from credwatch.rules.logsource import LogSources, Route, load_logsources, shipped_logsources
from credwatch.rules.model import AllOf, AnyOf, EventRule, Operator, Test
from credwatch.rules.packs.packs import load_packs
from credwatch.rules.reach import unknown_packs
from credwatch.rules.sigma.sigma import read_rules

OWN = """
- logsource: {product: shop, service: [orders, logins]}
  names: native
  packs: [shop]
  fields: {who: native:actor.id, where: source.ip}
- logsource: {product: shop, service: admin, category: iam}
  names: native
  packs: [shop-admin]
  fields: {who: native:admin.id}
- logsource: {product: shop, service: kernel}
  names: normalised
  packs: [shop-kernel]
  fields: {ip: source.ip}
"""


@pytest.fixture
def own(tmp_path: Path) -> LogSources:
    """Read log sources of an operator."""
    (tmp_path / "logsources.yml").write_text(OWN, encoding="utf-8")
    return load_logsources([tmp_path, tmp_path / "none"])


def a_rule(folder: Path, logsource: str, selection: str, more: str = "") -> tuple[list[EventRule], list[str]]:
    """Read one rule with the shipped log sources."""
    text = f"title: one\nname: one\nlogsource: {logsource}\ndetection:\n  s: {selection}\n  condition: s\n{more}"
    (folder / "one.yml").write_text(text, encoding="utf-8")
    rules, problems = read_rules([folder])
    return list(rules.events), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("asked", "native", "packs"),
    [
        ({"product": "shop", "service": "orders"}, True, {"shop"}),
        ({"product": "shop"}, True, {"shop", "shop-admin"}),
        ({"service": "kernel"}, False, {"shop-kernel"}),
        ({"category": "iam", "product": "shop"}, True, {"shop-admin"}),
        ({"product": "shop", "service": "else"}, True, set()),
        ({"product": "shop", "service": "orders", "category": "iam"}, True, set()),
        ({}, True, set()),
    ],
)
def test_routes(asked: dict[str, str], native: bool, packs: set[str], own: LogSources) -> None:
    """Entries that hold all that is asked are taken together, as far as they speak as the first does."""
    route = own.route(asked)
    assert (native, packs) == (route.native, route.packs)


def test_names_of_a_native_source(own: LogSources) -> None:
    """Every name is a path there, but for those that the taxonomy explains and those that are ours."""
    route = own.route({"product": "shop"})
    assert "native:actor.id" == route.tested("who", "x")
    assert "source.ip" == route.tested("where", "x")
    assert "native:user.name" == route.tested("user.name", "x")
    assert "credwatch.actor.kind" == route.tested("credwatch.actor.kind", "x")
    assert "@timestamp" == route.tested("@timestamp", "x")
    assert "user.name" == route.grouped("user.name", "x")
    assert "native:order.id" == route.grouped("order.id", "x")


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a*", "^a$", "a\nb", ".".join("abcdefghi")])
def test_no_path(name: str, own: LogSources) -> None:
    """A name that cannot be a path is refused."""
    with pytest.raises(RuleError, match="is no path of an event"):
        own.route({"product": "shop"}).tested(name, "x")


def test_names_of_a_normalised_source(own: LogSources) -> None:
    """Names are those of the schema, and what the taxonomy explains; others are refused with the nearest."""
    route = own.route({"service": "kernel"})
    assert "source.ip" == route.tested("ip", "x")
    with pytest.raises(RuleError, match=r"did you mean 'user\.name'"):
        route.tested("user.nam", "x")


def test_narrowed() -> None:
    """A condition holds for the packs' events alone; for none where no pack gives any."""
    one = Test("user.name", Operator.EQUALS, "lan")
    a, b = (Test("event.dataset", Operator.EQUALS, name) for name in "ab")
    assert one == Route().narrowed(one)
    assert AllOf((a, one)) == Route(packs=frozenset("a")).narrowed(one)
    assert AllOf((AnyOf((a, b)), one)) == Route(packs=frozenset("ba")).narrowed(one)
    assert Test("event.dataset", Operator.NULL, None) == Route(packs=frozenset()).narrowed(one)


@pytest.mark.parametrize(
    ("logsource", "selection", "packs"),
    [
        ("{category: authentication}", "{user.name: lan}", None),
        ("{product: okta, service: okta}", "{actor.alternateId: lan}", {"okta"}),
        ("{product: linux, service: sshd}", "['Failed password']", {"dropbear", "openssh", "pam"}),
        ("{product: windows, service: security}", "{EventID: 4625}", {"windows-security"}),
        ("{product: windows, service: sysmon}", "{EventID: 1}", set()),
    ],
)
def test_rules_are_routed(logsource: str, selection: str, packs: set[str] | None, tmp_path: Path) -> None:
    """A rule knows the packs whose events it sees."""
    (rule,), problems = a_rule(tmp_path, logsource, selection)
    assert ([], packs) == (problems, rule.packs)


@pytest.mark.parametrize(
    ("logsource", "selection", "more", "told"),
    [
        ("{category: authentication}", "{actor.alternateId: lan}", "", "unknown field 'actor.alternateId'"),
        ("{product: linux, service: sshd}", "{user.nam: lan}", "", "did you mean 'user.name'"),
        ("{category: iam}", "{user.name|fieldref: user.target.nam}", "", "did you mean 'user.target.name'"),
        ("{category: iam}", "{user.name: a}", "credwatch: {subject: actor.id}\n", "unknown field 'actor.id'"),
        ("{product: okta}", "{actor..id: lan}", "", "is no path of an event"),
        ("{product: okta}", "{credwatch.actor.kin: staff}", "", "did you mean 'credwatch.actor.kind'"),
    ],
)
def test_names_that_are_refused(logsource: str, selection: str, more: str, told: str, tmp_path: Path) -> None:
    """A path in a rule on normalised events is refused as any unknown name, and so is what cannot be a path."""
    rules, problems = a_rule(tmp_path, logsource, selection, more)
    assert [] == rules
    assert told in "\n".join(problems)


def test_keywords_of_native_rules(tmp_path: Path) -> None:
    """A word without a field is searched in the whole of a native event."""
    (rule,), _ = a_rule(tmp_path, "{product: okta}", "[suspicious]")
    assert isinstance(rule.condition, AllOf)
    assert Test("event.original", Operator.CONTAINS, "suspicious") == rule.condition.items[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("logsource: {product: x}", "log sources are a list"),
        ("- product", "a log source is a mapping"),
        ("- {logsource: {product: x}, names: native, pack: [x]}", "did you mean 'packs'"),
        ("- {logsource: {produkt: x}, names: native, packs: [x]}", "did you mean 'product'"),
        ("- {logsource: {}, names: native, packs: [x]}", "says no product, category or service"),
        ("- {logsource: {product: x}, names: native, packs: all}", "native names differ from pack to pack"),
        ("- {logsource: {product: x}, names: both, packs: [x]}", "names"),
        ("- {logsource: {product: x}, names: native, packs: [x], fields: {ip: source.i}}", "did you mean 'source.ip'"),
        ("- {logsource: {product: x}, names: native, packs: [x], fields: {ip: 'native:a..b'}}", "is no path"),
        ("- [", "not valid YAML"),
    ],
)
def test_files_that_are_refused(text: str, told: str, tmp_path: Path) -> None:
    """What is wrong with a file of log sources is named with the file."""
    (tmp_path / "logsources.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsFound) as caught:
        load_logsources([tmp_path])
    assert told in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_an_empty_file(tmp_path: Path) -> None:
    """It has no entries."""
    (tmp_path / "logsources.yml").write_text("# nothing yet\n", encoding="utf-8")
    assert LogSources(()) == load_logsources([tmp_path])


def test_the_shipped_taxonomy() -> None:
    """Every pack it names is shipped, every shipped pack is named, and mapped names mean fields or paths."""
    packs = load_packs(shipped("rules") / "packs")
    entries = shipped_logsources().entries
    assert [] == unknown_packs(shipped_logsources(), packs)
    assert {pack.id for pack in packs.packs} == {name for entry in entries for name in entry.packs or ()}
    assert all(value in BY_NAME or value.startswith("native:") for each in entries for value in each.fields.values())


def test_every_pack_has_a_product() -> None:
    """Each shipped pack is found by a product and a service, and what servers log is in their `auth` log."""
    packs = load_packs(shipped("rules") / "packs").packs
    entries = [
        entry for entry in shipped_logsources().entries if entry.keys.get("product") and entry.keys.get("service")
    ]
    assert {pack.id for pack in packs} == {name for entry in entries for name in entry.packs or ()}
    auth = {name for entry in entries if "auth" in entry.keys["service"] for name in entry.packs or ()}
    shell = {"accounts", "cron", "doas", "dropbear", "login", "logind", "macos", "openssh", "pam", "su", "sudo"}
    assert shell <= auth
