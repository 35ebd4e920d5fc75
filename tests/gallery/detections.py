"""Writes the page of detections: what each shipped rule finds. `python -m gallery.detections` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from credwatch.authoring.choice import choose_rules, example_settings
from credwatch.authoring.coverage import techniques
from credwatch.kernel.span import write_span
from credwatch.rules.model import Bound, Correlation, CorrelationType, EventRule, Operator, Rule, RuleSet
from gallery.catalogue import catalogue_section

INTRODUCTION = """# Detections

What credwatch looks for as it is shipped. Each is a [rule](rules.md) in `rules/detections/` or
`rules/correlations/`, with cases beside it that fire and that stay quiet; change the numbers in your settings, or
quieten one with a filter. A detection opens or joins an incident of its kind; what the incident starts depends on
the role of the daemon: `customer_notice` and `disclosure_notice` in the role provider, `breach_report` in the role
customer.

The tables are made from the rules: `PYTHONPATH=tests python -m gallery.detections`. **sources**: `any` for every
log that a pack reads, else the packs. **logic**: what one event must be, or what is counted, with the numbers as
shipped, each of which is a [setting](rules.md#thresholds); `credwatch check` lists those that yours change. Which
clauses and techniques they keep watch over, with the sources of your settings, says `credwatch coverage`.
"""
HEAD = """
| rule | detects | ATT&CK | level | incident | workflows | clause | sources | logic |
|---|---|---|---|---|---|---|---|---|
"""
SERVING = """
These serve the others and give no detections of their own:

| rule | matches |
|---|---|
"""
REASONS = """
## Why some incidents tell nobody

- **Mere guessing** (`brute_force`, `password_spray`, `user_enumeration`) is what every server on the Internet meets
  all day. A guess that was refused is no violation of an account and no unauthorised access, and a customer or a
  vendor that hears of each one soon reads none. These incidents are for the operators and the daily digest. When a
  guess succeeds, an `account_takeover` opens and is told at once. The exception is a wave of lockouts at one
  customer: its people cannot work.
- **What helps only in sum is for the operators**: the third burst of an address, three sprays at a customer, a
  member of staff at many customers. The acts themselves are told to the customer by the rules about them, where
  they concern it.
- **A reset of a password** alone is everyday. Followed by an export, or following a changed address, it is an
  `account_recovered` and told; followed by a new second factor it is left to the operators, since whoever sets up
  an account does so.
- **Logins by key** never count as taken over: a key, certificate or ticket is not guessed. `login_by_secret` leaves
  them out.
- **An act of staff is told once.** What staff does to a customer's account is left to the rules about staff; the
  rules about second factors and administrator rights pass over it. With an authorisation it is a disclosure notice,
  without one a breach.
- **Administrator rights** on the vendor's own systems are an incident for the operators; on a customer's account
  the customer is told as well.
- **A password typed as user name** is told to the customer where one is known. Scanners at open servers try such
  names too.

- **Unusual logins** are told where they can hardly be the owner's, or where the account can do much harm. A login
  through a VPN service, or after a long leave, is for the operators. What is needed for them:
  [enrichment.md](enrichment.md).
- **Slow guessing**, twenty failures in six hours, is low: a telephone that keeps an old password looks the same.
- **Behind an address that many share** (an office, the NAT of a carrier, an `egress` of networks.toml) failures are
  counted by account, and a spray there needs thirty accounts.

## What the numbers rest on

Attempts are counted, not lines: sshd's "Invalid user", its "Failed password" and what PAM says of it are one
attempt. Eight attempts in two minutes and ten in an hour lie between what a person mistypes and what the public
rule sets of CrowdSec, Wazuh, Splunk and Elastic ask for. A server that takes keys alone logs guesses at names that
exist only as connections that end early; `preauth_connection_burst` finds those. An episode opens at the completing
event and lasts while the group goes on, so an attack of a day is one detection with a growing count. Addresses
behind which many people sit are the usual false positive: name yours in a filter.
"""
SIGNS = {
    Operator.GREATER_EQUAL: "≥",
    Operator.GREATER: ">",
    Operator.LESS_EQUAL: "≤",
    Operator.LESS: "<",
    Operator.EQUALS: "=",
    Operator.NOT_EQUAL: "≠",
}


def detections_page() -> str:
    """Return the whole page."""
    rules = choose_rules([], example_settings()).rules
    every = list(rules.by_id().values())
    alone = [_row(_cells(rule, rules)) for rule in every if rule.alone]
    serving = [_row([f"`{rule.name}`", rule.title]) for rule in every if not rule.alone]
    return INTRODUCTION + HEAD + "".join(alone) + SERVING + "".join(serving) + catalogue_section() + REASONS


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _cells(rule: Rule, rules: RuleSet) -> list[str]:
    follows = rule.consequence
    return [
        f"`{rule.name}`",
        rule.title,
        ", ".join(technique.upper() for technique in techniques(rule)) or "–",
        rule.level.name.lower(),
        follows.incident,
        ", ".join(follows.workflows) or "–",
        follows.clause,
        ", ".join(sorted(rule.packs or ())) or "any" if isinstance(rule, EventRule) else "any",
        _counted(rule, rules) if isinstance(rule, Correlation) else _description(rule, rules),
    ]


def _description(rule: Rule, rules: RuleSet) -> str:
    text: str = json.loads(rules.documents[rule.id].text)["rule"]["description"]
    return " ".join(text.split())


def _counted(rule: Correlation, rules: RuleSet) -> str:
    """Say what a correlation computes, with its numbers."""
    names = [f"`{rules.by_id()[part.rule].name}`" for part in rule.parts]
    within = f"within {write_span(timedelta(microseconds=rule.timespan_us))} by {', '.join(rule.group_by)}"
    if rule.type.in_time:
        joined = ", then " if rule.type is CorrelationType.TEMPORAL_ORDERED else " with "
        return f"{joined.join(names)}, {within}" + ("; some must not be there" if rule.condition else "")
    bounds = " and ".join(_bound(bound) for bound in rule.bounds)
    what = f"{rule.type.removeprefix('value_')} of {rule.field}" if rule.field else "matches"
    what = f"different {rule.field}" if rule.type is CorrelationType.VALUE_COUNT else what
    return f"{bounds} {what} of {', '.join(names)}, {within}"


def _bound(bound: Bound) -> str:
    return f"{SIGNS[bound.operator]} {bound.number:g}"


if __name__ == "__main__":
    print(detections_page(), end="")
