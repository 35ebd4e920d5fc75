"""The application of the demonstration: it does what is signed, once."""

from __future__ import annotations

import json

from credwatch.demo.application import Application, Deed
from credwatch.demo.stage import said_as_done
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.webhook import key_of, signature

SECRET = "a secret of twenty-four characters"
BODY = json.dumps({"data": {"action": "end_sessions", "target": "lan"}}).encode()


def _headers(secret: str = SECRET) -> dict[str, str]:
    signed = signature(key_of(Secret(secret)), "do-1", 1, BODY)
    return {"webhook-id": "do-1", "webhook-timestamp": "1", "webhook-signature": signed}


def test_what_is_signed_is_done_once() -> None:
    """The same key a second time is answered as well, and does nothing more."""
    application = Application(SECRET)
    assert [204, 204] == [application.answer(_headers(), BODY) for _ in range(2)]
    assert (Deed("end_sessions", "lan"),) == application.deeds


def test_what_is_not_signed_is_refused() -> None:
    """Another secret, another body, or no signature at all: 401, and nothing is done."""
    application = Application(SECRET)
    refused = [(_headers("another secret"), BODY), (_headers(), BODY + b" "), ({}, BODY)]
    assert [401] * 3 == [application.answer(headers, body) for headers, body in refused]
    assert () == application.deeds


def test_the_story_repeats_what_the_letter_says() -> None:
    """The sentences about measures are taken out of the English part, on one line each."""
    letter = (
        "WHAT WE HAVE DONE\n-----------------\n- Recorded the incident.\n- Ended every\n  session.\n- Kept on.\n\n- No"
    )
    assert ("Ended every session.",) == said_as_done(letter) == said_as_done(letter.replace("\n", "\r\n"))
