"""A mail is read as what it is: its kind, its words, what it answers, who sent it."""

from __future__ import annotations

import base64
import unicodedata

import pytest

from credwatch.inbox.mail import Delivery, MailKind
from credwatch.inbox.reading import digest_of, read_mail, said_in
from incoming_mail import PROVEN, a_dsn, a_mail, read

AWAY = {"Subject": "Tự động trả lời: đi vắng"}


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (MailKind.PERSON, {}),
        (MailKind.PERSON, {"Auto_Submitted": "no"}),
        (MailKind.AUTOMATIC, {"Auto_Submitted": "auto-replied; owner-email=x@x.example"}),
        (MailKind.AUTOMATIC, {"Auto_Submitted": "auto-generated"}),
        (MailKind.AUTOMATIC, {"X_Autoreply": "yes"}),
        (MailKind.AUTOMATIC, {"Precedence": "bulk"}),
        (MailKind.AUTOMATIC, {"Precedence": "auto_reply"}),
        (MailKind.AUTOMATIC, {"List_Id": "<all.haiau.example>"}),
        (MailKind.AUTOMATIC, {"Subject": "Automatic reply: Re: thông báo"}),
        (MailKind.AUTOMATIC, {"Subject": "Out of office"}),
        (MailKind.AUTOMATIC, AWAY),
        (MailKind.STATUS, {"Return_Path": "<>"}),
        (MailKind.STATUS, {"From": "Mail Delivery System <MAILER-DAEMON@haiau.example>"}),
    ],
)
def test_the_kind_of_a_mail(kind: MailKind, headers: dict[str, str]) -> None:
    """A machine's letter is never taken for a person's."""
    assert kind is read(a_mail(**headers)).kind


@pytest.mark.parametrize(
    ("action", "delivery"),
    [
        ("failed", Delivery.FAILED),
        ("DELAYED", Delivery.DELAYED),
        ("delivered", Delivery.ARRIVED),
        ("relayed", Delivery.ARRIVED),
        ("expanded (to many)", Delivery.ARRIVED),
    ],
)
def test_a_report_of_a_delivery_is_read(action: str, delivery: Delivery) -> None:
    """RFC 3464: what became of it, the ENVID, code and reason."""
    mail = read(a_dsn("bounces@modoro.example", action=action, envelope="cw-1"))
    assert mail.kind is MailKind.STATUS
    assert mail.status is not None
    assert (delivery, "cw-1", "5.1.1") == (mail.status.delivery, mail.status.envelope_id, mail.status.code)
    assert "550 5.1.1 no such user here" == mail.status.reason


def test_an_action_that_nobody_knows_says_nothing() -> None:
    """Such a report is kept, and no message counts as lost by it."""
    assert read(a_dsn("bounces@modoro.example", action="pondered")).status is None


def test_a_bounce_of_old_is_read_by_its_words() -> None:
    """Without a part for programs the code in the text counts, then the server's reply."""
    for text, code in (("Sorry.\n550 5.2.2 mailbox full\n", "5.2.2"), ("<x@y.example>: 550 no such user", "")):
        status = read(a_mail(text, From="MAILER-DAEMON@haiau.example")).status
        assert status is not None
        assert (Delivery.FAILED, code) == (status.delivery, code)
    later = read(a_mail("451 4.7.1 try again later", From="MAILER-DAEMON@haiau.example")).status
    assert later is not None
    assert Delivery.DELAYED is later.delivery
    assert read(a_mail("Something went wrong.", From="MAILER-DAEMON@haiau.example")).status is None


def test_a_sender_is_believed_of_our_own_server_alone() -> None:
    """With one From address, and our own server's word for its domain."""
    assert read(a_mail()).is_proven
    assert not read(a_mail(Authentication_Results=PROVEN.replace("modoro", "evil"))).is_proven
    assert not read(a_mail(From="x@blueharbor.example")).is_proven
    two = read(a_mail(From="it@haiau.example, x@evil.example"))
    assert ("", False) == (two.sender, two.is_proven)
    again = a_mail().replace(b"Subject:", b"From: other@haiau.example\r\nSubject:", 1)
    assert ("", False) == (read(again).sender, read(again).is_proven)


