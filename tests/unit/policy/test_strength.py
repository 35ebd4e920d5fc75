"""The estimate of strength is zxcvbn's, and whatever is typed it takes a bounded number of steps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn import matching, zxcvbn

from credwatch.policy.strength import estimated

SIGNS = "4@8({[<369!1|705$+%2"
hostile = st.one_of(
    st.text(SIGNS, max_size=1024),
    st.text(SIGNS + "aceolst", max_size=200),
    st.text("ab", max_size=200),
    st.text("0123456789/.-", max_size=200),
    st.text("qwertyasdfgh", max_size=200),
    st.builds(lambda unit, times: unit * times, st.text(max_size=20), st.integers(1, 60)),
    st.text(max_size=200),
)


@settings(max_examples=150, deadline=None)
@given(hostile)
def test_the_work_is_bounded(text: str) -> None:
    """At most 48 characters are ever searched for words, and these, with all that repeats in them, a few times only."""
    searched: list[int] = []
    word_search = matching.dictionary_match

    def counting(password: str, known: dict[str, dict[str, int]]) -> list[dict[str, object]]:
        searched.append(len(password))
        return word_search(password, known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "dictionary_match", counting)
        estimated(text, ("lan",))
    assert max(searched, default=0) <= 48
    assert sum(searched) <= 48 * 9


@pytest.mark.parametrize(
    "text",
    [
        "password",
        "P4ssw0rd1",
        "qwertyuiop",
        "abcdefgh",
        "tiger lily 1987",
        "12.05.1990",
        "drowssap",
        "hoasen",
        "x$9kQ!",
    ],
)
def test_usual_passwords_are_judged_as_zxcvbn_judges_them(text: str) -> None:
    """What has few signs and no repetition has exactly zxcvbn's own estimate."""
    own = zxcvbn(text, ["hoasen"])
    assert (own["score"], round(float(own["guesses_log10"]), 2)) == (
        estimated(text, ("hoasen",)).score,
        estimated(text, ("hoasen",)).guesses_log10,
    )


@pytest.mark.parametrize("text", ["a" * 900, "abcabcabcabc", "password" * 20, "P@ssw0rd" * 3])
def test_repetitions_are_weak(text: str) -> None:
    """A piece that is repeated is hardly stronger than the piece."""
    assert estimated(text, ()).score <= 1


def test_one_persons_words_are_nobody_elses() -> None:
    """The words handed in are forgotten, and zxcvbn's own tables stay as they are."""
    before = set(matching.RANKED_DICTIONARIES)
    assert estimated("hoasenrung", ("hoasenrung",)).guesses_log10 < estimated("hoasenrung", ()).guesses_log10
    assert before == set(matching.RANKED_DICTIONARIES)
