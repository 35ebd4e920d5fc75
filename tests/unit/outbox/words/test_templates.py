"""The words of the notices: golden texts, promises every notice keeps, operators' templates, and their mistakes."""

from __future__ import annotations

import os
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, TEMPLATES, a_change, a_command, an_incident, some_facts
from credwatch.kernel.errors import ConfigurationError, ProblemsFound, TemplateError
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.examples import EXAMPLES, example
from credwatch.outbox.words.templates import Templates
from credwatch.workflows.decide import react
from credwatch.workflows.escalation import EscalationReason, escalate

GOLDEN = Path(__file__).parent / "golden"
KINDS = tomllib.loads((shipped("config") / "templates" / "kinds.toml").read_text(encoding="utf-8"))
WORDS = tomllib.loads((shipped("config") / "templates" / "words.toml").read_text(encoding="utf-8"))
TO_OUTSIDERS = (
    *("customer_notice", "customer_news", "customer_update"),
    *("disclosure_notice", "breach_report", "breach_news", "breach_update"),
    *("customer_joint", "disclosure_joint", "breach_joint"),
)


@pytest.mark.parametrize("workflow", EXAMPLES)
def test_the_text_is_the_golden_one(workflow: str) -> None:
    """Each message reads as it was approved; GOLDEN=write renews the files for a person to read."""
    words = TEMPLATES.render(example(workflow))
    found = f"Subject: {words.subject}\n\n{words.text}"
    path = GOLDEN / f"{workflow}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found


class _Page(HTMLParser):
    """Collects the tags, attributes and words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += [] if self.lasttag == "style" else data.split()


@pytest.mark.parametrize("workflow", EXAMPLES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_message_fetches_or_links(workflow: str, language: str) -> None:
    """Neither form has a link, an image, a form, a script or an address of a site."""
    words = TEMPLATES.render(example(workflow, language=language))
    page = _Page(words.html)
    if workflow == "portal_link":  # which is sent to whoever has just asked for a link, and has it as text
        words = replace(words, text=words.text.replace("https:", ""), html=words.html.replace("https:", ""))
    assert not page.tags & {"a", "img", "form", "input", "button", "script", "link", "iframe"}
    assert not page.attributes & {"href", "src", "action", "background", "onclick"}
    assert not re.search(r"https?:|www\.|url\(|@import", words.text + words.html)


@pytest.mark.parametrize("workflow", EXAMPLES)
def test_dark_and_narrow_reading_have_what_they_name(workflow: str) -> None:
    """The style sheet names each class that a letter uses, for the dark and for a narrow screen."""
    page = TEMPLATES.render(example(workflow)).html
    sheet = page[page.index("<style>") : page.index("</style>")]
    named = set(re.findall(r"\.(\w+) \{", sheet))
    assert set(re.findall(r'class="(\w+)"', page)) <= named
    assert "prefers-color-scheme: dark" in sheet
    assert "max-width: 480px" in sheet


@pytest.mark.parametrize("workflow", EXAMPLES)
def test_html_says_what_the_text_says(workflow: str) -> None:
    """Every word of the plain text is in the HTML and the other way round, save marks of layout."""
    words = TEMPLATES.render(example(workflow))

    def spoken(text: list[str]) -> set[str]:
        return {word.casefold().strip(",:()") for word in text if re.search(r"\w\w", word)}

    html = spoken(_Page(words.html).words)
    assert spoken(words.text.split()) <= html
    assert html - spoken(words.text.split()) <= spoken(words.subject.split()) | spoken(
        TEMPLATES.render(example(workflow, language="en")).subject.split()
    )


@pytest.mark.parametrize(("language", "first", "second"), [("vi", "Kính gửi", "Dear"), ("en", "Dear", "Kính gửi")])
def test_the_readers_language_comes_first(language: str, first: str, second: str) -> None:
    """Both languages are there, the reader's own above."""
    text = TEMPLATES.render(example("customer_notice", language=language)).text
    assert 0 < text.index(first) < text.index(second)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workflow", TO_OUTSIDERS)
def test_every_kind_renders_in_every_notice(workflow: str, kind: str) -> None:
    """Number, code and, in a customer's notice, each step of the kind are in both forms."""
    command = example(workflow, kind=kind)
    words = TEMPLATES.render(command)
    for form in (words.text, words.html):
        assert "CW-2026-7KQ2M4" in form
        assert str(command.payload.context["code"]) in form
    if workflow == "customer_notice":
        assert len(KINDS[kind]["vi"]["steps"]) == len(re.findall(r"(?m)^\d\. ", words.text.split("=====")[0]))


def test_an_unknown_kind_is_described_in_general_terms() -> None:
    """A rule with a kind of its own still makes a notice."""
    known, unknown = (TEMPLATES.render(example("customer_notice", kind=kind)) for kind in ("other", "brand_new"))
    assert known == unknown


