"""What a customer asks of passwords and second factors; the defaults are NIST SP 800-63B-4."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from credwatch.kernel.options import Options, require_keys

Population = Literal["staff", "privileged", "all"]
"""Whom a second factor can be asked of: provider staff, accounts marked privileged, or everybody."""


Populations = tuple[Population, ...]
"""Whom a demand concerns; empty for nobody."""

Rule = Annotated[str, Field(min_length=1, max_length=200)]
"""Which text asks for something, with its section."""

Role = Annotated[str, Field(min_length=1, max_length=254)]
"""A role, as users.toml, staff.toml or the application names it."""

Act = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]
"""Something that a person may do, such as data_export."""

Rules = dict[str, Rule]
"""By the key that it is about."""


class PasswordProfile(Options):
    """Rules for a prospective password (NIST SP 800-63B-4, section 3.1.1.2).

    Lengths count Unicode code points after NFC. The defaults ask for no character classes and no rotation and
    remember nothing, as the standard says; other profiles may, where a contract or a national standard does.
    """

    minimum_alone: StrictInt = Field(default=15, ge=8, le=64)
    """Shortest password that is the only factor."""
    minimum_with_mfa: StrictInt = Field(default=8, ge=8, le=64)
    """Shortest password that is only used together with a second factor."""
    maximum: StrictInt = Field(default=1024, ge=64, le=1024)
    """Longest password; there is one only to bound the work."""
    require_classes: StrictInt = Field(default=0, ge=0, le=4)
    """How many of lower case, upper case, digits and others must occur; the standard says none."""
    minimum_zxcvbn_score: StrictInt = Field(default=0, ge=0, le=4)
    """Least zxcvbn score, 0 to 4; 0 asks for none."""
    remember: StrictInt = Field(default=0, ge=0, le=24)
    """How many past passwords may not come again; at 0 no hash is stored."""
    context_words: tuple[str, ...] = Field(default=(), max_length=32)
    """Further words that users of this customer would choose first, such as its product's name."""
    remember_for: Populations = ("all",)
    """Whose past passwords are remembered."""
    maximum_age_days: StrictInt = Field(default=0, ge=0, le=3650)
    """After so many days a login with the password is refused (`/v1/login/check`) until it is changed; 0 never."""
    require_corpus: StrictBool = False
    """Whether breached passwords must be known: `credwatch check` says where there is no corpus."""
    on_failure: Literal["refuse", "accept"] = "refuse"
    """What to answer where a check cannot be made, such as history with the store away."""
    rules: Rules = Field(default_factory=dict)
    """Which text asks for it, by key; `blocklist` stands for common, derived, context and breached passwords."""
    forbids: Rules = Field(default_factory=dict)
    """Keys that must stay 0 and the text that says so: another profile for the same person may ask for them."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        require_keys(type(self), (*self.rules, *self.forbids), others=("blocklist",))
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum_with_mfa > self.minimum_alone:
            raise ValueError(
                f"minimum_with_mfa is {self.minimum_with_mfa}, longer than minimum_alone ({self.minimum_alone}); "
                "a password that stands alone must not be the shorter one"
            )
        return self


class MfaProfile(Options):
    """Rules for one-time codes (RFC 6238) and for how often they may be guessed (SP 800-63B-4, section 3.2.2)."""

    required_for: Populations = ("staff", "privileged")
    """Whose logins must have a second factor."""
    phishing_resistant_for: Populations = ()
    """Whose second factor must be one that no false page can pass on: a key or passkey (WebAuthn)."""
    required_roles: tuple[Role, ...] = ()
    """Roles whose logins must have a second factor, whoever has them."""
    grace_days: StrictInt = Field(default=0, ge=0, le=90)
    """So many days after an account was made, it may log in without the second factor that it needs."""
    pushes_per_hour: StrictInt = Field(default=5, ge=0, le=100)
    """How many pushes one person is sent within an hour (section 3.1.3: limited); 0 for as many as one likes."""
    ask_again_before: tuple[Act, ...] = ()
    """Acts before which the second factor is asked for again, as the application names them."""
    ask_again_after_minutes: StrictInt = Field(default=15, ge=1, le=720)
    """How long the latest second factor is enough for those acts."""
    digits: StrictInt = Field(default=6, ge=6, le=8)
    """Length of a code."""
    step_seconds: StrictInt = Field(default=30, ge=15, le=120)
    """How long a code lasts; the standard allows two minutes at most (section 3.1.4.1)."""
    window_steps: StrictInt = Field(default=1, ge=0, le=1)
    """Steps before and after the present one that are accepted (RFC 6238, section 5.2: at most one)."""
    max_failures: StrictInt = Field(default=10, ge=1, le=100)
    """Failures in a row that lock the factor; 100 is the most the standard allows."""
    wait_after: StrictInt = Field(default=3, ge=1, le=100)
    """Failures in a row before the first wait, for people mistype."""
    wait_first_seconds: StrictInt = Field(default=30, ge=1, le=3600)
    """The first wait; each further failure doubles it."""
    wait_longest_seconds: StrictInt = Field(default=3600, ge=1, le=86_400)
    """The longest wait."""
    rules: Rules = Field(default_factory=dict)
    """Which text asks for it, by key."""
    forbids: Rules = Field(default_factory=dict)
    """Keys that must stay 0, and the text that says so."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        require_keys(type(self), (*self.rules, *self.forbids))
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.wait_first_seconds > self.wait_longest_seconds:
            raise ValueError(
                f"wait_first_seconds is {self.wait_first_seconds}, longer than wait_longest_seconds "
                f"({self.wait_longest_seconds})"
            )
        return self


class PolicyProfile(Options):
    """One set of rules: a table of `credwatch.toml`, or a file of its own with its name."""

    title: str = ""
    """What it is called."""
    extends: str = "nist-63b-4"
    """The profile whose rules hold where this one says nothing; empty for none, so that the defaults hold."""
    edition: str = ""
    """Which edition of the text it follows, or of this profile."""
    source: str = ""
    """Where the rules were read."""
    certainty: Literal["primary", "secondary", "own"] = "own"
    """Whether that is the text itself, what somebody wrote about it, or one's own decision."""
    checked_on: date | None = None
    """When it was read last."""
    unsaid: tuple[str, ...] = ()
    """What the text asks and this profile leaves out, and why."""
    password: PasswordProfile = PasswordProfile()
    """Rules for passwords."""
    mfa: MfaProfile = MfaProfile()
    """Rules for second factors."""

    @property
    def version(self) -> str:
        """What tells this profile from any other: twelve hexadecimal digits of a hash over all it says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
