"""What rules keep watch over here: clauses of the policy and ATT&CK techniques, by the sources that feed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from credwatch.authoring.reachable import required_parts
from credwatch.kernel.account_finding import POSTURE
from credwatch.kernel.pack import EnvelopeKind, Pack, PackSet
from credwatch.rules.model import Correlation, Rule, RuleSet
from credwatch.rules.reach import within_reach

_FINDINGS = "credwatch-posture"


class SourceLines(Struct, frozen=True):
    """What a source can hold."""

    id: str
    """Its id."""
    objects: bool
    """Whether JSON objects of products may stand in it."""
    lines: bool
    """Whether lines of programs may."""


class Covered(Struct, frozen=True):
    """One clause or technique, and what keeps watch over it."""

    kind: str
    """clause or technique."""
    name: str
    """8.2, or T1110.003."""
    rules: tuple[str, ...]
    """The names of the rules about it that a source here can feed, sorted."""
    unfed: tuple[str, ...]
    """The names of the others, sorted."""
    sources: tuple[str, ...]
    """The ids of the sources that can feed one of them, sorted."""

    @property
    def is_gap(self) -> bool:
        """Say whether no rule about it can find anything here."""
        return not self.rules


def coverage(rules: RuleSet, packs: PackSet, sources: Sequence[SourceLines]) -> tuple[Covered, ...]:
    """List the clauses, then the techniques, that rules are about, each by name.

    A rule over one event is fed where a pack that a source may hold gives what it asks for; a correlation where its
    parts are: all that it cannot do without, or one of those it counts. Rules that only serve others are not listed.
    """
    by_source = {source.id: _fed(rules, packs, source) for source in sources}
    reached = _with_correlations(rules, frozenset().union(*by_source.values()))
    fed = {source: _feeding(rules, ids) & reached for source, ids in by_source.items()}
    about: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules.by_id().values():
        if rule.alone and not rule.shadow:
            for subject in _subjects(rule):
                about.setdefault(subject, []).append(rule)
    return tuple(_covered(kind, name, about[kind, name], fed) for kind, name in sorted(about))


def _subjects(rule: Rule) -> list[tuple[str, str]]:
    clause = [("clause", rule.consequence.clause)] if rule.consequence.clause else []
    return clause + [("technique", technique.upper()) for technique in techniques(rule)]


def techniques(rule: Rule) -> list[str]:
    """List the ATT&CK techniques of a rule's tags, such as t1110.003."""
    names = (tag.removeprefix("attack.") for tag in rule.tags if tag.startswith("attack."))
    return [name for name in names if name[:1] == "t" and name[1:2].isdigit()]


def _covered(kind: str, name: str, rules: Iterable[Rule], fed: Mapping[str, frozenset[str]]) -> Covered:
    ids = {rule.id: rule.name for rule in rules}
    reached = {rule for fed_ids in fed.values() for rule in fed_ids}
    return Covered(
        kind,
        name,
        tuple(sorted(name for rule, name in ids.items() if rule in reached)),
        tuple(sorted(name for rule, name in ids.items() if rule not in reached)),
        tuple(sorted(source for source, fed_ids in fed.items() if not fed_ids.isdisjoint(ids))),
    )


def _fed(rules: RuleSet, packs: PackSet, source: SourceLines) -> frozenset[str]:
    """Find the ids of the rules over one event that a source can feed."""
    return within_reach(rules, PackSet(tuple(pack for pack in packs.packs if _may_hold(source, pack))))


def _with_correlations(rules: RuleSet, events: frozenset[str]) -> frozenset[str]:
    """Add the correlations that have the parts they need, whichever sources these come from."""
    fed = set(events)
    for rule in rules.correlations:
        if _parts_are_fed(rule, fed):
            fed.add(rule.id)
    return frozenset(fed)


def _feeding(rules: RuleSet, events: frozenset[str]) -> frozenset[str]:
    """Add the correlations of which a source feeds a part."""
    fed = set(events)
    for rule in rules.correlations:
        if any(part.rule in fed for part in rule.parts):
            fed.add(rule.id)
    return frozenset(fed)


def _may_hold(source: SourceLines, pack: Pack) -> bool:
    if pack.id == _FINDINGS:  # which credwatch writes itself, and rules believe of nobody else
        return source.id == POSTURE
    return source.objects if pack.kind is EnvelopeKind.JSON else source.lines


def _parts_are_fed(rule: Correlation, fed: set[str]) -> bool:
    if rule.type.in_time:
        return all(rule.parts[place].rule in fed for place in required_parts(rule))
    return any(part.rule in fed for part in rule.parts)