@pytest.mark.parametrize("reason", EscalationReason)
def test_every_reason_to_escalate_has_words(reason: EscalationReason) -> None:
    """Whatever calls the operators is said in both languages, with what to do."""
    command = escalate(some_facts(), NOON, reason, duty="customer_notice", incident="CW-1")[0]
    assert "CW-1" in TEMPLATES.render(command).subject


def test_both_languages_know_the_same_words() -> None:
    """No group or value is left out in one of them."""
    assert {group: set(words) for group, words in WORDS["vi"].items()} == {
        group: set(words) for group, words in WORDS["en"].items()
    }


def test_moments_are_written_in_the_readers_zone_and_manner() -> None:
    """Noon in Việt Nam, in each language's own way."""
    text = TEMPLATES.render(react(a_change("customer_notice"), some_facts(), NOON).commands[0]).text
    assert "12:00:00 ngày 20/11/2026 (GMT+07:00)" in text
    assert "20 November 2026, 12:00:00 (GMT+07:00)" in text


def test_long_lists_are_cut() -> None:
    """Of 25 accounts twenty are named, and the rest counted in each language."""
    accounts = tuple(f"u{number:02}@tanphat.example" for number in range(25))
    incident = an_incident(accounts=accounts)
    text = TEMPLATES.render(react(a_change("customer_notice", incident=incident), some_facts(), NOON).commands[0]).text
    flat = " ".join(text.split())
    assert "u19@tanphat.example, và 5 mục khác" in flat
    assert "u19@tanphat.example, and 5 more" in flat
    assert "u20@" not in flat


def test_markup_in_values_is_shown_and_not_run() -> None:
    """A user name with HTML stays text in the HTML form."""
    incident = an_incident(accounts=("<img src=x onerror=alert(1)>",))
    facts = some_facts(owner=lambda _: "")
    html = TEMPLATES.render(react(a_change("customer_notice", incident=incident), facts, NOON).commands[0]).html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def _with(folder: Path, name: str, content: str) -> Templates:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return Templates(folder)


def test_an_operators_template_comes_first(tmp_path: Path) -> None:
    """One file replaces one language of one notice; everything else stays the shipped one."""
    templates = _with(tmp_path, "vi/escalation.j2", "{% set subject = 'Tự viết' %}Chào {{ number }}")
    words = templates.render(a_command())
    assert "Tự viết" == words.subject
    assert "Chào CW-2026-7KQ2M4" in words.text
    assert "To the operators of credwatch" in words.text


def test_an_operators_words_come_first(tmp_path: Path) -> None:
    """A kind of the operator's own is used, and shipped kinds are still there."""
    entry = 'title = "thẻ bị mất"\nwhat = "w"\nknown = "k"\nunknown = "u"\nsteps = ["s"]\n'
    templates = _with(tmp_path, "kinds.toml", f"[lost_card.vi]\n{entry}[lost_card.en]\n{entry}")
    assert "thẻ bị mất" in templates.render(example("customer_notice", kind="lost_card")).subject
    assert TEMPLATES.render(example("customer_notice")) == templates.render(example("customer_notice"))


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("{% set subject = 'x' %}\n\n{{ nonsense }}", 3, "'nonsense' is undefined"),
        ("{% set subject = 'x' %}\n{% if %}", 2, "not a valid template"),
        ("{% set subject = 'x' %}\n{{ sender.name + 1 }}", 2, "cannot be rendered"),
        ("{% set subject = 'x' %}\n{{ ''.__class__.__mro__ }}", 2, "unsafe"),
        ("{% set subject = 'x' %}\n{% include 'vi/nowhere.j2' %}", None, "nowhere.j2' is missing"),
        ("no subject", None, "sets no subject"),
    ],
    ids=["unknown name", "syntax", "wrong type", "sandbox", "missing file", "no subject"],
)
def test_a_broken_template_is_named_with_its_line(tmp_path: Path, body: str, line: int | None, message: str) -> None:
    """File, line and hint for every mistake an operator can make."""
    templates = _with(tmp_path, "vi/escalation.j2", body)
    with pytest.raises(TemplateError, match=re.escape(message)) as caught:
        templates.render(a_command())
    assert caught.value.hint
    if line:
        assert f"{tmp_path}/vi/escalation.j2:{line}" == caught.value.where


def test_a_missing_template_is_named() -> None:
    """A command whose template is not there is an error, not an empty message."""
    with pytest.raises(TemplateError, match=r"vi/nothing\.j2' is missing"):
        TEMPLATES.render(a_command(template="nothing"))


@pytest.mark.parametrize(
    ("content", "error"),
    [("[broken", ConfigurationError), ("[odd.vi]\ntitel = 'x'", ProblemsFound)],
    ids=["not TOML", "unknown key"],
)
def test_a_broken_catalogue_is_named(tmp_path: Path, content: str, error: type[Exception]) -> None:
    """A kinds.toml that cannot be read names the file."""
    with pytest.raises(error, match=r"kinds\.toml"):
        _with(tmp_path, "kinds.toml", content)
