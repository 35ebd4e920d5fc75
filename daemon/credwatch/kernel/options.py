"""Strict configuration: unknown keys are refused with file, key and the nearest known key."""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterable
from itertools import pairwise
from textwrap import dedent
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Tag, ValidationError

from credwatch.kernel.errors import ConfigurationError, Problem, ProblemsFound, nearest


class Options(BaseModel):
    """The base of every configuration table and register row: strict, frozen, no unknown keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


M = TypeVar("M", bound=BaseModel)


def read_toml(text: str, model: type[M], *, where: str) -> M:
    """Read TOML text into a model.

    Raises ConfigurationError where the text is not TOML (with its line), and ProblemsFound with every unknown key
    and wrong value otherwise. Values are never quoted in the errors, for they may be secrets.
    """
    try:
        raw = tomllib.loads(text.removeprefix("\ufeff"))  # with which some editors begin a file
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"not valid TOML: {error}", where=where, hint="mend the line it names") from error
    return validated(raw, model, where=where)


def validated(raw: dict[str, Any], model: type[M], *, where: str) -> M:
    """Validate a mapping into a model; raises ProblemsFound with every problem at once."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(item, model, where) for item in error.errors(include_input=False, include_url=False)]
        raise ProblemsFound(problems) from error


def require_keys(model: type[BaseModel], names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise ValueError, as validators do, for a name that is no key of a model and none of the others."""
    keys = {*model.model_fields, *others}
    for name in names:
        if name not in keys:
            raise ValueError(f"{name!r} is no key; {nearest(name, keys) or f'keys are: {sorted(keys)}'}")


def known_zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError, as validators do, where there is none of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}; write it as in Asia/Ho_Chi_Minh") from error
    return name


def _problem(item: Any, model: type[BaseModel], where: str) -> Problem:
    location = _without_tags(model, [str(part) for part in item["loc"]])
    key = ".".join(part for part, _ in location)
    if item["type"] == "extra_forbidden":
        name, table = location[-1]
        keys = [*table.model_fields] if table is not None else []
        hint = nearest(name, keys) or f"known keys here: {', '.join(sorted(keys))}"
        return Problem(where=f"{where}: {key}", message=f"unknown key {name!r}", hint=hint)
    if item["type"] == "missing":
        return Problem(where=f"{where}: {key}", message="this key is missing", hint=f"add {location[-1][0]} = …")
    message, _, advice = str(item["msg"]).removeprefix("Value error, ").partition("; ")
    return Problem(where=f"{where}: {key}", message=message, hint=advice or _meaning(location))


_Location = list[tuple[str, type[BaseModel] | None]]
"""The keys that lead to a value, each with the table that it stands in; None where that is no model."""


_Models = dict[str | None, type[BaseModel]]
"""Models by their tag; None stands for the only one, for no key that somebody wrote is None."""


def _without_tags(model: type[BaseModel], parts: list[str]) -> _Location:
    """Follow a path of pydantic's through the models, and leave out the tags, which nobody has written.

    The index or name of an entry leads to the same model as its list.
    """
    location: _Location = []
    models: _Models = {None: model}
    for part in parts:
        if part in models:
            models = {None: models[part]}
            continue
        table = models.get(None)
        location.append((part, table))
        if table is not None and (field := table.model_fields.get(part)):
            models = _inner(field.annotation)
    return location


def _meaning(location: _Location) -> str:
    """Say what the key is for, in the words that stand under it in the model."""
    for key, table in reversed(location):
        if table is not None and (words := _words_under(table, key)):
            return f"what the key means: {words}"
    return "the shipped credwatch.toml shows every key"


def _words_under(model: type[BaseModel], key: str) -> str | None:
    """Read the sentence under a key in the source: pydantic would read those of every key at each start."""
    for part in (base for base in model.__mro__ if key in inspect.get_annotations(base)):
        (tree,) = ast.parse(dedent(inspect.getsource(part))).body
        for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    if name == key:
                        return inspect.cleandoc(words)
    return None


def _inner(annotation: Any) -> _Models:
    """Find the models within Optional, list, tuple and dict annotations, by tag where they are a tagged union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {None: annotation}
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        tags = [note.tag for note in parts[1:] if isinstance(note, Tag)]
        tagged = _inner(parts[0])
        return dict(zip(tags, tagged.values(), strict=True)) if tags else tagged
    models: _Models = {}
    if origin in (Union, UnionType, list, tuple, dict):
        for part in parts:
            models |= _inner(part)
    return models
