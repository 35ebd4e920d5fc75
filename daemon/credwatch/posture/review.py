"""Holds the accounts of one reading against the rules, and against what was found before.

The same reading gives the same review, so a review that was cut off is made again. An account is told of once for each
change: when it begins to break a rule, when what breaks it changes, and when it keeps the rule again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from credwatch.kernel.account_finding import AccountFinding, FindingKey, RuleCount
from credwatch.posture.account import AccountState
from credwatch.posture.judging import AccountRule, Asked, Expectations, Judgement, judge
from credwatch.posture.reading import AccountsReading
from credwatch.world.exemptions import Exemption

_MOST_ROLES = 20
"""So many roles of a customer are counted, those with the most accounts: a machine has a group for each user."""


class FindingChange(Struct, frozen=True):
    """What the rules are to be told of one finding."""

    finding: AccountFinding
    """The finding."""
    is_over: bool
    """Whether the account keeps the rule again, or is gone."""
    at: datetime
    """When the reading showed it, UTC."""


class Review(Struct, frozen=True):
    """What came of a reading."""

    findings: tuple[AccountFinding, ...]
    """The findings that stand now."""
    changes: tuple[FindingChange, ...]
    """What the rules are to be told."""
    counts: tuple[RuleCount, ...]
    """How many accounts keep each rule."""


class _Judged(Struct, frozen=True):
    state: AccountState
    judgements: Mapping[AccountRule, Judgement]


def review(
    reading: AccountsReading,
    before: Mapping[FindingKey, AccountFinding],
    expectations: Expectations,
    exemptions: Sequence[Exemption],
) -> Review:
    """Say which findings stand, what changed, and how many accounts keep each rule."""
    at = reading.at
    judged = [
        _Judged(state, judge(Asked(state, expectations, expectations.owner_of(state.user), at)))
        for state in reading.accounts
    ]
    by_account: defaultdict[str, list[Exemption]] = defaultdict(list)
    for exemption in exemptions:
        by_account[exemption.customer].append(exemption)
    findings: dict[FindingKey, AccountFinding] = {}
    for account in judged:
        for finding in _findings(account, reading.source, before, by_account[account.state.customer], at):
            findings[finding.key] = finding
    grace = expectations.options.grace
    settled = [_settled(finding, before.get(finding.key), grace, at) for finding in findings.values()]
    begun = [FindingChange(finding, False, at) for finding, is_news in settled if is_news]
    over = [FindingChange(it, True, at) for key, it in before.items() if key not in findings and it.is_told]
    return Review(tuple(finding for finding, _ in settled), (*begun, *over), _counts(judged))


def _findings(
    account: _Judged,
    source: str,
    before: Mapping[FindingKey, AccountFinding],
    exemptions: Sequence[Exemption],
    at: datetime,
) -> Iterator[AccountFinding]:
    """Give the findings of one account; one of which nothing is told any more stands as it was."""
    state = account.state
    for rule, judgement in account.judgements.items():
        key = FindingKey(source, state.customer, state.user, rule.value)
        earlier = before.get(key)
        if not judgement.asked or judgement.kept or (judgement.kept is None and earlier is None):
            continue
        covering = [it for it in exemptions if it.covers(state.customer, state.user, rule.value)]
        holding = next((it for it in covering if it.holds_at(at)), None)
        detail = earlier.detail if judgement.kept is None and earlier else judgement.detail
        since = earlier.since if earlier else at
        exempt_by = f"{holding.approver}, until {holding.until.date()}" if holding else ""
        yield AccountFinding(key, detail, since, state.roles or (), exempt_by)
        lapsed = [it for it in covering if it.until <= at]
        if lapsed and holding is None:
            yield _lapsed(key, state, max(lapsed, key=lambda it: it.until), before, at)


def _lapsed(
    key: FindingKey,
    state: AccountState,
    exemption: Exemption,
    before: Mapping[FindingKey, AccountFinding],
    at: datetime,
) -> AccountFinding:
    """Tell of an exemption whose time is over while its account still does not keep the rule."""
    own = FindingKey(key.source, key.customer, key.user, AccountRule.EXEMPTION_LAPSED.value)
    detail = f"{key.rule} was exempt until {exemption.until.date()}, by {exemption.approver}"
    earlier = before.get(own)
    return AccountFinding(own, detail, earlier.since if earlier else at, state.roles or ())


def _settled(
    finding: AccountFinding, earlier: AccountFinding | None, grace: Mapping[str, timedelta], at: datetime
) -> tuple[AccountFinding, bool]:
    """Say whether a finding counts as told now, and whether it has to be."""
    is_due = not finding.exemption and at - finding.since >= grace.get(finding.key.rule, timedelta())
    is_news = is_due and not (earlier is not None and earlier.is_told and earlier.detail == finding.detail)
    values = (finding.key, finding.detail, finding.since, finding.roles, finding.exemption)
    return AccountFinding(*values, is_told=is_due), is_news


def _counts(judged: Sequence[_Judged]) -> tuple[RuleCount, ...]:
    """Count by customer, role and rule those that keep it, that do not, and of which nobody can tell."""
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for account in judged:
        sizes[account.state.customer].update(account.state.roles or ())
    common = {customer: {role for role, _ in roles.most_common(_MOST_ROLES)} for customer, roles in sizes.items()}
    tallies: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for account in judged:
        state = account.state
        roles = ["", *common[state.customer].intersection(state.roles or ())]
        for rule, place in _places(account.judgements):
            for role in roles:
                tallies[state.customer, role, rule][place] += 1
    return tuple(RuleCount(*key, *numbers) for key, numbers in sorted(tallies.items()))


def _places(judgements: Mapping[AccountRule, Judgement]) -> Iterable[tuple[str, int]]:
    """Say of each rule that is asked whether it is kept (0), broken (1) or not told of (2)."""
    for rule, judgement in judgements.items():
        if judgement.asked:
            yield rule.value, 2 if judgement.kept is None else int(not judgement.kept)