def test_what_a_mail_answers_comes_nearest_first() -> None:
    """In-Reply-To, then References from the last to the first."""
    mail = read(a_mail(In_Reply_To="<3@x>", References="<1@x> <2@x> <3@x>"))
    assert ("<3@x>", "<2@x>", "<1@x>") == mail.references


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        ("utf-8", "Không phải chúng tôi"),
        ("windows-1258", "Chúng tôi biết"),
        ("utf-16", "Không phải"),
        ("iso-8859-1", "Ça va"),
        ("no-such-charset", "Không phải"),
        ("punycode", "plain words"),
        ("zlib", "plain words"),
    ],
)
def test_words_in_any_character_set(charset: str, words: str) -> None:
    """What a mail says it is written in, else UTF-8; a codec that is no character set is none."""
    codec = {"no-such-charset": "utf-8", "punycode": "ascii", "zlib": "ascii"}.get(charset, charset)
    encoded = _encoded(words, codec)
    raw = b"From: a@b.example\nContent-Type: text/plain; charset=" + charset.encode() + b"\n"
    mail = read(raw + b"Content-Transfer-Encoding: base64\n\n" + encoded)
    assert words == mail.text


def _encoded(words: str, codec: str) -> bytes:
    """Encode as programs do: Windows-1258 has letters with a mark, and the tone behind them."""
    text = "".join(map(_apart, words)) if codec == "windows-1258" else words
    return base64.b64encode(text.encode(codec))


def _apart(sign: str) -> str:
    parts = unicodedata.normalize("NFD", sign)
    tone = next((part for part in parts if part in "\u0300\u0301\u0303\u0309\u0323"), "")
    return unicodedata.normalize("NFC", parts.replace(tone, "")) + tone if tone else sign


def test_html_alone_becomes_its_words() -> None:
    """Tags, scripts, styles, comments and the addresses of links go; lines and entities stay."""
    html = (
        "<html><head><title>x</title><style>p{color:red}</style></head><body><!-- <p>no</p> -->"
        "<p>Xin chào&nbsp;<b>anh</b>,</p><script>alert(1)</script><div>a &lt; b<br>c</div>"
        "<a href='https://evil.example/'>here</a> 1 < 2</body></html>"
    )
    raw = b"From: a@b.example\nContent-Type: text/html; charset=utf-8\n\n" + html.encode()
    text = read(raw).text
    assert ["Xin chào anh,", "a < b", "c", "here 1 < 2"] == [line.strip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("piece", ["<!--", "<a", "<script>", "<", "&lt;", "<style>x</style>", "(", '"', "=?utf-8?q?="])
def test_hostile_repetition_takes_no_time(piece: str) -> None:
    """A megabyte of what might make a reader slow is read within the bound of the test runner."""
    for head in (b"Content-Type: text/html\n\n", b"Content-Type: text/plain\n\n", b"Subject: ", b"From: "):
        read(head + piece.encode() * (200_000 // len(piece)))
    read(b"Authentication-Results: mail.modoro.example; " + piece.encode() * 50_000)


def test_attachments_are_kept_apart() -> None:
    """Each with its name, its type and its bytes; a mail within a mail is one of them."""
    raw = (
        b'From: a@b.example\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain\n\nwords\n'
        b'--x\nContent-Type: image/png; name="a.png"\nContent-Transfer-Encoding: base64\n\niVBORw==\n'
        b"--x\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner words\n--x--\n"
    )
    mail = read(raw)
    assert "words" == mail.text
    assert [("a.png", "image/png", b"\x89PNG")] == [
        (one.name, one.media_type, one.content) for one in mail.attachments[:1]
    ]
    assert b"inner words" in mail.attachments[1].content


def test_what_is_quoted_is_left_out() -> None:
    """Of an answer the words that are new; where there are none, all of it."""
    mail = read(a_mail("Không phải chúng tôi.\n\nVào 12:00 ngày 2/3/2026 MODORO đã viết:\n> Kính gửi\n> …\n"))
    assert "Không phải chúng tôi." == said_in(mail)
    assert "> all quoted" == said_in(read(a_mail("> all quoted")))


def test_too_long_and_too_deep() -> None:
    """Such a mail is unreadable, with its reason, and keeps its digest."""
    raw = a_mail("x" * 5_000)
    assert MailKind.UNREADABLE is read_mail(raw, "", 1_000).kind
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (at, at) for at in range(500))
    assert MailKind.UNREADABLE is read(deep).kind


def test_the_digest_is_of_what_the_sender_wrote() -> None:
    """Whichever servers it passes, and however lines end; another body is another mail."""
    raw = a_mail()
    passed = b"Return-Path: <x@y.example>\r\nReceived: from a by b\r\n" + raw
    assert digest_of(raw) == digest_of(passed) == digest_of(raw.replace(b"\r\n", b"\n"))
    assert digest_of(raw) != digest_of(a_mail("other words"))


def test_doubts() -> None:
    """The mark of our own filter, and more links than a report needs."""
    assert ("spam",) == read(a_mail(X_Spam_Flag="YES")).doubts
    assert ("full_of_links",) == read(a_mail("http://x.example " * 9)).doubts
    assert () == read(a_mail()).doubts
