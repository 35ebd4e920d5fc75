"""What the tables of conformance say of the gate and no other test holds."""

import json
import string
from datetime import timedelta

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.password import PasswordAccepted, PasswordRefused, check_password
from credwatch.policy.profile import PasswordProfile, PolicyProfile
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import Totp
from credwatch.web.gate.openapi import openapi
from unit.policy.gate_fakes import KEY, LAN, START, MemoryFactors, a_caller, a_gate, a_question, a_totp
from unit.policy.test_totp import code_at

BLOCKLIST = load_blocklist()
ONE_KIND = ("lantern copper orchard quiet", "LANTERN COPPER ORCHARD QUIET", "838271946052817", "đèn đồng vườn lặng")


def test_no_composition_is_asked_for() -> None:
    """Small letters alone, capitals alone, digits alone and Vietnamese letters alone all do."""
    for password in ONE_KIND:
        assert isinstance(a_gate().check_password(a_question(password)), PasswordAccepted)


def test_every_printing_character_may_be_used() -> None:
    """All 95 printing characters of ASCII, the space among them, make one password."""
    printing = string.punctuation + string.ascii_letters[::-3] + string.digits[::-1] + " "
    printing += "".join(sign for sign in string.ascii_letters if sign not in printing)
    assert 95 == len(set(printing))
    assert isinstance(a_gate().check_password(a_question(printing)), PasswordAccepted)


def test_the_last_character_counts() -> None:
    """Passwords of a thousand characters that differ in the last alone are two passwords."""
    gate = a_gate(PolicyProfile(password=PasswordProfile(remember=1)))
    long = "kỳ lân uống trà đá " * 53
    gate.password_changed(a_question(long + "x"))
    assert isinstance(gate.check_password(a_question(long + "x")), PasswordRefused)
    assert isinstance(gate.check_password(a_question(long + "y")), PasswordAccepted)


def _questions() -> dict[str, set[str]]:
    """List the fields of each question of the gate."""
    paths = openapi()["paths"]
    bodies = {place: methods["post"]["requestBody"] for place, methods in paths.items() if "post" in methods}
    return {place: set(body["content"]["application/json"]["schema"]["properties"]) for place, body in bodies.items()}


def test_no_question_takes_a_hint_or_an_answer() -> None:
    """A field is the password, a code, or a fact about account and asker; nothing else is ever taken."""
    facts = {"user", "organization", "by", "source_ip", "email", "service", "with_mfa", "why"}
    facts |= {"factors", "roles", "act", "account_made_at", "password_set_at", "factor_proven_at"}
    assert {"password", "code"} == set().union(*_questions().values()) - facts


def test_no_question_brings_a_time() -> None:
    """No question with a code or password has a moment, so codes are held against the gate's own clock alone."""
    paths = {place: json.dumps(path) for place, path in openapi()["paths"].items() if place != "/v1/login/check"}
    assert [] == [place for place, path in paths.items() if "date-time" in path]
    totp = a_totp()
    gate = a_gate(totp=totp)
    gate.enrol(a_caller())
    assert not gate.confirm(a_caller(), code_at(START + timedelta(minutes=5))).accepted
    assert gate.confirm(a_caller(), code_at(START)).accepted


def test_no_factor_comes_by_mail_or_telephone() -> None:
    """The gate's factors are codes of an app and recovery codes; an address is taken for password checks alone."""
    questions = _questions()
    assert {"totp", "recovery", "password", "login", "push"} == {place.split("/")[2] for place in questions}
    assert all("email" not in names for place, names in questions.items() if "password" not in place)


def test_a_new_password_leaves_the_factor_alone() -> None:
    """After a reset the second factor is asked for as before: there is still one, with the same secret."""
    factors = MemoryFactors()
    gate = a_gate(totp=a_totp(factors))
    gate.enrol(a_caller())
    assert gate.confirm(a_caller(), code_at(START)).accepted
    before = factors.kept[LAN]
    gate.password_changed(a_question(caller=a_caller(by="support")))
    assert before == factors.kept[LAN]


def test_secrets_differ() -> None:
    """Each enrolment has a secret of its own."""
    gate = a_gate(totp=Totp(MemoryFactors(), Sealer(KEY), issuer="MODORO"))
    enrolments = [gate.enrol(a_caller()) for _ in range(20)]
    assert 20 == len({enrolment.secret.reveal() for enrolment in enrolments if enrolment})


def test_the_most_common_passwords_are_refused() -> None:
    """Of zxcvbn's list, the 3,000 commonest of eight characters or more are refused where eight would do."""
    common = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8][:3000]
    assert 3000 == len(common)
    context = PasswordContext(with_mfa=True)
    profile = PasswordProfile()
    assert [] == [
        word
        for word in common
        if isinstance(check_password(Secret(word), context, profile, BLOCKLIST), PasswordAccepted)
    ]
