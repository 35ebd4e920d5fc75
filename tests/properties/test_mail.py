"""Whatever bytes come as a mail, they are read, and their time is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from credwatch.inbox.authentication import is_proven
from credwatch.inbox.mail import MailKind
from incoming_mail import a_dsn, a_mail, read

_WORDS = st.sampled_from(
    [
        *(b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n", b"--b\n", b"--b--\n", b"\n"),
        *(b"Content-Type: message/delivery-status\n\n", b"Content-Type: message/rfc822\n\n", b"Action: failed\n"),
        *(b"Content-Type: text/html; charset=utf-7\n", b"Content-Transfer-Encoding: base64\n", b"From: \xff <@\n"),
        *(b"Subject: =?utf-8?b?w?=\n", b"Content-Type: ;;=\n", b"Content-Disposition: attachment; filename*=x'y'%FF\n"),
        *(
            b"Message-ID: <\n",
            b"References: <a@b> <c@\n",
            b"To: a,,b@c (\n",
            b"Content-Transfer-Encoding: x-uuencode\n",
        ),
    ]
)
_MAILS = st.one_of(
    st.binary(max_size=400), st.lists(st.one_of(_WORDS, st.binary(max_size=30)), max_size=20).map(b"".join)
)


@given(_MAILS)
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    """Reading never raises, and says the same each time."""
    mail = read(raw)
    assert mail == read(raw)
    assert 64 == len(mail.digest)


@given(st.sampled_from([a_mail(), a_dsn("bounces@modoro.example")]), st.data())
def test_a_torn_mail_is_a_mail(raw: bytes, data: st.DataObject) -> None:
    """Wherever bytes are changed, it is read; and nothing makes a proven sender of another domain."""
    at, new = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.binary(max_size=8))
    mail = read(raw[:at] + new + raw[at + len(new) :])
    assert mail.kind in MailKind
    assert not mail.is_proven or mail.sender.endswith("haiau.example")


@given(st.text(alphabet='mail.x; dkim=pass(header.d)"\\ \t', max_size=80))
def test_no_field_of_another_proves_anything(text: str) -> None:
    """Nothing without the domain in it proves the domain."""
    assert not is_proven("tanphat.example", [f"mail.x; {text}"], "mail.x")
