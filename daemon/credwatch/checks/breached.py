"""Finds what would keep the gate from looking up breached passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from credwatch.kernel.errors import Problem, Severity
from credwatch.policy.corpus.corpus import Corpus
from credwatch.policy.corpus.layout import CorpusError


def corpus_problems(path: Path | None) -> Iterator[Problem]:
    """Open the corpus, where there is to be one; without it each customer's profile says what a check comes to."""
    if path is None:
        return
    try:
        Corpus(path).close()
    except CorpusError as error:
        yield Problem.of(error, Severity.FAULT)
