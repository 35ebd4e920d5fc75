"""Where a page of a service is, and where the next one: URLs, parameters, and what is filled into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from credwatch.kernel.errors import SourceError
from credwatch.sources.rest.lookup import value_at
from credwatch.sources.rest.moments import written
from credwatch.sources.rest.options import RestSourceOptions
from credwatch.sources.rest.place import RestPlace


class PageRequest(Struct, frozen=True):
    """What is asked for a page."""

    url: str
    query: dict[str, str]
    body: str


def request_at(place: RestPlace, options: RestSourceOptions, now: float) -> PageRequest:
    """Say what to ask at a place; `now` stands for the end of a sweep that comes to the present."""
    marks = _marks(place, options, now)
    body = _filled(options.body, marks) or ""
    if isinstance(place.next, str) and options.paging in ("link", "next"):
        return PageRequest(place.next, {}, body)
    query = options.query if place.last or not options.start_query else options.start_query
    filled = {name: text for name, value in query.items() if (text := _filled(value, marks)) is not None}
    if options.paging in ("page", "offset"):
        filled[options.page_parameter] = str(_number_at(place, options))
    elif place.next is not None:
        filled[options.page_parameter] = str(place.next)
    return PageRequest(_filled(options.url, marks) or options.url, filled, body)


def next_page(place: RestPlace, options: RestSourceOptions, content: Any, link: str, count: int) -> str | int | None:
    """Say where the page behind a place is, None where there is none.

    `content` and `link` are what was answered, `count` how many records that has. Raises SourceError where the next
    page is at another host, which must not be given the token.
    """
    match options.paging:
        case "link":
            return _at_home(link, options) if link else None
        case "next":
            target = value_at(content, options.next)
            return _at_home(target, options) if isinstance(target, str) and target else None
        case "token":
            token = value_at(content, options.next)
            return None if token in (None, "", False) else str(token)
        case "page" if count >= options.page_size:
            return _number_at(place, options) + 1
        case "offset" if count >= options.page_size:
            return _number_at(place, options) + count
    return None


def _number_at(place: RestPlace, options: RestSourceOptions) -> int:
    """Give the number or offset of the page at a place."""
    if isinstance(place.next, int):
        return place.next
    return options.first_page if options.paging == "page" else 0


def _at_home(link: str, options: RestSourceOptions) -> str:
    target = urljoin(options.url, link)
    here, there = urlsplit(options.url), urlsplit(target)
    if (here.scheme, here.hostname, _port(here)) != (there.scheme, there.hostname, _port(there)):
        hint = "a next page must be at the host of url, for the token goes with the request"
        message = f"its next page is at another host, {there.hostname}"
        raise SourceError(message, where=f"source {options.id}", hint=hint)
    return target


def _port(parts: Any) -> int:
    return int(parts.port or (443 if parts.scheme == "https" else 80))


def _marks(place: RestPlace, options: RestSourceOptions, now: float) -> dict[str, str]:
    form = options.time_format
    marks = {"since": written(place.begin, form), "page_size": str(options.page_size)}
    marks["until"] = written(place.until or now, form)
    return marks | ({"last": place.last} if place.last else {})


def _filled(text: str, marks: Mapping[str, str]) -> str | None:
    """Put values in place of their marks; None where one is not known."""
    for mark in ("since", "until", "last", "page_size"):
        if f"{{{mark}}}" in text:
            if mark not in marks:
                return None
            text = text.replace(f"{{{mark}}}", marks[mark])
    return text
