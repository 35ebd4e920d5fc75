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
from credwatch.rules.documents import CASES, Document, marked_documents
from credwatch.rules.logsource import FILE_NAME, LogSources, shipped_logsources
from credwatch.rules.model import Correlation, EventRule, Rule, RuleSet
from credwatch.rules.sigma.conditions import read_condition
from credwatch.rules.sigma.correlating import key_of
from credwatch.rules.sigma.filters import Filter, contents, idle, narrowed, narrowing, read_filter
from credwatch.rules.sigma.headers import Item, names_of, read_header, reference
from credwatch.rules.sigma.reading import correlation_rule, event_rule, route_of
from credwatch.rules.sigma.scope import Placeholders, Scope
from credwatch.rules.versions import RuleSource, versioned

_NO_PLACEHOLDERS: Placeholders = MappingProxyType({})


class _Parsed(Struct, frozen=True):
    """One document and what pySigma makes of its head."""

    document: Document
    """The document."""
    item: Item
    """The rule, correlation or filter, with a stand-in for its selections."""

    def problem(self, message: str, hint: str, *keys: str) -> Problem:
        """Say what is wrong with it, and what would be right."""
        return Problem(self.document.where(*keys), message, hint)


def read_rules(
    folders: Sequence[Path], placeholders: Placeholders = _NO_PLACEHOLDERS, logsources: LogSources | None = None
) -> tuple[RuleSet, list[Problem]]:
    """Read what can be read; a rule that cannot be compiled is named in the problems and left out.

    `placeholders` maps the name of each placeholder to what `|expand` puts in for it; `logsources` are the shipped ones
    where none are given.
    """
    known = shipped_logsources() if logsources is None else logsources
    problems: list[Problem] = []
    parsed = _without_duplicates([each for path in _files(folders) for each in _parse(path, problems)], problems)
    filters = _filters(parsed, placeholders, known, problems)
    compiled: list[Rule] = list(_event_rules(parsed, filters, placeholders, known, problems))
    followable = _without_dangling([each for each in parsed if not isinstance(each.item, SigmaFilter)], problems)
    correlations = _without_circles(followable, problems)
    collection = _resolved(correlations)
    compiled += _correlations(correlations, collection, known, problems)
    sources = {key_of(each.item): _source(each, filters, placeholders) for each in parsed}
    return versioned(_referring(compiled, collection), sources), problems


def _source(each: _Parsed, filters: list[Filter], placeholders: Placeholders) -> RuleSource:
    narrowed_by = contents(each.item, filters) if isinstance(each.item, SigmaRule) else ()
    return RuleSource(each.document.content, narrowed_by, placeholders)


def _files(folders: Sequence[Path]) -> list[Path]:
    found = (path for folder in folders for path in ([folder] if folder.is_file() else files_below(folder, (".yml",))))
    return [path for path in found if not path.name.endswith(CASES) and path.name != FILE_NAME]


def _parse(path: Path, problems: list[Problem]) -> list[_Parsed]:
    """Read the documents of a file; what is wrong with one leaves the others."""
    parsed = []
    try:
        documents, broken = marked_documents(path)
    except RuleError as error:
        problems.append(Problem.of(error))
        return []
    problems += broken
    for document in documents:
        try:
            parsed.append(_Parsed(document, read_header(document)))
        except (ProblemsFound, RuleError) as error:
            problems += _problems_of(error)
    return parsed


def _without_duplicates(parsed: list[_Parsed], problems: list[Problem]) -> list[_Parsed]:
    seen: dict[str, str] = {}
    kept = []
    for each in parsed:
        names = {key_of(each.item)} if isinstance(each.item, SigmaFilter) else names_of(each.item)
        taken = sorted(name for name in names if name in seen)
        if taken:
            kind = "id" if taken[0] == key_of(each.item) else "name"
            message = f"rule {kind} {taken[0]} is already used by {seen[taken[0]]}"
            problems.append(each.problem(message, "give it one of its own", kind))
            continue
        seen.update(dict.fromkeys(names, each.document.where()))
        kept.append(each)
    return kept


