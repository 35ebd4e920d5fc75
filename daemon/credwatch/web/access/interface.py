"""What the endpoints ask of the casework; the rules are those of `credwatch access`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from credwatch.kernel.access import AccessRequest, AccessState
from credwatch.kernel.secret import Secret
from credwatch.policy.gate import CodeCheck
from credwatch.store.cases.access_requests import StoredAccess


class AccessDecisions(Protocol):
    """Keeps requests for access. Methods may be called from several threads; a step is one transaction.

    What may not be raises AccessForbidden, with nothing changed: CodeRefused where a code does not prove who somebody
    is. StoreError is raised where the store refuses; then nothing is done either.
    """

    def through(self, system: str) -> AccessDecisions:
        """Give the same, whose requests and steps say that a ticket system has told of them."""
        ...

    def ask(self, request: AccessRequest, by: str, code: Secret | None, check: CodeCheck | None, *, key: str) -> str:
        """Ask for access and return its number; sent again under the same key it is the same request.

        Raises OtherAccess where the key has come with another one.
        """
        ...

    def approve(self, number: str, by: str, code: Secret, check: CodeCheck, text: str) -> AccessRequest:
        """Have a member of the staff agree."""
        ...

    def customer_said_yes(
        self, number: str, address: str, by: str, code: Secret, check: CodeCheck, text: str
    ) -> AccessRequest:
        """Note that a contact agreed on another way than the pages, as a member of the staff heard it."""
        ...

    def refuse(self, number: str, by: str, text: str) -> AccessRequest:
        """Refuse what waits; who has asked withdraws it."""
        ...

    def revoke(self, number: str, by: str, text: str) -> AccessRequest:
        """End access before its time."""
        ...

    def review(self, number: str, by: str, code: Secret, check: CodeCheck, text: str) -> AccessRequest:
        """Note how it went."""
        ...

    def request(self, number: str) -> StoredAccess:
        """Return a request and its use; raises AccessForbidden where there is none by that number."""
        ...

    def requests(self, limit: int, states: Sequence[AccessState], customers: Sequence[str]) -> Sequence[StoredAccess]:
        """Return the latest requests, in some states or of some customers where any is named, the latest first."""
        ...

    def is_secret(self, request: AccessRequest) -> bool:
        """Say whether an order forbids to tell the customer of a request now."""
        ...
