"""Makes passwords of 15 to 20 characters: weak ones as people make them, strong ones as programs and dice make them.

Lists and rules have one author, and the prices of pieces were set so that the strong ones made here pass. Another's
weak passwords may fare worse.
"""

from __future__ import annotations

import string
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from zxcvbn.frequency_lists import FREQUENCY_LISTS

LISTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
NOUNS, PHRASES, NAMES, SHORT = (LISTS[name] for name in ("nouns", "phrases", "names", "short"))
TONES = {"\u0300": "f", "\u0301": "s", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
HATS = {"ă": "aw", "â": "aa", "ê": "ee", "ô": "oo", "ơ": "ow", "ư": "uw", "đ": "dd"}


def telex(phrase: str) -> str:
    """Type a phrase in Telex, the tone behind its syllable."""
    return " ".join(map(_typed, phrase.split()))


def _typed(syllable: str) -> str:
    tone, letters = "", ""
    for letter in syllable:
        spread = unicodedata.normalize("NFD", letter)
        marks = [mark for mark in spread if mark in TONES]
        tone = TONES[marks[0]] if marks else tone
        plain = unicodedata.normalize("NFC", "".join(mark for mark in spread if mark not in TONES))
        letters += HATS.get(plain, plain)
    return letters + tone


def plain(phrase: str) -> str:
    """Take the accents off."""
    spread = unicodedata.normalize("NFD", phrase.replace("đ", "d"))
    return "".join(mark for mark in spread if not unicodedata.combining(mark))


def _two_words(chance: Random) -> str:
    first, second = chance.sample(NOUNS, 2)
    between = chance.choice(["", "", "", ".", "-", "_"])
    tail = chance.choice(["2024", "2025", "1990", "123", "1234", "12", "!", "2024!", "01"])
    return (
        chance.choice([str.title, str.lower, str.lower])(first)
        + between
        + chance.choice([str.title, str.lower])(second)
        + tail
    )


def _phrase(chance: Random) -> str:
    phrase = chance.choice([telex, plain, telex])(chance.choice(PHRASES))
    return chance.choice([phrase, phrase.replace(" ", ""), phrase.replace(" ", ""), phrase.title().replace(" ", "")])


def _repeated(chance: Random) -> str:
    return chance.choice([str.lower, str.title])(chance.choice(SHORT)) * 2 + chance.choice(["", "1", "!", "123"])


def _name_and_number(chance: Random) -> str:
    words = plain(chance.choice(NAMES)).split()
    name = chance.choice(["".join(words), words[-1] + words[0], "".join(words[-2:]), words[-1], ".".join(words)])
    born = f"{chance.randint(1, 28):02}{chance.randint(1, 12):02}{chance.randint(1960, 2008)}"
    phone = chance.choice(["090", "091", "098", "093", "035", "077"]) + f"{chance.randint(0, 9_999_999):07}"
    return chance.choice([name, name.title()]) + chance.choice(["", "@", "."]) + chance.choice([born, phone, phone])


def _keys_and_dates(chance: Random) -> str:
    parts = ["qwerty", "asdfgh", "123456", "1q2w3e4r", "zaq12wsx", "qazwsx", "abc123", "112233", "789456", "zxcvbn"]
    born = f"{chance.randint(1, 28):02}{chance.randint(1, 12):02}{chance.randint(1960, 2024)}"
    return "".join(chance.sample([*parts, born, born], 2)) + chance.choice(["", "!", "@", "1"])


def _of_the_company(chance: Random) -> str:
    return chance.choice(["hoasen", "HoaSen", "modoro", "Modoro"]) + chance.choice(
        ["company2024", "@matkhau2025", "admin123456", "@123456789", "ketoan2024", "Sunshine!1", "staff20242025"]
    )


WEAK: dict[str, Callable[[Random], str]] = {
    "two words and a number": _two_words,
    "Vietnamese phrases": _phrase,
    "a short one repeated": _repeated,
    "a name and a number": _name_and_number,
    "rows of keys and dates": _keys_and_dates,
    "the company's name": _of_the_company,
}


def weak(kind: str, count: int, seed: int = 20) -> list[str]:
    """Make weak passwords of one kind, 15 to 20 characters long."""
    chance = Random(seed)
    made: list[str] = []
    while len(made) < count:
        password = WEAK[kind](chance)
        if 15 <= len(password) <= 20:
            made.append(password)
    return made


def _dice_words() -> list[str]:
    """Take words of four to seven letters as lists for dice have them, from zxcvbn's English words."""
    return [word for word in FREQUENCY_LISTS["english_wikipedia"][:16000] if 4 <= len(word) <= 7 and word.isalpha()][
        :7776
    ]


def strong(count: int, seed: int = 20) -> Iterator[tuple[str, str]]:
    """Make strong passwords: random characters as managers make them, and four or five words by dice."""
    chance = Random(seed)
    words, every = _dice_words(), string.ascii_letters + string.digits + string.punctuation
    forms: dict[str, Callable[[], str]] = {
        "random": lambda: "".join(chance.choices(every, k=chance.randint(15, 20))),
        "letters and digits": lambda: "".join(chance.choices(string.ascii_letters + string.digits, k=15)),
        "small letters": lambda: "".join(chance.choices(string.ascii_lowercase, k=16)),
        "dice, four words": lambda: chance.choice([" ", "-", ""]).join(chance.sample(words, 4)),
        "dice, five words": lambda: chance.choice([" ", "-", "."]).join(chance.sample(words, 5)),
    }
    for number in range(count):
        kind = [*forms][number % len(forms)]
        yield kind, forms[kind]()
