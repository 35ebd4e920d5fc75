"""The second factor of a contact: a code of an app, a passkey, or a recovery code.

Whoever has only opened a link may prove a factor, or set the first one up; further ones are for who has proven one.
"""

from __future__ import annotations

import json
from typing import Any

import webauthn
from msgspec import Struct
from starlette.responses import JSONResponse, RedirectResponse, Response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from credwatch.kernel.account import Account
from credwatch.kernel.secret import Secret
from credwatch.ledger.entry import ActKind
from credwatch.policy.profile import MfaProfile
from credwatch.policy.totp import MfaOutcome, MfaVerdict, Totp
from credwatch.store.gate import FactorRows
from credwatch.store.portal import passkeys, sessions
from credwatch.store.portal.passkeys import Passkey
from credwatch.store.portal.sessions import LiveSession, Stage
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.interface import CustomerContact
from credwatch.web.portal.login import LoginPages
from credwatch.web.portal.visit import Visit

_HOME = "/notices"


class ContactFactors(Struct, frozen=True):
    """What a contact can prove themselves with."""

    app: bool
    """Whether a confirmed app is there."""
    keys: tuple[Passkey, ...]
    """The passkeys."""

    @property
    def is_any(self) -> bool:
        """Whether there is anything."""
        return self.app or bool(self.keys)


def contact_account(customer: str, address: str) -> Account:
    """Name the account under which a contact's app is kept: never one of the customer's own users."""
    return Account.of(customer, f"contact {address.casefold()}")


