"""A telephone number is one that can be dialled."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from credwatch.kernel.telephone import OptionalTelephone

CHECKED = TypeAdapter(OptionalTelephone)


@pytest.mark.parametrize(
    "number",
    ["", "+84 28 5550 0100", "(028) 3825.1234", "028-3825-1234 ext. 12", "1900 6600", "+4930123456 x7", "0905/123456"],
)
def test_numbers_as_people_write_them_are_kept(number: str) -> None:
    """What can be dialled stays as it was written, and an empty text stands for none."""
    assert number == CHECKED.validate_python(number)


@pytest.mark.parametrize(
    "number",
    ["ask at reception", "lan@acme.example", "12", "+84 28 5550 0100 0000 00", "0905 123 456\n", "++84905123456"],
)
def test_what_nobody_can_dial_is_refused(number: str) -> None:
    """Words, addresses, and too few or too many digits are refused with the form that is expected."""
    with pytest.raises(ValidationError, match=r"write it with its country, as in \+84"):
        CHECKED.validate_python(number)
