"""Sigma rule files read into a RuleSet: detections, correlations and filters. Only this floor knows pySigma."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaExtendedCorrelationCondition
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from credwatch.kernel.errors import CredwatchError, Problem, ProblemsFound, RuleError, nearest
from credwatch.kernel.folders import files_below
from credwatch.kernel.thresholds import Thresholds
from credwatch.rules.documents import CASES, Document, marked_documents
from credwatch.rules.logsource import FILE_NAME, LogSources, shipped_logsources
from credwatch.rules.model import Correlation, EventRule, Rule, RuleSet
from credwatch.rules.sigma.conditions import read_condition
from credwatch.rules.sigma.correlating import key_of
from credwatch.rules.sigma.filters import Filter, contents, ending, idle, narrowed, narrowing, read_filter, with_owner
from credwatch.rules.sigma.headers import Item, names_of, read_header, reference
from credwatch.rules.sigma.reading import correlation_rule, event_rule, route_of
from credwatch.rules.sigma.scope import Placeholders, Scope
from credwatch.rules.thresholds import with_thresholds
from credwatch.rules.versions import RuleSource, versioned

_NO_PLACEHOLDERS: Placeholders = MappingProxyType({})
SHIPPED_PLACEHOLDERS: Placeholders = MappingProxyType(
    {
        "refused_countries": ("none",),
        "emergency_accounts": ("break-glass*", "breakglass*", "emergency-access*", "bg-admin*"),
        "service_accounts": ("svc-*", "svc_*", "srv-*", "srv_*", "*-svc", "*_svc"),
    }
)
"""What the shipped rules' placeholders stand for where settings do not say: no country, and the usual names."""
_NO_THRESHOLDS = Thresholds()


class _Draft(Struct, frozen=True):
    """One document and what pySigma makes of its head."""

    document: Document
    """The document."""
    item: Item
    """The rule, correlation or filter, with a stand-in for its selections."""

    def problem(self, message: str, hint: str, *keys: str) -> Problem:
        """Say what is wrong with it, and what would be right."""
        return Problem(self.document.where(*keys), message, hint)


def read_rules(
    folders: Sequence[Path],
    placeholders: Placeholders = _NO_PLACEHOLDERS,
    logsources: LogSources | None = None,
    thresholds: Thresholds = _NO_THRESHOLDS,
) -> tuple[RuleSet, list[Problem]]:
    """Read what can be read; a rule that cannot be compiled is named in the problems and left out.

    `placeholders` maps the name of each placeholder to what `|expand` puts in for it; `logsources` are the shipped ones
    where none are given; `thresholds` take the place of the rules' own.
    """
    log_sources = shipped_logsources() if logsources is None else logsources
    placeholders = {**SHIPPED_PLACEHOLDERS, **placeholders}
    problems: list[Problem] = []
    drafts = _without_duplicates([draft for path in _files(folders) for draft in _parse(path, problems)], problems)
    filters = _filters(drafts, placeholders, log_sources, problems)
    compiled: list[Rule] = list(_event_rules(drafts, filters, placeholders, log_sources, problems))
    followable = _without_dangling([draft for draft in drafts if not isinstance(draft.item, SigmaFilter)], problems)
    correlations = _without_circles(followable, problems)
    collection = _resolved(correlations)
    compiled += _correlations(correlations, collection, log_sources, problems)
    sources = {key_of(draft.item): _source(draft, filters, placeholders) for draft in drafts}
    rules, misset = with_thresholds(_referring(compiled, collection), thresholds)
    return versioned(rules, sources), [*problems, *misset]


def _source(draft: _Draft, filters: list[Filter], placeholders: Placeholders) -> RuleSource:
    narrowed_by = contents(draft.item, filters) if isinstance(draft.item, SigmaRule) else ()
    return RuleSource(draft.document.content, narrowed_by, placeholders)


def _files(folders: Sequence[Path]) -> list[Path]:
    paths = (path for folder in folders for path in ([folder] if folder.is_file() else files_below(folder, (".yml",))))
    return [path for path in paths if not path.name.endswith(CASES) and path.name != FILE_NAME]


