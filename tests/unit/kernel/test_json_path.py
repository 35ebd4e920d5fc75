"""Paths into JSON objects are read strictly."""

from __future__ import annotations

import pytest

from credwatch.kernel.json_path import PathStep, read_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("eventType", (PathStep("eventType"),)),
        ("@timestamp", (PathStep("@timestamp"),)),
        ("actor.alternateId", (PathStep("actor"), PathStep("alternateId"))),
        ("target[0].id", (PathStep("target", index=0), PathStep("id"))),
        ("roles[2]", (PathStep("roles", index=2),)),
        ("target[type=User].id", (PathStep("target", having=("type", "User")), PathStep("id"))),
        ("events[name=a.b c].x.y", (PathStep("events", having=("name", "a.b c")), PathStep("x"), PathStep("y"))),
    ],
)
def test_paths(text: str, steps: tuple[PathStep, ...]) -> None:
    """Keys are joined by dots; one of them may pick an element of a list, whose key may have dots in its value."""
    assert steps == read_path(text).steps


@pytest.mark.parametrize(
    "text", ["", ".", "a.", "a..b", "a b", "a[", "a[x]", "a[-1]", "a[t=x]", "a[t=x].b[1]", "a['x']"]
)
def test_no_paths(text: str) -> None:
    """What is no path is refused with what would be one."""
    with pytest.raises(ValueError, match=r"write keys joined by dots|only the last key that picks"):
        read_path(text)


def test_shapes() -> None:
    """A path says what must stand at each place, the key by which an element is known included."""
    expected = {("a",): "object", ("a", "b"): "list", ("a", "b", "c"): "value", ("a", "b", "type"): "value"}
    assert expected == read_path("a.b[type=User].c").shapes()
