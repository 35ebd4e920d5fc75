"""Which profiles hold for whom, and what a change of them would come to."""

from datetime import timedelta

from credwatch.app.profiles import shipped_profiles
from credwatch.kernel.account import Account
from credwatch.kernel.factor import Factor
from credwatch.policy.dry_run import JudgedAccount, difference
from credwatch.policy.policies import Policies
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile
from credwatch.world.customers import Customer
from credwatch.world.register import Registers
from credwatch.world.staff import Staff, StaffMember
from credwatch.world.users import User
from unit.policy.gate_fakes import START

HOASEN = Customer(
    id="hoasen",
    name="Hoa Sen",
    notice_addresses=("a@hoasen.example", "b@hoasen.example"),
    profile="cis-8",
    role_profiles={"Administrator": "tcvn-14423-3"},
)
USERS = (
    User(name="lan", customer="hoasen", roles=("administrator",), privileged=True),
    User(name="minh", customer="hoasen", email="minh@hoasen.example"),
    User(name="root", roles=("root",), privileged=True),
)
STAFF = Staff(staff=(StaffMember(id="s-1", name="Hà", accounts=("ha",), department="support", roles=("dba",)),))
REGISTERS = Registers(customers=(HOASEN,), users=USERS, staff=STAFF)
POLICIES = Policies(shipped_profiles(), REGISTERS, "default", {"dba": "asvs-5-l3"})
LAN, MINH, HA = Account("hoasen", "lan"), Account("hoasen", "minh"), Account("", "ha")
FACTOR = Factor(sealed="v1.", digits=6, step_seconds=30, enrolled_at=START, confirmed_at=START)


def test_a_role_adds_a_profile() -> None:
    """The customer's holds for all its accounts, known or not; a role's beside it, whatever its letter case."""
    assert ("cis-8", "tcvn-14423-3") == POLICIES.names_for(LAN)
    assert ("cis-8",) == POLICIES.names_for(MINH) == POLICIES.names_for(Account("hoasen", "stranger"))
    assert ("default", "asvs-5-l3") == POLICIES.names_for(HA)
    assert ("default",) == POLICIES.names_for(Account("", "root")) == POLICIES.names_for(Account("elsewhere", "lan"))


def test_an_account_is_held_to_the_stricter_rules() -> None:
    """Four kinds of characters for the administrator alone, in the customer's own length."""
    lan, minh = POLICIES.held_to(LAN).profile.password, POLICIES.held_to(MINH).profile.password
    assert ((14, 4, 10), (14, 0, 0)) == (
        (lan.minimum_alone, lan.require_classes, lan.remember),
        (minh.minimum_alone, minh.require_classes, minh.remember),
    )
    assert 0 == POLICIES.held_to(HA).profile.mfa.window_steps


def test_what_is_asked_of_administrators_concerns_no_one_else() -> None:
    """Past passwords are remembered for the privileged, where a profile says so."""
    profiles = shipped_profiles()
    policies = Policies(profiles, REGISTERS, "tcvn-14423-3")
    assert 10 == policies.held_to(Account("", "root")).profile.password.remember
    assert 0 == policies.held_to(Account("", "somebody")).profile.password.remember
    assert 10 == profiles["tcvn-14423-3"].password.remember


def test_a_customer_is_asked_about_its_own_accounts_alone() -> None:
    """The same name at another customer has no role there, and is not privileged."""
    stranger = Account("elsewhere", "lan")
    assert POLICIES.owner_of(stranger) is None
    assert not POLICIES.is_concerned(stranger, ("privileged",))
    assert POLICIES.is_concerned(LAN, ("privileged",))
    assert POLICIES.is_concerned(HA, ("staff",))
    assert POLICIES.is_concerned(MINH, ("all",))
    assert not POLICIES.is_concerned(MINH, ("staff", "privileged"))


def test_a_change_is_tried_on_known_accounts() -> None:
    """By rule: who lacks a factor, whose codes are short, whose password is old; and what nobody can know."""
    old = PolicyProfile(mfa=MfaProfile(required_for=()))
    new = PolicyProfile(
        password=PasswordProfile(minimum_alone=20, maximum_age_days=60, context_words=("hoa",)),
        mfa=MfaProfile(required_for=("all",), digits=8, rules={"required_for": "contract, clause 3"}),
    )
    judged = [
        JudgedAccount(LAN, FACTOR, START - timedelta(days=61)),
        JudgedAccount(MINH, None, START - timedelta(days=59)),
        JudgedAccount(HA, FACTOR),
    ]
    outcome = difference(judged, old, new, POLICIES, START)
    assert {
        ("lan", "mfa.digits", "profile"),
        ("ha", "mfa.digits", "profile"),
        ("minh", "mfa.required_for", "contract, clause 3"),
        ("lan", "password.maximum_age_days", "profile"),
    } == {(it.account.user, it.key, it.rule) for it in outcome.newly}
    assert () == outcome.no_longer
    assert ("password.minimum_alone: 15 → 20", "password.context_words: hoa") == outcome.next_password
    assert (HA,) == outcome.unknown
    back = difference(judged, new, old, POLICIES, START)
    assert (outcome.newly, ()) == (back.no_longer, back.newly)


def test_a_role_that_needs_a_factor_is_tried_too() -> None:
    """Who has the role by the registers, and no factor, would newly not comply."""
    role = POLICIES.owner_of(LAN).roles[0]  # type: ignore[union-attr]  # the registers know Lan
    old, new = (PolicyProfile(mfa=MfaProfile(required_for=(), required_roles=roles)) for roles in ((), (role.upper(),)))
    newly = difference([JudgedAccount(LAN), JudgedAccount(MINH)], old, new, POLICIES, START).newly
    assert [(LAN, "mfa.required_roles")] == [(it.account, it.key) for it in newly]


def test_no_change_is_no_difference() -> None:
    """Who did not comply before does not newly fall short."""
    profile = PolicyProfile(mfa=MfaProfile(required_for=("all",), phishing_resistant_for=("all",)))
    outcome = difference([JudgedAccount(LAN)], profile, profile, POLICIES, START)
    assert ((), (), (), ()) == (outcome.newly, outcome.no_longer, outcome.next_password, outcome.unknown)
