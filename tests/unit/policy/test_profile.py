"""Profiles hold the standard's numbers and refuse absurd ones."""

import pytest

from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import read_toml
from credwatch.policy.options import GateOptions
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile


def test_defaults_are_nist() -> None:
    """An empty profile is NIST SP 800-63B-4: 15 and 8 characters, no classes, no rotation, nothing remembered."""
    profile = read_toml("", PolicyProfile, where="profile.toml")
    assert PolicyProfile() == profile
    numbers = profile.password.model_dump(
        exclude={"context_words", "on_failure", "maximum", "rules", "forbids", "remember_for"}
    )
    assert numbers == {
        "minimum_alone": 15,
        "minimum_with_mfa": 8,
        "require_classes": 0,
        "minimum_zxcvbn_score": 0,
        "remember": 0,
        "maximum_age_days": 0,
        "require_corpus": False,
    }
    assert (
        profile.mfa.digits,
        profile.mfa.step_seconds,
        profile.mfa.window_steps,
        profile.mfa.max_failures,
    ) == (6, 30, 1, 10)
    assert profile.mfa.required_for == ("staff", "privileged")


def test_another_standard_is_a_profile() -> None:
    """A profile with composition rules and memory reads from TOML."""
    text = "[password]\nminimum_alone = 14\nrequire_classes = 4\nremember = 10\nminimum_zxcvbn_score = 3\n"
    expected = PasswordProfile(minimum_alone=14, require_classes=4, remember=10, minimum_zxcvbn_score=3)
    assert expected == read_toml(text, PolicyProfile, where="profile.toml").password


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("password.minimum_alone = 4", "password.minimum_alone"),
        ("password.minimum_alone = 65", "password.minimum_alone"),
        ("password.minimum_alone = true", "password.minimum_alone"),
        ("password.minimum_alone = '15'", "password.minimum_alone"),
        ("password.minimum_with_mfa = 20", "longer than minimum_alone"),
        ("password.maximum = 63", "password.maximum"),
        ("password.maximum = 1_000_000", "password.maximum"),
        ("password.require_classes = 5", "password.require_classes"),
        ("password.remember = -1", "password.remember"),
        ("password.on_failure = 'shrug'", "password.on_failure"),
        ("password.minimum_lenght = 15", "password.minimum_lenght"),
        ("mfa.max_failures = 101", "mfa.max_failures"),
        ("mfa.max_failures = 0", "mfa.max_failures"),
        ("mfa.digits = 4", "mfa.digits"),
        ("mfa.step_seconds = 3600", "mfa.step_seconds"),
        ("mfa.window_steps = 2", "mfa.window_steps"),
        ("mfa.wait_longest_seconds = 10", "longer than wait_longest_seconds"),
        ("mfa.wait_longest_seconds = 99999999999999999999", "mfa.wait_longest_seconds"),
        ("mfa.required_for = ['nobody']", "mfa.required_for"),
        ("password.rules.minimum_alon = 'x'", "did you mean 'minimum_alone'"),
        ("mfa.forbids.blocklist = 'x'", "is no key"),
    ],
)
def test_absurd_values_are_refused_by_name(line: str, named: str) -> None:
    """Each absurd value is refused at load with its key."""
    with pytest.raises(ProblemsFound) as caught:
        read_toml(line, PolicyProfile, where="profile.toml")
    assert named in str(caught.value)


def test_options_have_good_zero_values() -> None:
    """The gate's table may be empty, and its mistakes are named."""
    assert GateOptions() == read_toml("", GateOptions, where="credwatch.toml")
    with pytest.raises(ProblemsFound, match="workers"):
        read_toml("workers = 0", GateOptions, where="credwatch.toml")


def test_waits_may_be_equal() -> None:
    """First and longest wait may be the same."""
    assert MfaProfile(wait_longest_seconds=30).wait_longest_seconds == 30
