"""The figures of a run: what was measured, what is asked of it, and how the table shows it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Figure(Struct, frozen=True):
    """One row of the table."""

    name: str
    """What was measured."""
    value: float | None
    """The measure; None where it was left out."""
    unit: str
    """Its unit, or why it was left out."""
    floor: str = ""
    """What is asked of it; empty where nothing is."""
    holds: bool | None = None
    """Whether it is so."""


def at_least(floor: float, name: str, value: float, unit: str) -> Figure:
    """Give a figure that must not lie below its floor."""
    return Figure(name, value, unit, f"≥ {floor:,}", value >= floor)


def at_most(ceiling: float, name: str, value: float, unit: str) -> Figure:
    """Give a figure that must not lie above its ceiling."""
    return Figure(name, value, unit, f"≤ {ceiling:,}", value <= ceiling)


def below(ceiling: float, name: str, value: float, unit: str) -> Figure:
    """Give a figure that must lie below its ceiling."""
    return Figure(name, value, unit, f"< {ceiling:,}", value < ceiling)


def left_out(name: str, program: str, package: str) -> Figure:
    """Say that a figure needs a program that is not installed, and which Debian package has it."""
    return Figure(name, None, f"left out: needs {program} (Debian package {package})")


def print_table(figures: list[Figure], machine: Mapping[str, object]) -> None:
    """Print the figures as a person reads them, each with what is asked of it and whether it holds."""
    print(f"\n{'what':<50} {'measured':>12} {'unit':<8} {'floor':<12} holds\n{'-' * 92}")
    for figure in figures:
        held = {True: "yes", False: "NO", None: ""}[figure.holds]
        print(f"{figure.name:<50} {_shown(figure.value):>12} {figure.unit:<8} {figure.floor:<12} {held}".rstrip())
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()))


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if value >= 1 else f"{value:,.3f}"
