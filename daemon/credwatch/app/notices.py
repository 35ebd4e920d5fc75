"""Renders every message that could be sent, from invented facts, so that no template fails when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from credwatch.kernel.clock import system_clock
from credwatch.kernel.command import Command
from credwatch.kernel.errors import CredwatchError, Problem, nearest
from credwatch.kernel.resources import is_shipped
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.words.catalogue import read_catalogue
from credwatch.outbox.words.examples import EXAMPLES, example
from credwatch.rules.model import Rule, RuleSet
from credwatch.workflows.facts import Contact
from credwatch.workflows.trial_message import trial_message

LANGUAGES = ("vi", "en")
_UPDATES = {"customer_notice": "customer_update", "breach_report": "breach_update"}
"""What follows a notice when its incident is closed."""


def notice_problems(renderer: Renderer, rules: RuleSet, *, own_templates: bool = True) -> list[Problem]:
    """Return the mistakes in templates, each once, with file, line, and the rule whose notice meets it first.

    Without templates of the operator's own it renders only what no shipped rule sends: all else a release has proven.
    """
    problems: dict[tuple[str, str], Problem] = {}
    for rule, command in _messages(rules, own_templates):
        try:
            renderer.render(command)
        except CredwatchError as error:
            whose = f", in what rule {rule.title!r} sends" if rule else ""
            problem = Problem(error.where, f"{error.message}{whose}", error.hint)
            problems.setdefault((error.where, error.message), problem)
    return list(problems.values())


def covered_problems(folders: Sequence[Path], rules: RuleSet) -> Iterator[Problem]:
    """Name what `covers` of a rules.toml names and no rule has: the sentence that it should spare would be said twice.

    A rule that these settings leave out is known where words are listed for it.
    """
    listed = read_catalogue(folders).rules
    known_ids = {*rules.by_id(), *listed}
    for rule, words in listed.items():
        for name in words.covers:
            if name not in known_ids:
                text = f"{rule}.covers: no rule has the id {name!r}"
                yield Problem("rules.toml", text, nearest(name, known_ids) or "take it out, or name the rule by its id")


def _messages(rules: RuleSet, own_templates: bool) -> Iterator[tuple[Rule | None, Command]]:
    """Give one message of each kind in each language, then what the rules send that differs from these."""
    if own_templates:
        yield from _of_each_kind()
    for (workflow, kind), rule in _sent(rules).items():
        if own_templates or not is_shipped(rule.where):  # shipped rules are read first: what they send is theirs
            for language in LANGUAGES:
                yield rule, example(workflow, language, kind=kind)


def _of_each_kind() -> Iterator[tuple[None, Command]]:
    for language in LANGUAGES:
        for workflow in EXAMPLES:
            yield None, example(workflow, language)
        sender = Contact("MODORO", "info@modoro.example")
        yield None, trial_message("ops@modoro.example", language, "localhost:587", sender, "UTC", system_clock())


def _sent(rules: RuleSet) -> dict[tuple[str, str], Rule]:
    """Map each message about each kind of incident to the first rule that sends it."""
    sent: dict[tuple[str, str], Rule] = {}
    for rule in rules.by_id().values():
        for workflow in rule.consequence.workflows:
            for template in (workflow, _UPDATES.get(workflow, workflow)):
                if template in EXAMPLES:
                    sent.setdefault((template, rule.consequence.incident), rule)
    return sent
