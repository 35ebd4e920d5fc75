"""Who types a command: the name that is kept with what it decides."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

ByOption = Annotated[str, typer.Option("--by", help="Who decides it; without it, the user at the terminal.")]


def login_name(by: str = "") -> str:
    """Name the person: the one given, else who called sudo, else the login name."""
    return by.strip() or os.environ.get("SUDO_USER", "") or getpass.getuser()
