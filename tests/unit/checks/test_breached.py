"""A corpus that cannot be used is told of before the gate misses it."""

from pathlib import Path

from credwatch.checks.breached import corpus_problems
from credwatch.kernel.errors import Severity
from unit.policy.corpus.range_files import a_corpus


def test_a_corpus_that_cannot_be_used_is_a_fault(tmp_path: Path) -> None:
    """A file that is no corpus is named with its byte and keeps nothing from starting; a good one or none is well."""
    bad = tmp_path / "bad.corpus"
    bad.write_text("no corpus")
    (problem,) = corpus_problems(bad)
    assert (Severity.FAULT, f"{bad}: byte 0") == (problem.severity, problem.where)
    assert [] == [*corpus_problems(a_corpus(tmp_path)), *corpus_problems(None)]
