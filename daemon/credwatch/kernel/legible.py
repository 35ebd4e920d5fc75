"""Text from outside, made harmless for whoever reads it: one function for each kind of reader.

Whoever tries to log in chooses the user name, and a mail server chooses its replies. What they write must neither
steer a terminal, nor begin a line of its own, nor turn the order of letters round (Unicode TR 36, section 2.4), nor
become a link in a mail program. Letters of every language, Vietnamese among them, stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import ip_address

LONGEST_IN_A_LOG = 4_000
"""Characters of one value: the journal cuts lines of 48 KiB in two, and what follows the cut would be a line."""
LONGEST_IN_A_MESSAGE = 120
"""Characters of one value in a message."""

# Signs without ink that Unicode nevertheless counts as letters, marks and symbols.
_WITHOUT_INK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# A dot that may end a label of a host name, those of IDNA (RFC 3490, section 3.1) among them, before a letter.
_DOT = re.compile(r"(?<=[^\W_])[.\u3002\uff0e\uff61](?=[^\W\d_])")
_SCHEME = re.compile(r"(?<![^\W_])([A-Za-z][A-Za-z0-9+-]*):(?=[^\s:])")
# Seven digits or more with what people write between them. U+00B7 is no separator to programs that look for numbers.
_TELEPHONE = re.compile(r"(?<![A-Za-z0-9])\+?\d(?:[\s().\-/~\u2010-\u2015\u2212]{0,3}\d){6,}(?![A-Za-z0-9])")
_BETWEEN_DIGITS = re.compile(r"\D+")
_LONG_GROUP = re.compile(r"\d{5,}")
_THREE_DIGITS = re.compile(r"\d{3}(?=\d)")


def on_a_terminal(text: str) -> str:
    """Write text as one line that a terminal only shows: what has no ink becomes an escape such as `\\x1b`.

    Applying it twice changes nothing more.
    """
    return text if _is_plain(text) else "".join(map(_escaped, text))


def in_a_log(text: str) -> str:
    """Write text as one bounded line of a log, like one on a terminal."""
    excerpt = text if len(text) <= LONGEST_IN_A_LOG else f"{text[: LONGEST_IN_A_LOG - 1]}…"
    return on_a_terminal(excerpt)


def in_json(document: str) -> str:
    """Write a JSON document that means the same and that a terminal only shows.

    In JSON such characters occur inside of strings only, as long as the document is on one line.
    """
    return document if _is_plain(document) else "".join(map(_json_escaped, document))


def without_invisible(text: str) -> str:
    """Leave out what has no ink; line ends and blanks of every kind stay blanks, so that words stay apart."""
    return text if _is_plain(text.replace("\n", "").replace("\t", "")) else "".join(map(_blank_or_ink, text))


def in_a_message(text: str) -> str:
    """Write text as one bounded line of an e-mail in which no mail program finds a link or a telephone number.

    Dots before a letter become `[.]`, the colon of a scheme `[:]`, and long numbers are written with a `·` between
    their digits. IP addresses stay as they are. Applying it twice changes nothing more.
    """
    line = " ".join(without_invisible(text[: 4 * LONGEST_IN_A_MESSAGE]).split())
    if _is_address(line):
        return line
    # A number that letters followed may stand alone once the line is cut.
    while (bounded := _bounded(_unlinked(line))) != line:
        line = bounded
    return line


def in_a_message_as_account(name: str) -> str:
    """Write the name of an account that belongs to the reader: an e-mail address stays one, for it is its reader's."""
    return name if _PLAIN_ACCOUNT.fullmatch(name) and not _TELEPHONE.search(name) else in_a_message(name)


_PLAIN_ACCOUNT = re.compile(
    r"(?!www\.)[^\W_](?:[\w.+-]{0,62}[^\W_])?(?:@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,50}[A-Za-z0-9])?)?"
)


def _unlinked(line: str) -> str:
    line = _DOT.sub("[.]", _SCHEME.sub(r"\1[:]", line))
    line = line.replace("://", "[:]//").replace("\\\\", "\\[\\]")
    return _TELEPHONE.sub(_spelled, line)


def _spelled(match: re.Match[str]) -> str:
    if _is_address(match[0]):
        return match[0]
    groups = _BETWEEN_DIGITS.sub("·", match[0]).lstrip("·")
    return _LONG_GROUP.sub(lambda group: _THREE_DIGITS.sub(r"\g<0>·", group[0]), groups)


def _bounded(line: str) -> str:
    return line if len(line) <= LONGEST_IN_A_MESSAGE else f"{line[: LONGEST_IN_A_MESSAGE - 1].rstrip()}…"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_plain(text: str) -> bool:
    """Say whether every character has ink or is a space: what Python calls printable, less a few without ink."""
    return text.isprintable() and (text.isascii() or _WITHOUT_INK.search(text) is None)


def _escaped(sign: str) -> str:
    if _is_plain(sign):
        return sign
    if unicodedata.category(sign) == "Zs":
        return " "
    number = ord(sign)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escaped(sign: str) -> str:
    if _is_plain(sign):
        return sign
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _blank_or_ink(sign: str) -> str:
    if _is_plain(sign):
        return sign
    return sign if sign in "\n\t" else " " if unicodedata.category(sign)[0] in "CZ" else ""
