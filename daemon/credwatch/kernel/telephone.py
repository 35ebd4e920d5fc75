"""Telephone numbers as people write them: what a register holds is held to what can be dialled."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_WRITTEN = re.compile(r"\+?[0-9 ().\-/]{5,30}( ?(ext\.?|x) ?[0-9]{1,6})?")
_FEWEST, _MOST = 5, 15
"""So many digits a number has, its extension left out (ITU-T E.164, section 6: fifteen at most)."""


def dialled(number: str) -> str:
    """Return a number that can be dialled as it was written, or an empty text; raises ValueError for any other."""
    main = re.split(r" ?(?:ext|x)", number, maxsplit=1)[0]
    digits = sum(character.isdigit() for character in main)
    if number and not (_WRITTEN.fullmatch(number) and _FEWEST <= digits <= _MOST):
        raise ValueError("no telephone number that can be dialled; write it with its country, as in +84 28 5550 0100")
    return number


OptionalTelephone = Annotated[str, AfterValidator(dialled)]
"""One telephone number as it was written, or an empty text."""