def _parse(path: Path, problems: list[Problem]) -> list[_Draft]:
    """Read the documents of a file; what is wrong with one leaves the others."""
    drafts = []
    try:
        documents, broken = marked_documents(path)
    except RuleError as error:
        problems.append(Problem.of(error))
        return []
    problems += broken
    for document in documents:
        try:
            drafts.append(_Draft(document, read_header(document)))
        except (ProblemsFound, RuleError) as error:
            problems += _problems_of(error)
    return drafts


def _without_duplicates(drafts: list[_Draft], problems: list[Problem]) -> list[_Draft]:
    places: dict[str, str] = {}
    firsts = []
    for draft in drafts:
        names = {key_of(draft.item)} if isinstance(draft.item, SigmaFilter) else names_of(draft.item)
        repeats = sorted(name for name in names if name in places)
        if repeats:
            kind = "id" if repeats[0] == key_of(draft.item) else "name"
            message = f"rule {kind} {repeats[0]} is already used by {places[repeats[0]]}"
            problems.append(draft.problem(message, "give it one of its own", kind))
            continue
        places.update(dict.fromkeys(names, draft.document.where()))
        firsts.append(draft)
    return firsts


def _filters(
    drafts: list[_Draft], placeholders: Placeholders, logsources: LogSources, problems: list[Problem]
) -> list[Filter]:
    """Read the filters, and name those that reach no rule."""
    rules = {
        name: draft.item for draft in drafts if not isinstance(draft.item, SigmaFilter) for name in names_of(draft.item)
    }
    filters = []
    for draft in drafts:
        if isinstance(draft.item, SigmaFilter):
            scope = Scope(draft.document, placeholders, ("filter",), route_of(draft.item, logsources))
            try:
                read = read_filter(draft.item, draft.document.content["filter"], scope)
                raw, place = draft.document.content.get("credwatch", {}), draft.document.where("credwatch")
                filters.append(replace(with_owner(read, raw, place), content=draft.document.content))
            except (ProblemsFound, RuleError) as error:
                problems += _problems_of(error)
    problems += [problem for filter_ in filters for problem in idle(filter_, rules)]
    return filters


def _event_rules(
    drafts: list[_Draft],
    filters: list[Filter],
    placeholders: Placeholders,
    logsources: LogSources,
    problems: list[Problem],
) -> Iterable[EventRule]:
    for draft in drafts:
        if isinstance(draft.item, SigmaRule):
            try:
                route = route_of(draft.item, logsources)
                scope = Scope(draft.document, placeholders, ("detection",), route)
                condition = read_condition(draft.document.content["detection"], scope)
                rule = event_rule(draft.item, narrowed(condition, draft.item, filters), route, str(draft.document.path))
                yield replace(rule, filters=narrowing(draft.item, filters), filter_ends=ending(draft.item, filters))
            except (ProblemsFound, RuleError) as error:
                problems += _placed(error, draft, "credwatch")


def _correlations(
    drafts: list[_Draft], collection: SigmaCollection, logsources: LogSources, problems: list[Problem]
) -> Iterable[Correlation]:
    by_key = {key_of(draft.item): draft for draft in drafts}
    for rule in collection.rules:
        if isinstance(rule, SigmaCorrelationRule):
            draft = by_key[key_of(rule)]
            try:
                yield correlation_rule(rule, logsources, str(draft.document.path))
            except (ProblemsFound, RuleError) as error:
                problems += _placed(error, draft, "correlation")


def _problems_of(error: CredwatchError) -> Sequence[Problem]:
    return error.problems if isinstance(error, ProblemsFound) else [Problem.of(error)]


def _placed(error: CredwatchError, draft: _Draft, key: str) -> list[Problem]:
    """Add line and key to what knows its file, or its key, only."""
    problems = _problems_of(error)
    path, place = str(draft.document.path), draft.document.where(key)
    places = {path: place, f"{path}: {key}": place}
    return [
        replace(problem, where=places.get(problem.where) or problem.where.replace(f"{path}: {key}: ", f"{place}: "))
        for problem in problems
    ]


