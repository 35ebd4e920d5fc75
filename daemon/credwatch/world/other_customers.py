"""Tells whether a text names another customer than the one who shall read it: by name, account, address or number.

It rather takes a text for one that does: what is withheld can be handed over by a person, what was disclosed stays so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from fnmatch import translate

from credwatch.world.customers import Customer
from credwatch.world.register import Registers

_WORD = re.compile(r"[\w.@+\\-]+")
_PART = re.compile(r"[^\W_]+")
_TELEPHONE = re.compile(r"\+?\d(?:[\s().\-]{0,3}\d){6,}")
_NOT_DIGIT = re.compile(r"\D+")
_NATIONAL = 9
"""So many last digits tell two telephone numbers apart, whatever stands before them."""
_COMMON = frozenset({"admin", "administrator", "root", "user", "test", "guest", "info"})
"""Accounts of these names are everywhere: alone they name no customer."""


class OtherCustomers:
    """What would tell one customer of another."""

    def __init__(self, registers: Registers, customer: str, beside: Iterable[str] = ()) -> None:
        """Take what registers say of everybody else, and further accounts that are not the customer's."""
        self._own = _Marks([one for one in registers.customers if one.id == customer], registers)
        self._others = _Marks([one for one in registers.customers if one.id != customer], registers, beside)
        self._others.take_out(self._own)

    def are_named_in(self, text: str) -> bool:
        """Say whether a text names one of them."""
        folded = _folded(text)
        others = self._others
        if any(phrase in folded for phrase in others.phrases) or others.has_telephone(folded):
            return True
        words = {word.strip(".-@\\") for word in _WORD.findall(folded)}
        return any(self._is_theirs(word) for word in words)

    def _is_theirs(self, word: str) -> bool:
        if word in self._own.words or self._own.has_domain(word):
            return False
        others = self._others
        parts = {*_PART.findall(word), *word.split("@"), *word.split("\\")}
        return word in others.words or bool(parts & others.words) or others.has_domain(word) or others.has_host(word)


class _Marks:
    """By what some customers are recognised."""

    def __init__(self, customers: Iterable[Customer], registers: Registers, beside: Iterable[str] = ()) -> None:
        customers = list(customers)
        names = {_folded(name) for name in (*_names(customers), *_users(customers, registers), *beside)} - {""}
        self.phrases = {name for name in names if not _WORD.fullmatch(name)}
        self.words = names - self.phrases - _COMMON
        self.domains = {_folded(domain) for one in customers for domain in one.recognise.email_domains}
        patterns = [translate(_folded(host)) for one in customers for host in one.recognise.hosts]
        self._hosts = re.compile("|".join(patterns)) if patterns else None
        numbers = (_NOT_DIGIT.sub("", one.phone) for one in customers)
        self._telephones = {number[-_NATIONAL:] for number in numbers if len(number) >= _NATIONAL}

    def take_out(self, own: _Marks) -> None:
        """Leave out what names the reader, too."""
        self.phrases -= own.phrases
        self.words -= own.words
        self.domains -= own.domains

    def has_domain(self, word: str) -> bool:
        """Say whether a host name or address lies in one of their domains."""
        labels = word.rpartition("@")[2].split(".")
        return any(".".join(labels[start:]) in self.domains for start in range(len(labels)))

    def has_host(self, word: str) -> bool:
        """Say whether it is one of their machines."""
        return self._hosts is not None and self._hosts.match(word) is not None

    def has_telephone(self, text: str) -> bool:
        """Say whether one of their numbers stands in a text."""
        numbers = (_NOT_DIGIT.sub("", number) for number in _TELEPHONE.findall(text)) if self._telephones else ()
        return any(number[-_NATIONAL:] in self._telephones for number in numbers)


def _names(customers: Iterable[Customer]) -> Iterator[str]:
    for one in customers:
        yield from (one.id, one.name, *one.notice_addresses, *one.reserve_addresses)
        yield from (*one.recognise.organizations, *one.recognise.users)


def _users(customers: Iterable[Customer], registers: Registers) -> Iterator[str]:
    ids = {one.id for one in customers}
    for user in registers.users:
        if user.customer in ids:
            yield from (user.name, user.email or "")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().strip()
