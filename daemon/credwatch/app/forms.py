"""The forms that can be filled in: the shipped ones, and the words that credwatch writes into them."""

from __future__ import annotations

from collections.abc import Mapping

from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.kernel.resources import shipped
from credwatch.world.forms import OfficialForm, read_form, read_form_words

_WORDS = "words.toml"


def form_named(name: str) -> OfficialForm:
    """Read a form; raises ConfigurationError where there is none of that name."""
    paths = {path.stem: path for path in sorted((shipped("config") / "forms").glob("*.toml")) if path.name != _WORDS}
    if name not in paths:
        hint = nearest(name, paths) or f"known are: {', '.join(paths)}"
        raise ConfigurationError(f"no form {name!r} is known", where="form", hint=hint)
    return read_form(paths[name].read_text("utf-8"), str(paths[name]))


def form_words(language: str) -> Mapping[str, str]:
    """Read what credwatch writes into forms in a language."""
    path = shipped("config") / "forms" / _WORDS
    return read_form_words(path.read_text("utf-8"), str(path))[language]
