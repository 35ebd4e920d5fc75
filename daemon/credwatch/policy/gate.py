"""The gate: says no before it happens, and tells the rules what it said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.account import Account
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import Blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.events import Action, Caller, GateEvent, GateEvents
from credwatch.policy.history import PasswordHistory
from credwatch.policy.login import LoginQuestion, LoginStanding, LoginVerdict, check_login
from credwatch.policy.password import PasswordAccepted, PasswordRefused, Verdict, check_password, normalized
from credwatch.policy.profile import MfaProfile, PolicyProfile
from credwatch.policy.pushes import Pushes
from credwatch.policy.reasons import Reason, Refusal
from credwatch.policy.strength import Estimate
from credwatch.policy.totp import Enrolment, MfaOutcome, MfaVerdict, Totp, UnlockOutcome

_TOTP, _RECOVERY = "totp", "recovery_code"
_log = structlog.get_logger(__name__)


class CustomerPolicy(Struct, frozen=True):
    """What registers and profiles say of one account, as far as the gate asks."""

    profile: PolicyProfile
    """Its rules."""
    name: str = ""
    """Its customer's name, which must not be chosen as a password."""
    standing: Callable[[], LoginStanding] | None = None
    """Says what registers say of the account beside; None where nobody knows more than the profile."""

    def login_standing(self) -> LoginStanding:
        """Say what a login of the account is held to."""
        return self.standing() if self.standing else LoginStanding(self.profile)


PolicyOf = Callable[[Account], CustomerPolicy]
"""Finds what an account is held to; gives the staff's for a customer it does not know, and never raises."""


CodeCheck = Callable[[Account, Secret], MfaOutcome]
"""Says what came of a one-time code of an account, as the gate does: each code counts once."""


class PasswordQuestion(Struct, frozen=True):
    """A prospective password and what is known about its use."""

    caller: Caller
    """For whom."""
    candidate: Secret
    """The password."""
    email: str = ""
    """The account's e-mail address."""
    service: str = ""
    """The service it opens; empty for the gate's own service name."""
    with_mfa: bool = False
    """True where a second factor is always asked as well."""


class PushVerdict(Struct, frozen=True):
    """Whether a push may be sent."""

    refusal: Refusal | None = None
    """Why not; None where it may."""
    until: datetime | None = None
    """When the next one may."""


class BreachedPasswords(Protocol):
    """Knows passwords that were seen in breaches; may be asked from several threads."""

    @property
    def ready(self) -> bool:
        """Tell whether it can be asked."""
        ...

    def source_of(self, password: str) -> str:
        """Say where a password was seen, or nothing; raises CredwatchError where it cannot tell."""
        ...


