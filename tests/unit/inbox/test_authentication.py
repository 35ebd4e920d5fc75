"""Authentication-Results: our own server's word alone, and only where it is written as the standard says."""

from __future__ import annotations

import pytest

from credwatch.inbox.authentication import is_proven

DOMAIN = "tanphat.example"


@pytest.mark.parametrize(
    "field",
    [
        f'mail.x; dkim=pass (2048-bit key; unprotected) header.d={DOMAIN} header.i=@{DOMAIN} header.b="x;y"',
        f"MAIL.x 1; dmarc=pass (p=none dis=none) header.from={DOMAIN}; spf=pass smtp.mailfrom=a@{DOMAIN}",
        f"mail.x;\n\tspf=fail smtp.mailfrom=a@evil.example;\n\tdkim=pass header.i=@{DOMAIN}",
        'mail.x; dkim/1=pass reason="good (very)" header.d=tanphat.example',
        "mail.x; dkim=fail header.d=tanphat.example; dkim=pass header.d=tanphat.example",
    ],
)
def test_a_sender_is_proven(field: str) -> None:
    """By a signature of its domain, or by DMARC."""
    assert is_proven(DOMAIN, [field], "mail.x")
    assert is_proven(DOMAIN, ["another; none", field], "mail.x")


@pytest.mark.parametrize(
    "field",
    [
        f"mail.y; dkim=pass header.d={DOMAIN}",
        f"mail.x.evil; dkim=pass header.d={DOMAIN}",
        f"mail.x 2; dkim=pass header.d={DOMAIN}",
        f"mail.x; dkim=fail header.d={DOMAIN}",
        "mail.x; dkim=pass header.d=evil.example",
        f"mail.x; dkim=pass header.d=sub.{DOMAIN}",
        "mail.x; dkim=pass header.d=example",
        f"mail.x; dkim=pass header.d=evil-{DOMAIN}",
        f"mail.x; dkim=pass header.d=evil.example header.d={DOMAIN}",
        f"mail.x; dkim=pass (header.d={DOMAIN})",
        f"mail.x; dkim=pass (not closed header.d={DOMAIN}",
        f'mail.x; dkim=none reason="dkim=pass; dkim=pass header.d={DOMAIN}"',
        f"mail.x; dkim=pass header.d={DOMAIN} and more",
        f"mail.x; dmarc=pass header.from=sub.{DOMAIN}",
        f"mail.x; spf=pass smtp.mailfrom=a@{DOMAIN}",
        f"; dkim=pass header.d={DOMAIN}",
        "mail.x; none",
        "mail.x",
        "",
    ],
)
def test_nothing_else_proves_a_sender(field: str) -> None:
    """Another server, another domain, another result, a comment, a reason, or what is not written as it should be."""
    assert not is_proven(DOMAIN, [field], "mail.x")


def test_without_a_server_of_ours_nobody_is_proven() -> None:
    """An empty name in the settings matches no field."""
    assert not is_proven(DOMAIN, [f"; dkim=pass header.d={DOMAIN}", f'""; dkim=pass header.d={DOMAIN}'], "")
