"""Whatever stands where a hash should stand, its reader neither fails nor repeats it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from credwatch.posture.hashes.recognise import recognise
from credwatch.posture.rows import COLUMNS, AccountRows

_STARTS = st.sampled_from(
    (
        *("", "$", "$1$", "$5$rounds=", "$6$", "$y$", "$7$", "$2b$", "{SSHA}", "{CRYPT}", "{PBKDF2-SHA1}", "!", "*"),
        *(
            "$argon2id$v=19$m=",
            "pbkdf2_sha256$",
            "scrypt:",
            "scrypt$",
            "argon2$",
            "bcrypt$",
            "SCRAM-SHA-256$",
            "AQAAAA",
        ),
    )
)
_SECRETS = st.text("QZJXqzjx", min_size=8, max_size=40)
"""Signs of which no name of a scheme is made."""

_VALUES = st.one_of(
    *(st.none(), st.text(max_size=30), st.integers(), st.floats(), st.binary(max_size=9), st.booleans()),
    *(st.lists(st.text(max_size=9)), st.datetimes()),
)


@given(_STARTS, st.text(max_size=80))
@settings(max_examples=300)
def test_anything_is_read(start: str, rest: str) -> None:
    """No text makes it fail."""
    assert recognise(start + rest).scheme


@given(_STARTS, st.text("0123456789$,:=mtprln", max_size=24), _SECRETS)
@settings(max_examples=300)
def test_nothing_of_a_hash_comes_out(start: str, parameters: str, secret: str) -> None:
    """What is told has no four signs in a row of what was secret."""
    told_text = encode(recognise(start + parameters + secret)).decode()
    assert not any(secret[at : at + 4] in told_text for at in range(len(secret) - 3))


@given(st.dictionaries(st.sampled_from(COLUMNS), _VALUES))
@settings(max_examples=300)
def test_rows_that_lie(row: dict[str, object]) -> None:
    """Any value in any column gives a state, or a problem of that row, and no value is quoted in it."""
    rows = AccountRows("site", ZoneInfo("Asia/Ho_Chi_Minh"))
    state = rows.state_of(row)
    assert state is not None or rows.wrong
    for problem in rows.problems:
        value = row.get(problem.column)
        assert not isinstance(value, str) or len(value) < 4 or value not in problem.problem
