"""What credwatch knows of services: the keys of a source as files in `config/presets`, with names to fill in."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

from credwatch.kernel.errors import nearest
from credwatch.kernel.resources import shipped

_NAME = re.compile(r"\{(domain|tenant|organization|realm|application)\}")


def presets() -> list[str]:
    """Name the presets that are shipped."""
    return sorted(path.stem for path in (shipped("config") / "presets").glob("*.toml"))


def with_preset(raw: dict[str, Any]) -> dict[str, Any]:
    """Complete a table by the preset that it names; what the table says itself counts.

    Raises ValueError, as validators do, where there is no such preset, or a name is missing that it needs.
    """
    name = raw.get("preset", "")
    if not name:
        return raw
    if name not in presets():
        raise ValueError(f"there is no preset {name!r}; {nearest(str(name), presets()) or ', '.join(presets())}")
    table = _joined(_preset(name), raw)
    missing: set[str] = set()
    filled = _filled(table, {key: str(table.get(key, "")) for key in _NAMES}, missing)
    if missing:
        raise ValueError(f"the preset {name} needs {', '.join(sorted(missing))}; add it beside preset")
    return dict(filled)


_NAMES = ("domain", "tenant", "organization", "realm", "application")


@cache
def _preset(name: str) -> dict[str, Any]:
    return tomllib.loads((shipped("config") / "presets" / f"{name}.toml").read_text("utf-8"))


def _joined(preset: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Put a table over a preset; authentication of the same kind is joined key by key."""
    joined = preset | own
    theirs, mine = preset.get("auth", {}), own.get("auth", {})
    if isinstance(mine, dict) and mine.get("kind", theirs.get("kind")) == theirs.get("kind"):
        joined["auth"] = theirs | mine
    return joined


def _filled(value: Any, names: dict[str, str], missing: set[str]) -> Any:
    """Put names into every text; those that are not there are noted."""
    if isinstance(value, dict):
        return {key: _filled(part, names, missing) for key, part in value.items()}
    if not isinstance(value, str):
        return value
    missing.update(name for name in _NAME.findall(value) if not names[name])
    return _NAME.sub(lambda match: names[match[1]], value)
