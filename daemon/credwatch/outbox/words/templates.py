"""Turns a command into words: subject, plain text and HTML, in the reader's language first and the other after."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup
from msgspec import Struct

from credwatch.kernel.command import Command
from credwatch.kernel.errors import TemplateError
from credwatch.kernel.legible import without_invisible
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.catalogue import Catalogue, read_catalogue

_MOMENTS = {"vi": "HH:mm:ss 'ngày' dd/MM/yyyy (ZZZZ)", "en": "d MMMM y, HH:mm:ss (ZZZZ)"}
_UNIVERSAL = {"vi": "HH:mm:ss 'ngày' dd/MM", "en": "d MMMM, HH:mm:ss"}
"""A moment of UTC whose day is another than the reader's."""
_DAYS = {"vi": "dd/MM/yyyy", "en": "d MMMM y"}
_MORE = {"vi": "và {} mục khác", "en": "and {} more"}
_SINCE = {"vi": ", bắt đầu từ {}", "en": ", the first at {}"}
_BLANK_LINES = re.compile(r"\n\s*\n")
_WIDTH = 76
_MISTAKES = (jinja2.TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)


class Rendered(Struct, frozen=True):
    """A message in words."""

    subject: str
    """One line, in the reader's language."""
    text: str
    """The plain text, complete in itself."""
    html: str
    """The same as an HTML document that fetches nothing and links nowhere."""


class _Part(Struct, frozen=True):
    language: str
    subject: str
    body: str


class Templates:
    """The notices' words: those of the operator's folder where it has them, the shipped ones otherwise.

    A notice is written once for each language, as calls of a few macros; `text.j2` and `html.j2` lay it out twice.
    Templates run in Jinja's sandbox; a name they do not know is an error. Raises ConfigurationError or
    ProblemsFound where the catalogue cannot be read.
    """

    def __init__(self, override: Path | None = None) -> None:
        folders = [folder for folder in (override, shipped("config") / "templates") if folder]
        self._catalogue: Catalogue = read_catalogue(folders)
        self._text = _environment(folders, escape=False)
        self._html = _environment(folders, escape=True)

    def render(self, command: Command) -> Rendered:
        """Render a command; the same command and templates give the same words.

        Raises TemplateError with file and line where a template is missing, broken or asks for what is not there.
        """
        try:
            text = [self._part(self._text, "text.j2", command, language) for language in command.payload.languages]
            html = [self._part(self._html, "html.j2", command, language) for language in command.payload.languages]
            values = {"parts": text, "subject": text[0].subject}
            plain = str(self._text.get_template("layout.txt.j2").make_module(values)).strip()
            page = str(self._html.get_template("layout.html.j2").make_module(values | {"parts": html}))
        except _MISTAKES as error:
            raise _template_error(error, command.payload.template) from error
        return Rendered(text[0].subject, f"{plain}\n", page)

    def _part(self, environment: SandboxedEnvironment, layout: str, command: Command, language: str) -> _Part:
        template = environment.get_template(f"{language}/{command.payload.template}.j2")
        say = environment.get_template(layout).module
        module = template.make_module({**command.payload.context, **self._words(command, language), "say": say})
        subject = " ".join(without_invisible(str(getattr(module, "subject", ""))).split())
        if not subject:
            raise jinja2.TemplateRuntimeError("the template sets no subject")
        body = _BLANK_LINES.sub("\n\n", str(module)).strip()
        return _Part(language, subject, Markup(body) if environment.autoescape else body)  # noqa: S704  # escaped by the environment

    def _words(self, command: Command, language: str) -> dict[str, Any]:
        """Give a template its functions, which know language and time zone, so that no template need pass them."""
        zone = ZoneInfo(str(command.payload.context["zone"]))
        catalogue = self._catalogue

        def moment(text: str) -> str:
            """Write an RFC 3339 moment in the reader's zone, and in UTC beside it."""
            return _moment(datetime.fromisoformat(text), zone, language) if text else ""

        def listing(values: dict[str, Any]) -> list[str]:
            """List the values that were kept and say how many more there are."""
            more = [_MORE[language].format(values["more"])] if values["more"] else []
            return [*values["first"], *more]

        def counted(finding: dict[str, Any]) -> str:
            """Say what a rule counted, and since when; nothing where it counted nothing."""
            number = format_decimal(finding["counted"], locale=language)
            words = catalogue.counted(finding["rule"], language, number) if finding["counted"] else ""
            return words + (_SINCE[language].format(moment(finding["since"])) if words and finding["since"] else "")

        def measure(entry: dict[str, Any]) -> str:
            """Say what was done against whom, and until when."""
            targets, until = ", ".join(listing(entry["targets"])), moment(entry["until"])
            words = catalogue.word(language, f"measure_{entry['stage']}", entry["action"] + ("_until" if until else ""))
            return words.replace("{until}", until).replace("{targets}", targets)

        return {
            "measure_words": lambda entries: [*map(measure, entries)],
            "counted_words": lambda findings: [*dict.fromkeys(filter(None, map(counted, findings)))],
            "kind": catalogue.kind(str(command.payload.context.get("kind", "")), language, _rules_of(command)),
            "kind_of": lambda name: catalogue.kind(name, language),
            "word": lambda group, value: catalogue.word(language, group, value),
            "moment": moment,
            "span": lambda seconds: format_timedelta(timedelta(seconds=seconds), locale=language),
            "date": lambda day: format_datetime(_midnight(day), _DAYS[language], locale=language),
            "country": lambda code: Locale.parse(language).territories.get(code, code),
            "decimal": lambda number: format_decimal(number, locale=language),
            "listing": listing,
            "words": lambda group, values: [catalogue.word(language, group, value) for value in listing(values)],
        }


