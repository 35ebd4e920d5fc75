"""Writes the page of formats: what each shipped pack gives. `python -m gallery.formats` prints it."""

from __future__ import annotations

from collections.abc import Mapping

from credwatch.kernel.pack import EnvelopeKind, Pack, Pattern
from credwatch.kernel.resources import shipped
from credwatch.rules.packs.packs import load_packs

INTRODUCTION = """# Formats

What each shipped pack gives, by pack. The page is made from the packs: `PYTHONPATH=tests python -m gallery.formats`.

- **lines**: `syslog`; `own` where the program's own files are read too; `JSON`, whole line or within a syslog message.
- **login**: `ok` and `failed` attempts; **why**: the reasons of a failure that are told in credwatch's words, or `own`
  for the log's own. **from**: whether the address is told.
- The other columns say which changes are read: ends of sessions, second factors (asked, checked, added, removed),
  accounts (made, changed, locked, deleted), passwords, roles and groups, tokens.

| format | pack | lines | login | why | from | ends | factors | accounts | passwords | roles, groups | tokens |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
REASONS = (
    *("wrong_password", "incorrect_password", "invalid_user", "unknown_user", "account_locked", "account_disabled"),
    *("account_expired", "password_expired", "not_allowed", "factor_failed", "denied", "timeout"),
)
COLUMNS = (
    ("logout", "session_end", "connection_closed"),
    ("mfa_challenge", "mfa_push", "mfa_verify", "factor_added", "factor_removed"),
    ("account_created", "account_changed", "account_locked", "account_unlocked", "account_disabled", "account_enabled",
     "account_deleted"),
    ("password_change", "password_reset", "password_check", "login_check"),
    ("role_granted", "role_revoked", "group_created", "group_deleted", "group_changed", "group_member_added",
     "group_member_removed"),
    ("token_created", "token_revoked", "token_used"),
)  # fmt: skip
ATTEMPTS = {"login", "invalid_user", "user_not_allowed", "sudo", "su"}


def formats_page() -> str:
    """Return the whole page."""
    packs = sorted(load_packs(shipped("rules") / "packs").packs, key=lambda pack: pack.id)
    return INTRODUCTION + "".join(f"| {' | '.join(_row(pack))} |\n" for pack in packs)


def _row(pack: Pack) -> list[str]:
    events = [_event(pattern) for pattern in pack.patterns if not pattern.skip]
    actions = {action for event in events for action in event["event.action"]}
    attempts = [event for event in events if ATTEMPTS & set(event["event.action"])]
    filled = {name for pattern in pack.patterns for name in (pattern.groups or {}).values()} | {*_values(pack.paths)}
    return [
        pack.title,
        f"`{pack.id}`",
        "JSON" if pack.kind is EnvelopeKind.JSON else "syslog, own" if pack.headers else "syslog",
        _outcomes(attempts, filled),
        _reasons(pack, events, filled),
        "yes" if {"source.ip", "source.domain"} & filled else "",
        *(_listed(actions, column) for column in COLUMNS),
    ]


def _event(pattern: Pattern) -> dict[str, list[str]]:
    """List what a pattern can give for each field, by its constants, conditions and samples."""
    given: dict[str, list[str]] = {"event.action": []}
    for name, values in {**{k: [v] for k, v in (pattern.constants or {}).items()}, **(pattern.when or {})}.items():
        given.setdefault(name, []).extend(map(str, values))
    for sample in pattern.samples:
        for name, value in sample.gives.items():
            given.setdefault(name, []).append(str(value))
    return given


def _outcomes(attempts: list[dict[str, list[str]]], filled: set[str]) -> str:
    outcomes = {outcome for event in attempts for outcome in event.get("event.outcome", [])}
    if attempts and "event.outcome" in filled:
        outcomes |= {"success", "failure"}
    return ", ".join(word for outcome, word in (("success", "ok"), ("failure", "failed")) if outcome in outcomes)


def _reasons(pack: Pack, events: list[dict[str, list[str]]], filled: set[str]) -> str:
    told = {reason for event in events for reason in event.get("event.reason", [])}
    told |= {*_values((pack.values or {}).get("event.reason"))}
    words = [reason for reason in REASONS if reason in told]
    return ", ".join(words + (["own"] if "event.reason" in filled else []))


def _values(mapping: Mapping[str, str] | None) -> list[str]:
    return list((mapping or {}).values())


def _listed(actions: set[str], column: tuple[str, ...]) -> str:
    return ", ".join(action for action in column if action in actions)


if __name__ == "__main__":
    print(formats_page(), end="")
