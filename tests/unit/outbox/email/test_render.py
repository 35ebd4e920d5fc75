"""The message around the words: headers that cannot be forged, bytes that do not change."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from builders_outbox import TEMPLATES, a_command, a_renderer, with_context
from credwatch.kernel.command import Command
from credwatch.kernel.errors import TemplateError
from credwatch.outbox.words.examples import EXAMPLES, example


def _sent(command: Command) -> tuple[bytes, EmailMessage]:
    content = bytes(a_renderer().render(command))
    return content, message_from_bytes(content, policy=SMTP)  # type: ignore[return-value]


def test_the_headers_are_those_of_a_notice() -> None:
    """Everything a mail server and a reader look for, and nothing that invites an automatic answer."""
    _, message = _sent(a_command())
    assert {
        "From": "Công ty TNHH MODORO DIGITAL <info@modoro.example>",
        "To": "it@tanphat.example",
        "Reply-To": "support@modoro.example",
        "Date": "Fri, 20 Nov 2026 05:00:00 +0000",
        "Message-ID": "<cw-0000000000000001@modoro.example>",
        "Subject": "[CW-2026-7KQ2M4] Cần xử lý: không gửi được thư",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Credwatch-Incident": "CW-2026-7KQ2M4",
        "Content-Language": "vi, en",
        "Content-Type": 'multipart/alternative; boundary="=_cw-0000000000000001"',
        "MIME-Version": "1.0",
    } == {name: str(value) for name, value in message.items()}


@pytest.mark.parametrize(
    "name",
    ["Công ty Cổ phần Đầu tư Thương mại và Dịch vụ Kỹ thuật Số Việt Nam – Chi nhánh Khánh Hòa", "A, B & Cộng sự"],
)
def test_a_long_or_odd_sender_name_arrives_whole(name: str) -> None:
    """No space is lost where the header is folded, and no comma makes a second sender."""
    content = bytes(a_renderer(sender={"name": name}).render(a_command()))
    # Read by the older functions: the newer parser of Python 3.11 puts a space between the words of a name.
    raw = message_from_bytes(content)["From"]
    assert f"{name} <info@modoro.example>" == str(make_header(decode_header(raw)))
    assert 1 == raw.count("@") == raw.count("<")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9), st.integers(1, 20))
def test_a_subject_arrives_whole(word: str, times: int) -> None:
    """Words of any letters and length come out of the folded subject as they went in."""
    context = a_command().payload.context | {"number": " ".join([word] * times)}
    command = with_context(a_command(), context)
    assert TEMPLATES.render(command).subject == _sent(command)[1]["Subject"]


def test_a_digest_has_no_incident_header() -> None:
    """Where there is no incident, the header is left out."""
    assert "X-Credwatch-Incident" not in _sent(example("digest"))[1]


@pytest.mark.parametrize("workflow", EXAMPLES)
def test_plain_text_comes_first_and_both_parts_survive_the_journey(workflow: str) -> None:
    """Two parts, text before HTML, Vietnamese letters intact, every line within RFC 5322's 998 octets."""
    content, message = _sent(example(workflow))
    words = TEMPLATES.render(example(workflow))
    alternatives = next(part for part in message.walk() if part.get_content_type() == "multipart/alternative")
    parts = list(alternatives.iter_parts())
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in parts]
    received = [part.get_content().replace("\r\n", "\n").strip() for part in parts]
    assert [words.text.strip(), words.html.strip()] == received
    assert words.subject == message["Subject"]
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert content.isascii()


def test_every_attempt_has_the_same_bytes() -> None:
    """Nothing in the message tells when it was rendered."""
    assert _sent(a_command())[0] == _sent(a_command())[0]


@pytest.mark.parametrize(
    "recipient",
    [
        "a@x.example\r\nBcc: b@y.example",
        "a@x.example, b@y.example",
        "a b@x.example",
        '"a b"@x.example',
        "<a@x.example>",
        "",
        "nobody",
        "ế@x.example",
        "a@x.example\n",
    ],
)
def test_a_recipient_is_one_plain_address_or_an_error(recipient: str) -> None:
    """No recipient can become two, or a header."""
    with pytest.raises(TemplateError, match="cannot be addressed"):
        a_renderer().render(a_command(recipient=recipient))


def test_a_bad_sender_is_an_error() -> None:
    """A From address that is none is found, not sent."""
    with pytest.raises(TemplateError, match="cannot be addressed"):
        a_renderer(sender={"address": "modoro"}).render(a_command())


@given(st.text())
def test_no_value_becomes_a_header(value: str) -> None:
    """Whatever the incident number, the reply or the customer's name hold, the headers stay the same ones."""
    command = a_command()
    context = command.payload.context | {"number": value, "organization": value, "reply": value}
    try:
        content = bytes(a_renderer().render(with_context(replace(command, incident=value), context)))
    except TemplateError:
        return
    expected = set(_sent(command)[1].keys())
    assert set(message_from_bytes(content, policy=SMTP).keys()) <= expected


@pytest.mark.parametrize(
    "hostile", ["a\r\nBcc: x@y.example\r\n\r\nbody", "\u202eevil", "a\u2028b\x1b[2J\x9b", "\u200bz"]
)
def test_nothing_from_outside_reaches_headers_or_turns_letters_round(hostile: str) -> None:
    """Whatever a value holds that no workflow looked at: no further header, no control, no direction."""
    context = {**a_command().payload.context, "organization": hostile, "duty": hostile, "number": hostile}
    message = a_renderer().render(a_command(1, context=context, incident=hostile))
    assert message["Bcc"] is None
    parts = [message["Subject"], *(part.get_content() for part in message.walk() if not part.is_multipart())]
    assert all(sign.isprintable() or sign in "\n\t\xa0" for part in parts for sign in part)
