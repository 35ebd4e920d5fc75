"""Paths into JSON objects are read strictly."""

from __future__ import annotations

import pytest

from credwatch.kernel.json_path import Step, read_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("eventType", (Step("eventType"),)),
        ("@timestamp", (Step("@timestamp"),)),
        ("actor.alternateId", (Step("actor"), Step("alternateId"))),
        ("target[0].id", (Step("target", index=0), Step("id"))),
        ("roles[2]", (Step("roles", index=2),)),
        ("target[type=User].id", (Step("target", having=("type", "User")), Step("id"))),
        ("events[name=a.b c].x.y", (Step("events", having=("name", "a.b c")), Step("x"), Step("y"))),
    ],
)
def test_paths(text: str, steps: tuple[Step, ...]) -> None:
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