class SecondFactorPages:
    """Proves a second factor, or sets one up."""

    def __init__(self, door: FrontDoor, login: LoginPages, totp: Totp, rows: FactorRows) -> None:
        self._door = door
        self._login = login
        self._totp = totp
        self._rows = rows
        self._profile = MfaProfile()

    def page(self, visit: Visit) -> Response:
        """Ask for the factor that is there, or offer to set one up."""
        return self._page(visit)

    def _page(self, visit: Visit, problem: str = "", status: int = 200) -> Response:
        contact = self._contact(visit)
        if visit.session and visit.session.stage is Stage.FULL:
            return RedirectResponse(_HOME, 303)
        factors = self._factors(contact)
        values = {"problem": problem, "app": factors.app, "keys": bool(factors.keys), "who": contact}
        name = "second" if factors.is_any else "second_new"
        return self._door.page(visit, name, values | {"ready": self._totp.ready}, status)

    def code(self, visit: Visit) -> Response:
        """Take a code of the app."""
        account = _account(self._contact(visit))
        verdict = self._totp.verify(account, Secret(visit.first("code")), self._profile, self._door.clock())
        return self._judged(visit, verdict)

    def recovery(self, visit: Visit) -> Response:
        """Take a recovery code."""
        account = _account(self._contact(visit))
        verdict = self._totp.recover(account, Secret(visit.first("code")), self._profile, self._door.clock())
        return self._judged(visit, verdict)

    def _judged(self, visit: Visit, verdict: MfaVerdict) -> Response:
        if not verdict.accepted:
            outcomes = (MfaOutcome.THROTTLED, MfaOutcome.LOCKED, MfaOutcome.REPLAYED)
            problem = verdict.outcome.value if verdict.outcome in outcomes else "wrong"
            return self._page(visit, "locked" if verdict.locked_now else problem, 403)
        return self._entered(visit, RedirectResponse(_HOME, 303))

    def _entered(self, visit: Visit, response: Response) -> Response:
        self._login.begin(response, visit, self._contact(visit), Stage.FULL)
        return response

    def app_new(self, visit: Visit) -> Response:
        """Make a secret for an app, and show it once."""
        contact = self._contact(visit)
        if not self._may_make(visit, contact):
            return self._page(visit, "has_one", 403)
        made = self._totp.enrol(_account(contact), self._profile, self._door.clock())
        if made is None:
            return self._page(visit, "has_one", 403)
        secret = made.secret.reveal()
        groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        return self._door.page(visit, "app_new", {"secret": groups, "uri": made.uri.reveal(), "problem": ""})

    def app_confirmed(self, visit: Visit) -> Response:
        """Take the first code of the app; show the recovery codes, once."""
        contact = self._contact(visit)
        account = _account(contact)
        verdict = self._totp.confirm(account, Secret(visit.first("code")), self._profile, self._door.clock())
        if not verdict.accepted:
            values = {"secret": "", "uri": "", "problem": "wrong"}
            return self._door.page(visit, "app_new", values, 403)
        codes = self._totp.make_recovery_codes(account) or ()
        self._door.desk.logged(contact, ActKind.FACTOR_CONFIRMED, {})
        self._login.begin(after := Response(), visit, contact, Stage.FULL)
        page = self._door.page(visit, "recovery_codes", {"codes": [code.reveal() for code in codes]})
        page.raw_headers.extend(header for header in after.raw_headers if header[0] == b"set-cookie")
        return page

    def key_options(self, visit: Visit) -> Response:
        """Say what a passkey must sign: a challenge that is good once."""
        contact, session = self._contact(visit), _session(visit)
        factors = self._factors(contact)
        is_new = visit.first("for") == "make"
        if is_new and not self._may_make(visit, contact):
            return JSONResponse({"problem": "has_one"}, 403)
        options = self._new_options(contact, factors) if is_new else self._asked_options(factors)
        with self._door.database.writing() as connection:
            sessions.challenge_session(connection, session.id, bytes_to_base64url(options.challenge))
        return Response(webauthn.options_to_json(options), media_type="application/json")

    def _new_options(self, contact: CustomerContact, factors: ContactFactors) -> Any:
        return webauthn.generate_registration_options(
            rp_id=self._door.options.site,
            rp_name=self._door.look.words(contact.language, "site")["name"],
            user_name=contact.address,
            user_display_name=f"{contact.address}, {contact.name}",
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(factors),
        )

    def _asked_options(self, factors: ContactFactors) -> Any:
        return webauthn.generate_authentication_options(
            rp_id=self._door.options.site,
            allow_credentials=_descriptors(factors),
            user_verification=UserVerificationRequirement.REQUIRED,
        )

    def key(self, visit: Visit) -> Response:
        """Take what a passkey has signed: the key of a new one, or the proof of one that is known."""
        session = _session(visit)
        with self._door.database.writing() as connection:
            sessions.challenge_session(connection, session.id, "")
        try:
            challenge, said = base64url_to_bytes(session.challenge), json.loads(visit.first("credential"))
            is_taken = bool(challenge) and self._taken(visit, challenge, said)
        except (WebAuthnException, ValueError, KeyError, TypeError):
            is_taken = False
        if not is_taken:
            return JSONResponse({"problem": "wrong"}, 403)
        answer = JSONResponse({"next": _HOME})
        return answer if session.stage is Stage.FULL else self._entered(visit, answer)

    def _taken(self, visit: Visit, challenge: bytes, said: dict[str, Any]) -> bool:
        contact = self._contact(visit)
        if visit.first("for") == "make":
            return self._may_make(visit, contact) and self._kept(contact, challenge, said)
        wanted = [key for key in self._factors(contact).keys if key.id == str(said["id"])]
        if not wanted:
            return False
        (key,) = wanted
        proven = webauthn.verify_authentication_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=self._door.options.site,
            expected_origin=self._door.options.public_url,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
        with self._door.database.writing() as connection:
            return passkeys.count_passkey(connection, key.id, key.sign_count, proven.new_sign_count)

    def _kept(self, contact: CustomerContact, challenge: bytes, said: dict[str, Any]) -> bool:
        made = webauthn.verify_registration_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=self._door.options.site,
            expected_origin=self._door.options.public_url,
            require_user_verification=True,
        )
        passkey = Passkey(bytes_to_base64url(made.credential_id), made.credential_public_key, made.sign_count)
        with self._door.database.writing() as connection:
            passkeys.add_passkey(connection, contact.customer, contact.address, passkey, self._door.clock())
        self._door.desk.logged(contact, ActKind.PASSKEY_MADE, {})
        return True

    def _may_make(self, visit: Visit, contact: CustomerContact) -> bool:
        """Say whether a factor may be set up: the mailbox alone is enough for the first one, and for no other."""
        return _session(visit).stage is Stage.FULL or not self._factors(contact).is_any

    def _factors(self, contact: CustomerContact) -> ContactFactors:
        with self._door.database.reading() as connection:
            keys = tuple(passkeys.passkeys_of(connection, contact.customer, contact.address))
        return ContactFactors(self._rows.is_confirmed(_account(contact)), keys)

    def _contact(self, visit: Visit) -> CustomerContact:
        session = _session(visit)
        contact = self._door.desk.contact(session.customer, session.address)
        assert contact is not None, "the door lets nobody else in"
        return contact


def _account(contact: CustomerContact) -> Account:
    return contact_account(contact.customer, contact.address)


def _session(visit: Visit) -> LiveSession:
    assert visit.session is not None, "the door lets nobody else in"
    return visit.session


def _descriptors(factors: ContactFactors) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.id)) for key in factors.keys]
