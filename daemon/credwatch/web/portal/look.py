"""How pages look: templates and words from `config/portal`, in Vietnamese first and in English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.catalogue import Catalogue
from credwatch.workflows.facts import Contact

LANGUAGES = ("vi", "en")
_FORMATS = {"vi": "HH:mm:ss 'ngày' dd/MM/yyyy", "en": "d MMM yyyy, HH:mm:ss"}
STATIC = {"portal.css": "text/css; charset=utf-8", "passkey.js": "text/javascript; charset=utf-8"}


class Look:
    """Makes pages of templates; every value in them is escaped, and a name that is not there is an error."""

    def __init__(self, zone: str, sender: Contact, catalogue: Catalogue) -> None:
        """Take the readers' time zone, and who stands under each page; raises ConfigurationError without the words."""
        folder = shipped("config") / "portal"
        self.zone = zone
        self._catalogue = catalogue
        self._zone = ZoneInfo(zone)
        self._words = {language: _words(folder, language) for language in LANGUAGES}
        self._pages = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.globals["sender"] = sender
        self.static = {name: (folder / name).read_bytes() for name in STATIC}

    def page(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        """Write a page."""
        words = self._words[language]

        def moment(value: datetime | str | None) -> str:
            return self.moment(value, language)

        def word(group: str, value: str) -> str:
            return self._catalogue.word(language, group, value)

        template = self._pages.get_template(f"{name}.html")
        return template.render(w=words, language=language, moment=moment, word=word, **values)

    def words(self, language: str, group: str) -> Mapping[str, str]:
        """Return a group of words."""
        words: Mapping[str, str] = self._words[language][group]
        return words

    def moment(self, value: datetime | str | None, language: str) -> str:
        """Write a moment in the reader's language and zone, with its offset; empty where there is none."""
        if not value:
            return ""
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        local = at.replace(tzinfo=at.tzinfo or UTC).astimezone(self._zone)
        offset = local.strftime("%z")
        written = format_datetime(local, _FORMATS[language], locale=language)
        return f"{written} (UTC{offset[:3]}:{offset[3:]})"


def _words(folder: Any, language: str) -> dict[str, Any]:
    path = folder / f"{language}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path), hint="install credwatch anew") from error
