"""Passwords are judged by NIST SP 800-63B-4, section 3.1.1.2, or by what a profile asks beyond it."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.password import PasswordAccepted, PasswordRefused, check_password, normalized
from credwatch.policy.profile import PasswordProfile
from credwatch.policy.reasons import Reason

BLOCKLIST = load_blocklist()
LAN = PasswordContext(
    user="nguyen.thilan",
    email="ketoan@hoasen.example",
    organization="hoasen",
    customer="Công ty TNHH Hoa Sen",
    service="MODORO",
)
LAN_WITH_MFA = PasswordContext(user="nguyen.thilan", customer="Hoa Sen", service="MODORO", with_mfa=True)


def reasons(password: str, context: PasswordContext = LAN, profile: PasswordProfile | None = None) -> list[str]:
    """List the codes for which a password is refused."""
    verdict = check_password(Secret(password), context, profile or PasswordProfile(), BLOCKLIST)
    return [] if isinstance(verdict, PasswordAccepted) else [refusal.reason.value for refusal in verdict.reasons]


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("kỳ lân uống trà", []),
        ("giraffes paint blue fences", []),
        ("aB3$kX9!pQ7&zW1", []),
        ("lowercaseonlyjustworks", []),
        ("😀🐘🌵🚲🎻🧊🍉🪁🦑🎈🧵🧶🥁🎯🧭", []),
        ("  blanks are kept  ", []),
        ("x7" + "đường mưa " * 100, []),
        ("fourteen-chars", ["too_short"]),
        ("", ["too_short"]),
        ("password", ["too_short", "common"]),
        ("q" * 1025, ["too_long"]),
        ("kỳ lân\tuống trà đá", ["control_character"]),
        ("kỳ lân uống trà đá\n", ["control_character"]),
        ("kỳ lân \x00 uống trà đá", ["control_character"]),
        ("kỳ lân uống trà \ud83d", ["not_unicode"]),
        ("correct horse battery staple", ["common"]),
        ("CorrectHorseBatteryStaple", ["common"]),
        ("Anh Yêu Em Nhiều Lắm", ["common"]),
        ("anhyeuemnhieulam", ["common"]),
        ("telecommunications", ["common"]),
        ("passwordpassword", ["common"]),
        ("aaaaaaaaaaaaaaaaaa", ["pattern"]),
        ("1234567890123456", ["pattern"]),
        ("zyxwvutsrqponmlkj", ["pattern"]),
        ("qwertyuiopasdfghj", ["pattern"]),
        ("nguyenthilan2024", ["context"]),
        ("Nguyễn.Thị.Lan!2026", ["context"]),
        ("M0d0r0@2024!!!!!!", ["context"]),
        ("hoasen-hoasen-2026", ["context"]),
        ("ketoan20262026!!", ["context"]),
        ("ketoan and a tall giraffe", []),
    ],
)
def test_default_profile(password: str, expected: list[str]) -> None:
    """The default profile refuses what the standard refuses, says why, and asks for no composition."""
    assert expected == reasons(password)


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("bốn câu t", []),
        ("v8#qLm2x", []),
        ("v8#qLm2", ["too_short"]),
        ("password", ["common"]),
        ("matkhau123", ["common"]),
        ("Mật Khẩu 123", ["common"]),
        ("maatjkhaaur", ["common"]),
        ("modoro@123", ["context"]),
        ("Hoasen2026", ["context"]),
    ],
)
def test_with_a_second_factor_eight_characters_do(password: str, expected: list[str]) -> None:
    """Together with a second factor eight characters are enough, and the lists still hold."""
    assert expected == reasons(password, LAN_WITH_MFA)


def test_the_limit_is_told() -> None:
    """A refusal for length carries the profile's number, and both sentences say it."""
    verdict = check_password(Secret("short one"), LAN, PasswordProfile(), BLOCKLIST)
    assert isinstance(verdict, PasswordRefused)
    assert verdict.reasons[0].limit == 15
    assert "at least 15" in verdict.reasons[0].sentence("en")
    assert "ít nhất 15" in verdict.reasons[0].sentence("vi")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_each_code_point_counts_once_in_nfc(form: str) -> None:
    """`mậtkhẩu` counts seven characters however its accents are written."""
    password = unicodedata.normalize(form, "mậtkhẩu")
    assert len(normalized(Secret(password))) == 7
    assert "too_short" in reasons(password, LAN_WITH_MFA)
    assert "too_short" not in reasons(password + "!", LAN_WITH_MFA)


@pytest.mark.parametrize(
    ("password", "profile", "expected"),
    [
        ("fourteen-chars", {"minimum_alone": 14}, []),
        ("lantern copper quiet", {"require_classes": 4}, ["too_few_classes"]),
        ("Lantern copper quiet 7", {"require_classes": 4}, []),
        ("đường Mưa 7 nẻo trời", {"require_classes": 4}, []),
        ("superman19871987", {"minimum_zxcvbn_score": 4}, ["derived", "too_weak"]),
        ("giraffes paint blue fences", {"minimum_zxcvbn_score": 4}, []),
        ("pho-bo-pho-bo-2026", {"context_words": ("Phở Bò",)}, ["context"]),
    ],
)
def test_other_profiles_may_ask_for_more(password: str, profile: dict[str, object], expected: list[str]) -> None:
    """Classes, score, length and further words are asked for where the profile says so."""
    assert expected == reasons(password, LAN, PasswordProfile(**profile))


def test_every_reason_has_both_sentences() -> None:
    """Each reason is said in English and in Vietnamese, and no sentence twice."""
    from credwatch.policy.reasons import Refusal

    said = [Refusal(reason, 9).sentence(language) for reason in Reason for language in ("en", "vi")]
    assert len(said) == len(set(said)) == 2 * len(Reason)


def test_estimates_do_not_mix_users() -> None:
    """The words of one person do not make the same password weaker for the next."""
    password, profile = Secret("hoasenrungrinhxanh"), PasswordProfile()
    before = check_password(password, PasswordContext(), profile, BLOCKLIST)
    check_password(password, PasswordContext(user="hoasenrungrinhxanh"), profile, BLOCKLIST)
    assert before == check_password(password, PasswordContext(), profile, BLOCKLIST)


@settings(max_examples=150)
@given(
    password=st.text(st.characters(), max_size=1100),
    user=st.text(st.characters(), max_size=80),
    email=st.text(st.characters(), max_size=80),
)
def test_no_input_raises(password: str, user: str, email: str) -> None:
    """Whatever is typed, the answer is a verdict; refusals never hold the password."""
    context = PasswordContext(user=user, email=email)
    verdict = check_password(Secret(password), context, PasswordProfile(), BLOCKLIST)
    assert isinstance(verdict, PasswordAccepted | PasswordRefused)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=15, max_size=60))
def test_both_normal_forms_get_one_verdict(password: str) -> None:
    """A password in NFC and in NFD is the same password."""
    composed, spread = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))
    assert reasons(composed) == reasons(spread)
