"""What a customer reads of access to its accounts."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from access_office import a_request
from builders_outbox import NOON, TEMPLATES, some_facts
from credwatch.enrich.stateless.authorisation import ACTIONS_DUE
from credwatch.workflows.access_letters import access_news
from credwatch.workflows.portal_letters import PortalNews

CUSTOMERS = ("tanphat", "acme")


@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("action", [*sorted(ACTIONS_DUE), "*"])
@pytest.mark.parametrize("account", ["ke.toan@tanphat.example", "*"])
def test_acts_and_accounts_are_named_in_words(customer: str, action: str, account: str) -> None:
    """No name out of a configuration, and no asterisk, stands where a customer reads what is allowed on what."""
    request = replace(a_request(customer=customer, actions=(action,), accounts=(account,)), id="AR-7KQ2M4AB")
    letter = access_news(PortalNews.ACCESS_GRANTED, request, some_facts(), NOON)[0]
    text = TEMPLATES.render(letter).text
    acts = re.search(r"^[*] (?:Thao tác|Acts): (.+)$", text, re.M)
    assert acts is not None
    assert not re.search(r"[*_]", acts[1])
    assert not re.search(r"(?:Tài khoản|Accounts): [*]$", text, re.M)