class Gate:
    """Answers about passwords and second factors, and writes an event for each refusal and each change.

    Every method may be called from any thread and blocks (disk, argon2id). Second factors fail closed: StoreError,
    ConfigurationError (no sealing key) and EventError mean *not accepted*. Password checks follow the profile's
    `on_failure` and raise nothing.
    """

    def __init__(
        self,
        *,
        policy_of: PolicyOf,
        blocklist: Blocklist,
        history: PasswordHistory,
        totp: Totp,
        events: GateEvents,
        clock: Clock,
        service: str = "",
        breached: BreachedPasswords | None = None,
        pushes: Pushes | None = None,
    ) -> None:
        self._policy_of = policy_of
        self._blocklist = blocklist
        self._history = history
        self._totp = totp
        self._events = events
        self._clock = clock
        self._service = service
        self._breached = breached
        self._pushes = pushes or Pushes()

    @property
    def mfa_ready(self) -> bool:
        """Tell whether second factors can be enrolled and verified: whether there is a sealing key."""
        return self._totp.ready

    @property
    def breached_passwords(self) -> str:
        """Say whether breached passwords are refused: ready, unavailable, or not_configured."""
        if self._breached is None:
            return "not_configured"
        return "ready" if self._breached.ready else "unavailable"

    def check_password(self, question: PasswordQuestion) -> Verdict:
        """Judge a prospective password by the customer's profile and the account's history."""
        policy = self._policy_of(question.caller.account)
        verdict = self._against_breaches(question, policy, self._judged(question, policy))
        if isinstance(verdict, PasswordAccepted) and policy.profile.password.remember:
            verdict = self._against_history(question, policy, verdict)
        if isinstance(verdict, PasswordRefused):
            self._tell_refusal(question.caller, verdict)
        return verdict

    def when_undecided(self, account: Account, *, busy: bool = False) -> Verdict:
        """Return what the account's profile answers where a password cannot be checked at all, or not at once."""
        profile = self._policy_of(account).profile.password
        if profile.on_failure == "accept":
            return PasswordAccepted(Estimate(0, 0.0), unchecked=("everything",))
        return PasswordRefused((Refusal(Reason.BUSY if busy else Reason.UNAVAILABLE).under(profile.rules),))

    def password_changed(self, question: PasswordQuestion) -> int:
        """Remember a password that was just set; return how many the account's history holds."""
        account = question.caller.account
        profile = self._policy_of(account).profile.password
        count = self._history.record(question.candidate, account, profile, self._clock())
        self._tell(question.caller, Action.PASSWORD_CHANGE, succeeded=True)
        return count

    def check_login(self, question: LoginQuestion) -> LoginVerdict:
        """Hold a login, or an act within one, against the local rules; raises StoreError, EventError.

        Where the application does not say when the password was set, the remembered one's age counts.
        """
        account = question.caller.account
        standing = self._policy_of(account).login_standing()
        if question.password_set_at is None and standing.profile.password.maximum_age_days:
            question = replace(question, password_set_at=self._history.set_at(account))
        verdict = check_login(question, standing, self._clock())
        if verdict.reasons:
            codes = ",".join(refusal.reason for refusal in verdict.reasons)
            self._tell(question.caller, Action.LOGIN_CHECK, succeeded=False, reason=codes)
        return verdict

    def count_push(self, caller: Caller) -> PushVerdict:
        """Say whether a push may be sent, and count it; a refusal is an event. Raises EventError."""
        mfa = self._mfa(caller)
        until = self._pushes.send(caller.account, mfa.pushes_per_hour, self._clock())
        if until is None:
            return PushVerdict()
        self._tell(caller, Action.LOGIN_CHECK, succeeded=False, reason=Reason.TOO_MANY_PUSHES.value)
        return PushVerdict(Refusal(Reason.TOO_MANY_PUSHES, mfa.pushes_per_hour).under(mfa.rules), until)

    def enrol(self, caller: Caller) -> Enrolment | None:
        """Make a secret for the account; return None where a confirmed factor stands already."""
        return self._totp.enrol(caller.account, self._mfa(caller), self._clock())

    def confirm(self, caller: Caller, code: Secret) -> MfaVerdict:
        """Take the first code of a new secret; with it the factor is added."""
        verdict = self._totp.confirm(caller.account, code, self._mfa(caller), self._clock())
        self._tell_verdict(caller, Action.FACTOR_ADDED if verdict.accepted else Action.MFA_VERIFY, verdict)
        return verdict

    def verify(self, caller: Caller, code: Secret) -> MfaVerdict:
        """Take a code of the account's factor."""
        verdict = self._totp.verify(caller.account, code, self._mfa(caller), self._clock())
        self._tell_verdict(caller, Action.MFA_VERIFY, verdict)
        return verdict

    def make_recovery_codes(self, caller: Caller) -> tuple[Secret, ...] | None:
        """Make ten recovery codes in place of those before; return None where there is no confirmed factor."""
        codes = self._totp.make_recovery_codes(caller.account)
        if codes is not None:
            self._tell(caller, Action.FACTOR_ADDED, succeeded=True, factor=_RECOVERY)
        return codes

    def recover(self, caller: Caller, code: Secret) -> MfaVerdict:
        """Take a recovery code in place of a code of the account's factor."""
        verdict = self._totp.recover(caller.account, code, self._mfa(caller), self._clock())
        self._tell_verdict(caller, Action.MFA_VERIFY, verdict, factor=_RECOVERY)
        return verdict

    def unlock(self, caller: Caller, why: str) -> UnlockOutcome:
        """Forgive the failures of a locked factor; `why` goes into the event."""
        outcome = self._totp.unlock(caller.account)
        if outcome is UnlockOutcome.UNLOCKED:
            self._tell(caller, Action.ACCOUNT_UNLOCKED, succeeded=True, why=why)
        return outcome

    def remove(self, caller: Caller, why: str) -> bool:
        """Take the factor away, so that it can be enrolled anew; `why` goes into the event."""
        removed = self._totp.remove(caller.account)
        if removed:
            self._tell(caller, Action.FACTOR_REMOVED, succeeded=True, why=why)
        return removed

    def _mfa(self, caller: Caller) -> MfaProfile:
        return self._policy_of(caller.account).profile.mfa

    def _judged(self, question: PasswordQuestion, policy: CustomerPolicy) -> Verdict:
        account = question.caller.account
        context = PasswordContext(
            user=account.user,
            email=question.email,
            organization=account.organization,
            customer=policy.name,
            service=question.service or self._service,
            with_mfa=question.with_mfa,
        )
        return check_password(question.candidate, context, policy.profile.password, self._blocklist)

    def _against_breaches(self, question: PasswordQuestion, policy: CustomerPolicy, verdict: Verdict) -> Verdict:
        if self._breached is None:
            return verdict
        try:
            source = self._breached.source_of(normalized(question.candidate))
        except CredwatchError as error:
            _log.error("breached_passwords_unavailable", where=error.where, problem=error.message)
            return _unchecked("breached", verdict, policy)
        reasons = verdict.reasons if isinstance(verdict, PasswordRefused) else ()
        breached = Refusal(Reason.BREACHED, source=source).under(policy.profile.password.rules)
        return PasswordRefused((*reasons, breached)) if source else verdict

    def _against_history(
        self, question: PasswordQuestion, policy: CustomerPolicy, accepted: PasswordAccepted
    ) -> Verdict:
        profile = policy.profile.password
        try:
            used = self._history.used_before(question.candidate, question.caller.account, profile)
        except CredwatchError:
            return _unchecked("history", accepted, policy)
        reused = Refusal(Reason.REUSED, profile.remember).under(profile.rules)
        return PasswordRefused((reused,)) if used else accepted

    def _tell_refusal(self, caller: Caller, refused: PasswordRefused) -> None:
        codes = ",".join(refusal.reason for refusal in refused.reasons)
        try:
            self._tell(caller, Action.PASSWORD_CHECK, succeeded=False, reason=codes)
        except CredwatchError as error:
            # The password stays refused whether or not the rules hear of it.
            _log.error("gate_event_lost", where=error.where, problem=error.message)

    def _tell_verdict(self, caller: Caller, action: Action, verdict: MfaVerdict, factor: str = _TOTP) -> None:
        reason = "" if verdict.accepted else verdict.outcome.value
        self._tell(caller, action, succeeded=verdict.accepted, reason=reason, factor=factor)
        if verdict.locked_now:
            self._tell(caller, Action.ACCOUNT_LOCKED, succeeded=True, reason="too_many_failures")

    def _tell(
        self, caller: Caller, action: Action, *, succeeded: bool, reason: str = "", why: str = "", factor: str = _TOTP
    ) -> None:
        self._events.write(GateEvent(self._clock(), action, caller, succeeded, reason, why, factor))


def _unchecked(check: str, verdict: Verdict, policy: CustomerPolicy) -> Verdict:
    """Return what the profile makes of a check that failed; what was refused for other reasons stays refused."""
    if isinstance(verdict, PasswordRefused):
        return verdict
    if policy.profile.password.on_failure == "accept":
        return replace(verdict, unchecked=(*verdict.unchecked, check))
    return PasswordRefused((Refusal(Reason.UNAVAILABLE).under(policy.profile.password.rules),))
