"""What the registers say of an account reaches the gate: population, role, exemption."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builders_outbox import NOON, some_facts
from credwatch.kernel.account import Account
from credwatch.policy.events import Caller
from credwatch.policy.login import LoginQuestion
from credwatch.policy.options import GateOptions
from credwatch.policy.policies import Policies
from credwatch.policy.profile import MfaProfile, PolicyProfile
from credwatch.service.gate import build_gate
from credwatch.store.database import Database
from credwatch.world.exemptions import Exemption
from credwatch.world.register import Registers
from credwatch.world.users import User

MFA = MfaProfile(required_for=("privileged",), required_roles=("accountant",))
EXEMPT = Exemption(
    account="ha",
    rules=("no_second_factor",),
    reason="No telephone until Monday",
    approver="an",
    since=NOON - timedelta(days=1),
    until=NOON + timedelta(days=1),
)


@pytest.fixture
def answers(tmp_path: Path) -> Any:
    """Give what asks the gate of an installation with four accounts about a login without a second factor."""
    users = (
        User(name="root", privileged=True),
        User(name="minh", roles=("Accountant",)),
        User(name="ha", roles=("accountant",)),
        User(name="an"),
    )
    policies = Policies({"default": PolicyProfile(mfa=MFA)}, Registers(users=users, exemptions=(EXEMPT,)))
    knowledge: Any = SimpleNamespace(policies=policies, facts=some_facts())
    settings: Any = SimpleNamespace(gate=GateOptions(events_file=tmp_path / "gate.jsonl"))
    gate = build_gate(settings, Database(tmp_path / "store.sqlite"), lambda: knowledge, lambda: NOON)
    return lambda user: gate.check_login(LoginQuestion(Caller(Account("", user)), ()))


def test_registers_decide_whom_a_rule_concerns(answers: Any) -> None:
    """The privileged and the role need a factor; who is exempt passes, and who is neither does too."""
    assert {"root": 1, "minh": 1, "ha": 0, "an": 0} == {
        user: len(answers(user).reasons) for user in ("root", "minh", "ha", "an")
    }
    (waived,) = answers("ha").waived
    assert waived.startswith("no_second_factor: exempt by an until")
    assert () == answers("an").waived
