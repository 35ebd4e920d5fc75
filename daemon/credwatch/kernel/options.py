"""Strict configuration: unknown keys are refused with file, key and the nearest known key."""

from __future__ import annotations

import ast
import inspect
import tomllib
from itertools import pairwise
from textwrap import dedent
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

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


def _problem(item: Any, model: type[BaseModel], where: str) -> Problem:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        hint = nearest(location[-1], known) or f"known keys here: {', '.join(sorted(known))}"
        return Problem(where=f"{where}: {key}", message=f"unknown key {location[-1]!r}", hint=hint)
    if item["type"] == "missing":
        return Problem(where=f"{where}: {key}", message="this key is missing", hint=f"add {location[-1]} = …")
    message, _, advice = str(item["msg"]).removeprefix("Value error, ").partition("; ")
    return Problem(where=f"{where}: {key}", message=message, hint=advice or _meaning(model, location))


def _meaning(model: type[BaseModel], path: list[str]) -> str:
    """Say what the key is for, in the words that stand under it in the model."""
    for depth in range(len(path) - 1, -1, -1):
        found = _model_at(model, path[:depth])
        if found is not None and (words := _words_under(found, path[depth])):
            return f"what the key means: {words}"
    return "the shipped credwatch.toml shows every key"


def _words_under(model: type[BaseModel], key: str) -> str | None:
    """Read the sentence under a key in the source: pydantic would read those of every key at each start."""
    for part in (each for each in model.__mro__ if key in inspect.get_annotations(each)):
        (tree,) = ast.parse(dedent(inspect.getsource(part))).body
        for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    if name == key:
                        return inspect.cleandoc(words)
    return None


def _keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """List the keys of the model at a path."""
    found = _model_at(model, path)
    return list(found.model_fields) if found is not None else []


def _model_at(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    """Find the model at a path; the index or name of an entry leads to the same model as its list."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel) and (field := current.model_fields.get(part)):
            current = _inner(field.annotation)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """Follow Optional, list, tuple and dict annotations to the model within."""
    origin = get_origin(annotation)
    if origin is None:
        return annotation
    candidates = [part for part in get_args(annotation) if part is not type(None)]
    if origin in (Union, UnionType, list, tuple, dict):
        for part in reversed(candidates):
            inner = _inner(part)
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                return inner
    return None
