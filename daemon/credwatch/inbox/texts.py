"""Makes text of what mails hold: in any character set, encoded in any way, as HTML. Nothing here raises."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from email.errors import MessageError
from email.header import decode_header

from credwatch.kernel.legible import without_invisible

LONGEST_TEXT = 20_000
"""Characters of a mail's text; what is longer is cut."""
LONGEST_LINE = 300
"""Characters of a header."""
_LONGEST_HTML = 400_000
_OUT_OF_PLACE = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"})
"""Codecs that are no character sets of mails; two of them take time that grows with the square."""
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_LINES = frozenset(
    {"p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "pre"}
)
_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)")
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n+")
_QUOTING = re.compile(r"^(?:on\b.*\bwrote|(?:vào|ngày)\b.*\bviết)\s*:$", re.IGNORECASE)


def decoded(content: bytes, charset: str) -> str:
    """Decode bytes by the character set that they say, else as UTF-8, else as Windows-1252; composed (NFC)."""
    for name in (charset, "utf-8"):
        try:
            codec = codecs.lookup(name or "utf-8")
            if codec.name not in _OUT_OF_PLACE:
                return unicodedata.normalize("NFC", content.decode(codec.name))
        except (LookupError, ValueError, UnicodeError):
            continue
    return content.decode("cp1252", "replace")


def one_header(value: str) -> str:
    """Write a header as one legible line: encoded words decoded (RFC 2047), raw bytes read as UTF-8."""
    text = decoded(value.encode("utf-8", "surrogateescape"), "utf-8")[: 4 * LONGEST_LINE]
    try:
        pieces = decode_header(text)
    except (MessageError, ValueError):
        return _one_line(text)
    words = [piece if isinstance(piece, str) else decoded(piece, charset or "utf-8") for piece, charset in pieces]
    return _one_line("".join(words))


def _one_line(text: str) -> str:
    return " ".join(without_invisible(text[: 4 * LONGEST_LINE]).split())[:LONGEST_LINE]


def legible_text(text: str) -> str:
    """Write a mail's text legibly: what has no ink left out, empty lines joined, its length bounded."""
    lines = without_invisible(text[: 4 * LONGEST_TEXT].replace("\r\n", "\n").replace("\r", "\n"))
    return _EMPTY_LINES.sub("\n\n", lines).strip()[:LONGEST_TEXT]


def text_of_html(document: str) -> str:
    """Keep the words of HTML that a reader sees; tags, scripts, styles and the addresses of links go.

    One walk from `<` to `>`: the time grows with the length alone, whatever a stranger writes.
    """
    document = document[:_LONGEST_HTML]
    lower, words, at = document.lower(), [], 0
    while (start := document.find("<", at)) >= 0:
        words.append(document[at:start])
        at, mark = _behind_tag(lower, start)
        if at < 0:
            return _words_of(words)
        words.append(mark)
    return _words_of([*words, document[at:]])


def _behind_tag(lower: str, start: int) -> tuple[int, str]:
    """Say where the tag, comment or unseen element that begins here ends, and what stands for it; -1 for nowhere."""
    if lower.startswith("<!--", start):
        end = lower.find("-->", start + 4)
        return (end + 3 if end >= 0 else -1), ""
    name = _TAG_NAME.match(lower, start + 1)
    if name is None:
        return start + 1, "<" if not lower.startswith(("<!", "<?"), start) else ""
    end = lower.find(">", name.end())
    if end < 0:
        return -1, ""
    if name[1] in _UNSEEN and not name[0].startswith("/"):
        closing = lower.find(f"</{name[1]}", end)
        return closing, ""
    return end + 1, "\n" if name[1] in _LINES else " " if name[1] == "td" else ""


def _words_of(pieces: list[str]) -> str:
    # Line ends of the source mean nothing but a blank.
    joined = "".join(piece if piece == "\n" else re.sub(r"\s+", " ", piece) for piece in pieces)
    return _BLANKS.sub(" ", html.unescape(joined))


def without_quotes(text: str) -> str:
    """Leave out what an answer quotes of the message that it answers, where it marks it as programs do."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith(">")]
    while lines and (not lines[-1].strip() or _QUOTING.match(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines).strip()