def _without_circles(drafts: list[_Draft], problems: list[Problem]) -> list[_Draft]:
    """Leave out the correlations that refer to each other in a circle, and then what refers to them."""
    owner = {name: draft for draft in drafts for name in names_of(draft.item)}
    graph = {
        key_of(draft.item): [key_of(owner[reference(name)].item) for name in _references(draft.item)]
        for draft in drafts
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # https://docs.python.org/3/library/graphlib.html#graphlib.CycleError: each node is told behind one it leads to.
        circle = [draft for key in reversed(error.args[1][1:]) for draft in drafts if key_of(draft.item) == key]
        names = " → ".join(str(draft.item.title) for draft in [*circle, circle[0]])
        message = f"correlations refer to each other in a circle: {names}"
        problems.append(circle[0].problem(message, "break the circle", "correlation", "rules"))
        return _without_circles(
            _without_dangling([draft for draft in drafts if draft not in circle], problems), problems
        )
    return drafts


def _without_dangling(drafts: list[_Draft], problems: list[Problem]) -> list[_Draft]:
    """Leave out what refers to a rule that is missing, and then what refers to that."""
    names = {name for draft in drafts for name in names_of(draft.item)}
    whole = []
    for draft in drafts:
        missing = [name for name in _references(draft.item) if reference(name) not in names]
        if missing:
            hint = nearest(missing[0], names) or "check the name, and that its file is loaded"
            message = f"rule {draft.item.title!r} refers to {missing[0]!r}, which is missing"
            problems.append(draft.problem(message, hint, "correlation", "rules"))
        else:
            whole.append(draft)
    return whole if len(whole) == len(drafts) else _without_dangling(whole, problems)


def _references(item: Item) -> list[str]:
    if not isinstance(item, SigmaCorrelationRule):
        return []
    named = [target.reference for target in item.rules or ()]
    condition = item.condition
    return (
        named + condition.get_referenced_rules() if isinstance(condition, SigmaExtendedCorrelationCondition) else named
    )


def _resolved(drafts: list[_Draft]) -> SigmaCollection:
    """Let each correlation find the rules it refers to, ids that are no UUIDs included."""
    collection = SigmaCollection([draft.item for draft in drafts], resolve_references=False)
    for rule in collection.rules:
        collection.names_to_rules.setdefault(key_of(rule), rule)
    collection.resolve_rule_references()
    return collection


def _referring(rules: Iterable[Rule], collection: SigmaCollection) -> RuleSet:
    """Mark the rules that only serve correlations (no `generate`), and order them."""
    compiled = {rule.id: rule for rule in rules}
    generated = {
        key_of(r)
        for rule in collection.rules
        if isinstance(rule, SigmaCorrelationRule) and rule.generate
        for r in [ref.rule for ref in rule.rules or ()]
    }
    correlations = _usable([rule for rule in compiled.values() if isinstance(rule, Correlation)], compiled)
    serving = {part.rule for rule in correlations for part in rule.parts} - generated
    events = [rule for rule in compiled.values() if isinstance(rule, EventRule)]
    return RuleSet(
        tuple(replace(rule, alone=_alone(rule, serving)) for rule in events),
        tuple(replace(rule, alone=_alone(rule, serving)) for rule in correlations),
    )


def _usable(correlations: list[Correlation], compiled: dict[str, Rule]) -> list[Correlation]:
    """Leave out correlations over rules that could not be compiled, and then those over them."""
    broken = [rule for rule in correlations if not all(part.rule in compiled for part in rule.parts)]
    if not broken:
        return correlations
    for rule in broken:
        del compiled[rule.id]
    return _usable([rule for rule in correlations if rule not in broken], compiled)


def _alone(rule: Rule, serving: set[str]) -> bool:
    return bool(rule.consequence.incident) or rule.shadow or rule.id not in serving
