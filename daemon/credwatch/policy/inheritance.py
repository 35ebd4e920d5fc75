"""How profiles are put together: one that extends another, and several that hold for one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile

T = TypeVar("T", PasswordProfile, MfaProfile)

_BOOKKEEPING = frozenset({"rules", "forbids"})


class Contradiction(Struct, frozen=True):
    """Something that one text asks for and another forbids, for the same person."""

    key: str
    """The key of the profile, such as password.require_classes."""
    asked: str
    """Which rule asks for it, with the number."""
    forbidden: str
    """Which rule forbids it."""


def extended(name: str, own: PolicyProfile, parent: PolicyProfile) -> PolicyProfile:
    """Return a profile with its parent's rules where it says nothing; raises ValidationError where both do not fit.

    A rule that it changes without naming a text is its own: `profile NAME`. What its parent forbids stays forbidden.
    """
    tables = {
        "password": _extended(name, own.password, parent.password),
        "mfa": _extended(name, own.mfa, parent.mfa),
    }
    return own.model_copy(update=tables)


def _extended(name: str, own: T, parent: T) -> T:
    said = own.model_dump(include=own.model_fields_set - _BOOKKEEPING)
    before = parent.model_dump(exclude=set(_BOOKKEEPING))
    changed = {key: f"profile {name}" for key, value in said.items() if value != before[key]}
    values = before | said
    values["rules"] = parent.rules | changed | own.rules
    values["forbids"] = parent.forbids | own.forbids
    return type(own).model_validate(values)


def combined(profiles: Sequence[PolicyProfile]) -> PolicyProfile:
    """Return what holds for one person under several profiles: of each number the stricter one, with its rule."""
    first, *others = profiles
    password, mfa = first.password, first.mfa
    for profile in others:
        password = _stricter(password, profile.password, _PASSWORD)
        mfa = _stricter(mfa, profile.mfa, _MFA)
    return first.model_copy(update={"password": password, "mfa": mfa})


Choice = Callable[[Any, Any], Any]
"""Of two values of a key the stricter one."""


def _least_but_none(one: int, other: int) -> int:
    """Return the smaller of two numbers of which 0 asks for nothing."""
    return min(one or other, other or one)


def _both(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


_PASSWORD: Mapping[str, Choice] = {
    "minimum_alone": max,
    "minimum_with_mfa": max,
    "maximum": min,
    "require_classes": max,
    "minimum_zxcvbn_score": max,
    "remember": max,
    "remember_for": _both,
    "context_words": _both,
    "maximum_age_days": _least_but_none,
    "require_corpus": max,
    "on_failure": lambda one, other: "refuse" if "refuse" in (one, other) else "accept",
}
_MFA: Mapping[str, Choice] = {
    "required_for": _both,
    "required_roles": _both,
    "phishing_resistant_for": _both,
    "grace_days": min,
    "pushes_per_hour": _least_but_none,
    "ask_again_before": _both,
    "ask_again_after_minutes": min,
    "digits": max,
    "step_seconds": min,
    "window_steps": min,
    "max_failures": min,
    "wait_after": min,
    "wait_first_seconds": max,
    "wait_longest_seconds": max,
}


def _stricter(one: T, other: T, choices: Mapping[str, Choice]) -> T:
    first, second = one.model_dump(), other.model_dump()
    values = {key: choose(first[key], second[key]) for key, choose in choices.items()}
    values["rules"] = first["rules"] | {
        key: rule for key, rule in second["rules"].items() if values.get(key) != first.get(key) or key not in choices
    }
    values["forbids"] = first["forbids"] | second["forbids"]
    return type(one).model_validate(values)


def contradictions(profiles: Mapping[str, PolicyProfile]) -> list[Contradiction]:
    """Find what one of the profiles that hold for a person asks for though one of them forbids it."""
    conflicts = []
    tables = [(name, table, getattr(it, table)) for name, it in profiles.items() for table in ("password", "mfa")]
    for asking, table, rules in tables:
        for _, other_table, other in tables:
            for key, text in other.forbids.items() if other_table == table else ():
                if value := getattr(rules, key):
                    rule = rules.rules.get(key, f"profile {asking}")
                    conflicts.append(Contradiction(f"{table}.{key}", f"{rule} ({value})", text))
    return list(dict.fromkeys(conflicts))
