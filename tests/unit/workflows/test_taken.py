"""What customers are told of measures: only what was ordered or done, never more, and how it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from builders_measures import HOUR, a_measure
from builders_outbox import NOON, TEMPLATES, an_incident, some_facts
from credwatch.kernel.measure import UNDOABLE, MeasureAction, MeasureState
from credwatch.outbox.words.examples import example
from credwatch.workflows.news import Duty, first_knowledge, on_news
from credwatch.workflows.taken import MeasureStage, stage_of, steps_of, taken

CUSTOMER = "tanphat"
STATES = {
    MeasureStage.ORDERED: MeasureState.QUEUED,
    MeasureStage.DONE: MeasureState.IN_FORCE,
    MeasureStage.UNDONE: MeasureState.UNDONE,
    MeasureStage.FAILED: MeasureState.FAILED,
}
SENTENCES = [
    (action, stage)
    for action in MeasureAction
    for stage in MeasureStage
    if stage is not MeasureStage.UNDONE or action in UNDOABLE
]


@pytest.mark.parametrize(
    "state", [MeasureState.DRY, MeasureState.HELD, MeasureState.REFUSED, MeasureState.LAPSED], ids=str
)
def test_what_never_left_is_not_told(state: MeasureState) -> None:
    """Neither a dry run, nor what waits, is refused or has lapsed so, stands in a letter."""
    measure = a_measure(state=state, acted_at=None)
    assert (None, [], ()) == (stage_of(measure), taken([measure], CUSTOMER), steps_of([measure], CUSTOMER))
    assert stage_of(a_measure(dry=True)) is None, "whatever state a dry run has"


def test_another_customers_account_is_not_told() -> None:
    """A letter names what was done for its own customer alone."""
    assert [] == taken([a_measure(organization="acme")], CUSTOMER)


@pytest.mark.parametrize(
    ("state", "done_at", "stage"),
    [
        (MeasureState.QUEUED, None, MeasureStage.ORDERED),
        (MeasureState.IN_FORCE, NOON, MeasureStage.DONE),
        (MeasureState.UNDOING, NOON, MeasureStage.DONE),
        (MeasureState.UNDOING, None, MeasureStage.ORDERED),
        (MeasureState.UNDONE, NOON, MeasureStage.UNDONE),
        (MeasureState.FAILED, None, MeasureStage.FAILED),
    ],
)
def test_a_letter_says_what_is_certain(state: MeasureState, done_at: object, stage: MeasureStage) -> None:
    """Done is told where the channel has said so, ordered where it has not."""
    assert stage == stage_of(a_measure(state=state, done_at=done_at))


def test_measures_alike_are_one_sentence_that_names_their_targets() -> None:
    """Two accounts locked until the same moment stand in one entry, and what a stranger typed leads nowhere."""
    targets = ("lan@tanphat.example", "evil.example")
    some = [a_measure(id=target, target=target, state=MeasureState.IN_FORCE, done_at=NOON) for target in targets]
    (entry,) = taken(some, CUSTOMER, {"lan@tanphat.example": "lan@tanphat.example"})
    assert {"first": ["lan@tanphat.example", "evil[.]example"], "more": 0} == entry["targets"]
    assert ("lock_account", "done", "2026-11-20T06:00:00.000Z") == (entry["action"], entry["stage"], entry["until"])


def test_the_gravest_comes_first() -> None:
    """Whatever their ids, a lock stands before sessions and these before a reset."""
    some = [a_measure(id=str(number), action=action) for number, action in enumerate(reversed(MeasureAction))]
    assert [action.value for action in MeasureAction] == [entry["action"] for entry in taken(some, CUSTOMER)]


@pytest.mark.parametrize(("action", "stage"), SENTENCES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_each_measure_has_its_sentence(action: MeasureAction, stage: MeasureStage, language: str) -> None:
    """In text and HTML, in both languages, each stage of each measure is a whole sentence with its target."""
    until = NOON + HOUR if action in UNDOABLE else None
    measure = a_measure(action=action, target="lan", state=STATES[stage], done_at=NOON, until=until)
    notice = example("customer_notice", language)
    context = notice.payload.context | {"taken": taken([measure], CUSTOMER)}
    words = TEMPLATES.render(replace(notice, payload=replace(notice.payload, context=context)))
    for form in (words.text, words.html):
        assert " lan" in form
        assert not [mark for mark in ("{targets}", "{until}", action.value, stage.value + "_") if mark in form]


def test_an_end_is_news_and_a_confirmation_is_none() -> None:
    """That an ordered lock is done is no letter; that it is undone is one, which says so."""
    facts, incident = some_facts(), an_incident(workflows=("customer_notice",))
    duty = Duty("customer_notice", incident.number, CUSTOMER)
    reader = first_knowledge(duty, incident, facts, NOON, [a_measure()])
    done = a_measure(state=MeasureState.IN_FORCE, done_at=NOON)
    assert ((), reader) == on_news(duty, incident, reader, facts, NOON + HOUR, [done])
    undone = replace(done, state=MeasureState.UNDONE, undone_at=NOON + HOUR)
    letters, after = on_news(duty, incident, reader, facts, NOON + HOUR, [undone])
    assert ["customer_news"] * 2 == [letter.workflow for letter in letters]
    assert all(letter.payload.context["is_acted_on"] for letter in letters)
    assert () == on_news(duty, incident, after, facts, NOON + HOUR + timedelta(days=1), [undone])[0], "told once"


@pytest.mark.parametrize(("language", "words"), [("vi", "Ngoài các biện pháp nêu trên"), ("en", "Beyond that")])
def test_a_notice_does_not_deny_what_was_done(language: str, words: str) -> None:
    """Where something was done to an account, the notice says that nothing else was."""
    notice = example("customer_notice", language)
    context = notice.payload.context | {"taken": taken([a_measure()], CUSTOMER)}
    acting = replace(notice, payload=replace(notice.payload, context=context))
    assert words in TEMPLATES.render(acting).text
    assert words not in TEMPLATES.render(notice).text
