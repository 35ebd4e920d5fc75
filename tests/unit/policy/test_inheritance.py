"""Profiles that extend others, and several that hold for one person."""

import pytest
from pydantic import ValidationError

from credwatch.app.profiles import shipped_profiles
from credwatch.policy.inheritance import combined, contradictions, extended
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile

SHIPPED = shipped_profiles()
NIST, TCVN = SHIPPED["nist-63b-4"], SHIPPED["tcvn-14423-3"]
EMPTY = PolicyProfile()


def test_the_default_is_nist_in_every_number() -> None:
    """The file of NIST says what the gate does where nobody says anything."""
    for table in ("password", "mfa"):
        numbers = getattr(NIST, table).model_dump(exclude={"rules", "forbids"})
        assert getattr(EMPTY, table).model_dump(exclude={"rules", "forbids"}) == numbers
        assert getattr(SHIPPED["default"], table) == getattr(NIST, table)


def test_a_profile_says_only_what_differs() -> None:
    """The rest is its parent's, with its texts; a number that it changes is its own, unless it names a text."""
    own = PolicyProfile(
        password=PasswordProfile(minimum_alone=20, remember=3, rules={"remember": "contract, clause 3"})
    )
    password = extended("ours", own, TCVN).password
    assert (20, 8, 4, 3) == (
        password.minimum_alone,
        password.minimum_with_mfa,
        password.require_classes,
        password.remember,
    )
    assert "profile ours" == password.rules["minimum_alone"]
    assert "contract, clause 3" == password.rules["remember"]
    assert TCVN.password.rules["require_classes"] == password.rules["require_classes"]


def test_a_profile_that_does_not_fit_its_parent_is_refused() -> None:
    """Each may be right by itself."""
    own = PolicyProfile(password=PasswordProfile(minimum_alone=10))
    parent = PolicyProfile(password=PasswordProfile(minimum_with_mfa=12))
    with pytest.raises(ValidationError, match="longer than minimum_alone"):
        extended("ours", own, parent)


def test_of_two_profiles_the_stricter_number_holds() -> None:
    """Each with the text that asks for it; 0 days of age is no limit and thus the laxer one."""
    one = PolicyProfile(
        password=PasswordProfile(
            minimum_alone=16, maximum_age_days=90, context_words=("a",), rules={"minimum_alone": "x"}
        ),
        mfa=MfaProfile(max_failures=20, required_for=("staff",)),
    )
    other = PolicyProfile(
        password=PasswordProfile(remember=5, context_words=("b",), on_failure="accept", rules={"remember": "y"}),
        mfa=MfaProfile(max_failures=4, digits=8, required_for=("privileged",)),
    )
    both = combined([one, other])
    password, mfa = both.password, both.mfa
    assert (16, 90, 5, ("a", "b"), "refuse") == (
        password.minimum_alone,
        password.maximum_age_days,
        password.remember,
        password.context_words,
        password.on_failure,
    )
    assert (4, 8, ("staff", "privileged")) == (mfa.max_failures, mfa.digits, mfa.required_for)
    assert {"minimum_alone": "x", "remember": "y"} == password.rules
    assert combined([other, one]).password.minimum_alone == 16


def test_every_key_has_a_stricter_value() -> None:
    """A key that is added to a profile takes part where profiles are combined."""
    both = combined([NIST, TCVN])
    assert both.password.model_fields_set == set(PasswordProfile.model_fields)
    assert both.mfa.model_fields_set == set(MfaProfile.model_fields)


def test_what_one_text_forbids_and_another_asks_is_found() -> None:
    """Composition by TCVN and none by NIST; and a profile of one's own that breaks what it extends."""
    (conflict,) = contradictions({"default": NIST, "tcvn-14423-3": TCVN})
    assert "password.require_classes" == conflict.key
    assert "TCVN 14423:2026, composition (suggested) (4)" == conflict.asked
    assert "no composition rules" in conflict.forbidden
    aged = extended("ours", PolicyProfile(password=PasswordProfile(maximum_age_days=60)), NIST)
    assert ["password.maximum_age_days"] == [it.key for it in contradictions({"ours": aged})]
    windowed = extended("ours", PolicyProfile(mfa=MfaProfile(window_steps=1)), SHIPPED["asvs-5-l2"])
    assert "OWASP ASVS 5.0, 6.5.5: a code is good for 30 seconds" == contradictions({"ours": windowed})[0].forbidden


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_no_shipped_profile_contradicts_itself(name: str) -> None:
    """Nor does it say nothing of where it comes from."""
    profile = SHIPPED[name]
    assert [] == contradictions({name: profile})
    assert name == "default" or (profile.title and profile.source and profile.checked_on and profile.unsaid)
    assert 12 == len(profile.version)


def test_a_version_changes_with_any_rule() -> None:
    """Two profiles that differ in one number, or in one text, are two."""
    versions = {
        EMPTY.version,
        PolicyProfile(password=PasswordProfile(remember=1)).version,
        PolicyProfile(mfa=MfaProfile(rules={"digits": "x"})).version,
    }
    assert 3 == len(versions)
    assert EMPTY.version == PolicyProfile().version