def _filters(
    parsed: list[_Parsed], placeholders: Placeholders, logsources: LogSources, problems: list[Problem]
) -> list[Filter]:
    """Read the filters, and name those that reach no rule."""
    rules = {
        name: each.item for each in parsed if not isinstance(each.item, SigmaFilter) for name in names_of(each.item)
    }
    filters = []
    for each in parsed:
        if isinstance(each.item, SigmaFilter):
            scope = Scope(each.document, placeholders, ("filter",), route_of(each.item, logsources))
            try:
                read = read_filter(each.item, each.document.content["filter"], scope)
                filters.append(replace(read, content=each.document.content))
            except RuleError as error:
                problems.append(Problem.of(error))
    problems += [problem for each in filters for problem in idle(each, rules)]
    return filters


def _event_rules(
    parsed: list[_Parsed],
    filters: list[Filter],
    placeholders: Placeholders,
    logsources: LogSources,
    problems: list[Problem],
) -> Iterable[EventRule]:
    for each in parsed:
        if isinstance(each.item, SigmaRule):
            try:
                route = route_of(each.item, logsources)
                scope = Scope(each.document, placeholders, ("detection",), route)
                condition = read_condition(each.document.content["detection"], scope)
                rule = event_rule(each.item, narrowed(condition, each.item, filters), route, str(each.document.path))
                yield replace(rule, filters=narrowing(each.item, filters))
            except (ProblemsFound, RuleError) as error:
                problems += _placed(error, each, "credwatch")


def _correlations(
    parsed: list[_Parsed], collection: SigmaCollection, logsources: LogSources, problems: list[Problem]
) -> Iterable[Correlation]:
    by_key = {key_of(each.item): each for each in parsed}
    for rule in collection.rules:
        if isinstance(rule, SigmaCorrelationRule):
            each = by_key[key_of(rule)]
            try:
                yield correlation_rule(rule, logsources, str(each.document.path))
            except (ProblemsFound, RuleError) as error:
                problems += _placed(error, each, "correlation")


def _problems_of(error: CredwatchError) -> Sequence[Problem]:
    return error.problems if isinstance(error, ProblemsFound) else [Problem.of(error)]


def _placed(error: CredwatchError, each: _Parsed, key: str) -> list[Problem]:
    """Add line and key to what knows its file, or its key, only."""
    found = _problems_of(error)
    path, place = str(each.document.path), each.document.where(key)
    known = {path: place, f"{path}: {key}": place}
    return [
        replace(one, where=known.get(one.where) or one.where.replace(f"{path}: {key}: ", f"{place}: ")) for one in found
    ]


def _without_circles(parsed: list[_Parsed], problems: list[Problem]) -> list[_Parsed]:
    """Leave out the correlations that refer to each other in a circle, and then what refers to them."""
    owner = {name: each for each in parsed for name in names_of(each.item)}
    graph = {
        key_of(each.item): [key_of(owner[reference(name)].item) for name in _references(each.item)] for each in parsed
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # https://docs.python.org/3/library/graphlib.html#graphlib.CycleError: each node is told behind one it leads to.
        circle = [each for key in reversed(error.args[1][1:]) for each in parsed if key_of(each.item) == key]
        names = " → ".join(str(each.item.title) for each in [*circle, circle[0]])
        message = f"correlations refer to each other in a circle: {names}"
        problems.append(circle[0].problem(message, "break the circle", "correlation", "rules"))
        return _without_circles(_without_dangling([each for each in parsed if each not in circle], problems), problems)
    return parsed


def _without_dangling(parsed: list[_Parsed], problems: list[Problem]) -> list[_Parsed]:
    """Leave out what refers to a rule that is missing, and then what refers to that."""
    known = {name for each in parsed for name in names_of(each.item)}
    kept = []
    for each in parsed:
        missing = [name for name in _references(each.item) if reference(name) not in known]
        if missing:
            hint = nearest(missing[0], known) or "check the name, and that its file is loaded"
            message = f"rule {each.item.title!r} refers to {missing[0]!r}, which is missing"
            problems.append(each.problem(message, hint, "correlation", "rules"))
        else:
            kept.append(each)
    return kept if len(kept) == len(parsed) else _without_dangling(kept, problems)


def _references(item: Item) -> list[str]:
    if not isinstance(item, SigmaCorrelationRule):
        return []
    named = [each.reference for each in item.rules or ()]
    condition = item.condition
    return (
        named + condition.get_referenced_rules() if isinstance(condition, SigmaExtendedCorrelationCondition) else named
    )


def _resolved(parsed: list[_Parsed]) -> SigmaCollection:
    """Let each correlation find the rules it refers to, ids that are no UUIDs included."""
    collection = SigmaCollection([each.item for each in parsed], resolve_references=False)
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
