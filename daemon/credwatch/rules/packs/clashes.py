"""Finds packs that claim the same lines, in one pass over what each begins with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from credwatch.kernel.errors import Problem
from credwatch.kernel.pack import ANY_PROGRAM, EnvelopeKind, Pack, Pattern


class _Claim(Struct, frozen=True):
    prefix: str
    pack: str
    pattern: Pattern


def clashes(packs: Sequence[Pack]) -> Iterator[Problem]:
    """Name packs of one name, JSON packs that match the same, and patterns that claim the same messages of a program.

    An empty prefix is the last resort and meets other empty ones only. Costs about as much as sorting the prefixes.
    """
    yield from _namesakes(packs)
    pairs: set[tuple[str, str]] = set()
    for claims in _by_program(packs).values():
        for one, two in _overlaps(claims):
            pair = (one.pattern.where, two.pattern.where)
            if pair not in pairs:
                pairs.add(pair)
                message = f"claims messages of {pair[0]}: both read {max(one.prefix, two.prefix, key=len)!r}"
                yield Problem(pair[1], message, "narrow programs or prefix")


def _namesakes(packs: Sequence[Pack]) -> Iterator[Problem]:
    ids: dict[str, Pack] = {}
    matches: dict[str, Pack] = {}
    for pack in packs:
        earlier = ids.setdefault(pack.id, pack)
        if earlier is not pack:
            yield Problem(pack.where, f"pack {pack.id!r} is also in {earlier.where}", "give it another name")
        for way in pack.match if pack.kind is EnvelopeKind.JSON else ():
            earlier = matches.setdefault(repr(sorted(way.items())), pack)
            if earlier is not pack:
                yield Problem(pack.where, f"claims the same lines as {earlier.where}", "change `match` of one")


def _by_program(packs: Sequence[Pack]) -> dict[str, list[_Claim]]:
    """List the claims on each program that is named, and under `*` those on all that are not, in the packs' order."""
    patterns = [(pack, pattern) for pack in packs if pack.kind is EnvelopeKind.SYSLOG for pattern in pack.patterns]
    named = {program for _, pattern in patterns for program in (*pattern.programs, *pattern.except_programs)}
    programs = named | {ANY_PROGRAM}
    claims: dict[str, list[_Claim]] = defaultdict(list)
    for pack, pattern in patterns:
        writers = programs - {*pattern.except_programs} if ANY_PROGRAM in pattern.programs else pattern.programs
        claimed = [_Claim(prefix, pack.where, pattern) for prefix in pattern.prefixes]
        for program in writers:
            claims[program] += claimed
    return claims


def _overlaps(claims: list[_Claim]) -> Iterator[tuple[_Claim, _Claim]]:
    """Give the pairs of different packs of which one prefix begins with the other, in the packs' order."""
    order = {id(claim): at for at, claim in enumerate(claims)}
    opened: list[_Claim] = []
    for claim in sorted(claims, key=lambda claim: claim.prefix):  # what begins with a prefix stands right behind it
        while opened and not claim.prefix.startswith(opened[-1].prefix):
            opened.pop()
        for other in opened:
            if other.pack != claim.pack and bool(other.prefix) == bool(claim.prefix):
                first, second = sorted((other, claim), key=lambda claim: order[id(claim)])
                yield first, second
        opened.append(claim)