def _rules_of(command: Command) -> list[str]:
    """Name the rules a message tells of; none in a message that an earlier version queued."""
    rules = command.payload.context.get("rules", ())
    return [str(rule) for rule in rules] if isinstance(rules, list | tuple) else []


def _moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    local, universal = at.astimezone(zone), at.astimezone(UTC)
    words = format_datetime(at, _MOMENTS[language], zone, language)
    if not local.utcoffset():
        return words
    manner = "HH:mm:ss" if local.date() == universal.date() else _UNIVERSAL[language]
    return f"{words} [{format_datetime(universal, manner, locale=language)} UTC]"


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time())


def _environment(folders: list[Path], *, escape: bool) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_visible,
    )
    environment.filters["flow"] = _flow
    return environment


def _visible(value: object) -> object:
    """Leave out of whatever a template writes what has no ink: the last place where it could steer a reader's eye."""
    if isinstance(value, Markup):
        return Markup(without_invisible(value))  # noqa: S704  # escaped already, and nothing is added
    return without_invisible(value) if isinstance(value, str) else value


def _flow(words: str, first: str = "", rest: str = "") -> str:
    """Fill a paragraph of plain text; `first` and `rest` stand before its first line and the others."""
    line = " ".join(words.split())
    return textwrap.fill(
        line,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _template_error(error: Exception, template: str) -> TemplateError:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return TemplateError(
            f"not a valid template: {error.message}",
            where=f"{error.filename or error.name}:{error.lineno}",
            hint="mend the line, or remove the file so that the shipped one is used",
        )
    if isinstance(error, jinja2.TemplateNotFound):
        return TemplateError(f"template {error.name!r} is missing", where=template, hint="restore the file")
    return TemplateError(
        f"cannot be rendered: {error}",
        where=_place(error) or template,
        hint="compare it with the shipped template; docs/notices.md lists what a template may use",
    )


def _place(error: Exception) -> str:
    """Find the template line an error comes from: the innermost frame that belongs to a compiled template."""
    place, trace = "", error.__traceback__
    while trace:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, jinja2.Template):
            place = f"{template.filename}:{template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return place
