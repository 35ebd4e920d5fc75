"""The forms that can be filled in: the shipped ones, and the words that credwatch writes into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.kernel.resources import shipped
from credwatch.world.forms import OfficialForm, read_form, read_form_words

_WORDS = "words.toml"
_INSTEAD = "not-to-notify"
"""It records that nothing is reported, so it is no document of a report."""


def form_named(name: str) -> OfficialForm:
    """Read a form; raises ConfigurationError where there is none of that name."""
    paths = _paths()
    if name not in paths:
        hint = nearest(name, paths) or f"known are: {', '.join(paths)}"
        raise ConfigurationError(f"no form {name!r} is known", where="form", hint=hint)
    return read_form(paths[name].read_text("utf-8"), str(paths[name]))


def forms_of(regime: str, phase: str) -> list[str]:
    """Name the forms by which a phase of a regime is reported."""
    forms = (form_named(name) for name in _paths() if name != _INSTEAD)
    return [form.id for form in forms if (form.regime, form.phase) == (regime, phase)]


def _paths() -> dict[str, Path]:
    folder = shipped("config") / "forms"
    return {path.stem: path for path in sorted(folder.glob("*.toml")) if path.name != _WORDS}


def form_words(language: str) -> Mapping[str, str]:
    """Read what credwatch writes into forms in a language."""
    path = shipped("config") / "forms" / _WORDS
    return read_form_words(path.read_text("utf-8"), str(path))[language]
