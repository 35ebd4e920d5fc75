"""Which files of a folder count, whatever links and hidden files lie among them."""

from __future__ import annotations

from pathlib import Path

from credwatch.kernel.folders import files_below, links_below


def _names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in files_below(folder, (".yml",))]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    """An editor's lock, a copy of another system and the generations behind links do not count a second time."""
    generation = tmp_path / "..2026_11_27"
    generation.mkdir()
    (generation / "own.yml").touch()
    (tmp_path / "..data").symlink_to(generation.name)
    (tmp_path / "own.yml").symlink_to("..data/own.yml")
    (tmp_path / ".#own.yml").symlink_to("nobody@nowhere:1")
    (tmp_path / "._own.yml").touch()
    (tmp_path / "own.yml~").touch()
    assert ["own.yml"] == _names(tmp_path)


def test_linked_folders_are_gone_into_once(tmp_path: Path) -> None:
    """Links in a circle end, and a folder that two links lead to counts once."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    (outside / "b.yml").touch()
    (outside / "back").symlink_to(inside)
    (inside / "a.yml").touch()
    (inside / "first").symlink_to(outside)
    (inside / "second").symlink_to(outside)
    assert ["a.yml", "first/b.yml"] == [name for name in _names(inside) if "back" not in name]


def test_links_are_listed_wherever_they_lead(tmp_path: Path) -> None:
    """Links to files, to folders and to nothing are links."""
    (tmp_path / "file").touch()
    for name, target in (("one", "file"), ("two", "."), ("three", "gone")):
        (tmp_path / name).symlink_to(target)
    assert {"one", "two", "three"} == {path.name for path in links_below(tmp_path)}
