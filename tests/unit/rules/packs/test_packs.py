"""The pack loader refuses what could misread a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.errors import ProblemsFound, RuleError
from credwatch.kernel.pack import literal_head
from credwatch.rules.packs.packs import load_packs, read_pack

PACK = """
pack: {id}
title: A demonstration
envelope: syslog
programs: {programs}
patterns:
  - name: hello
    pattern: '{pattern}'
    fields: {{user: {field}}}
    constants: {{event.action: login, {constant}}}
    samples: [{{line: 'x'}}]
    {more}
"""


def a_pack(
    id: str = "demo",
    programs: str = "[demo]",
    pattern: str = r"^hello (?P<user>\S+)$",
    field: str = "user.name",
    constant: str = "event.outcome: success",
    more: str = "",
) -> str:
    """Write a pack that is valid by default."""
    return PACK.format(id=id, programs=programs, pattern=pattern, field=field, constant=constant, more=more)


def test_a_good_pack() -> None:
    """A pack keeps its patterns, with prefix, fields and constants."""
    (pattern,) = read_pack(a_pack(), where="demo.yml").patterns
    assert pattern.prefixes == ("hello ",)
    assert pattern.groups == {"user": "user.name"}
    assert pattern.constants == {"event.action": "login", "event.outcome": "success"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (a_pack(field="user.nam"), "unknown field 'user.nam'\n    hint: did you mean 'user.name'?"),
        (a_pack(field="credwatch.attempt"), "is filled by an enricher"),
        (a_pack(constant="source.port: many"), "is of type integer"),
        (a_pack(more="skp: true"), "unknown key 'skp'\n    hint: did you mean 'skip'?"),
        (a_pack(pattern=r"hello (?P<user>\S+)$"), "is not anchored"),
        (a_pack(pattern=r"^(?=hello)(?P<user>\S+)$"), "look-around"),
        (a_pack(pattern=r"^hello (?P<user>\S+$"), "does not compile"),
        (a_pack(pattern=r"^hello (?P<name>\S+)$"), "no group 'user'"),
        (a_pack(more='prefix: "bye "'), "is not how the pattern begins"),
        (a_pack().replace("event.action: login, ", ""), "gives no event.action"),
        (a_pack().replace("programs: [demo]\n", ""), "needs `programs`"),
        (a_pack().replace("envelope: syslog", "envelope: json"), "needs `match`"),
        (a_pack().replace("    samples: [{line: 'x'}]\n", ""), "this key is missing"),
    ],
)
def test_refused_packs(text: str, told: str) -> None:
    """What is wrong is named with its file, its key and what would be right."""
    with pytest.raises(ProblemsFound) as found:
        read_pack(text, where="demo.yml")
    assert told in str(found.value)
    assert "demo.yml" in str(found.value)


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ("{user: user.name, user.id: user.id}", "user is an object here and a value in user"),
        ("{'target[0].id': user.name, target.name: user.id}", "target is an object here and a list in target.0"),
        ("{'target[type=User]': user.name}", "is no path"),
        ("{'target[type=User].roles[0]': user.name}", "is no path"),
        ("{\"user['x']\": user.name}", "is no path"),
    ],
)
def test_refused_paths(paths: str, told: str) -> None:
    """A JSON pack whose paths cannot be read together is refused."""
    text = f"""
pack: demo
title: A demonstration
envelope: json
match: {{kind: demo-log}}
paths: {paths}
patterns:
  - {{name: all, constants: {{event.action: login}}, samples: [{{line: '{{}}'}}]}}
"""
    with pytest.raises(ProblemsFound, match=told):
        read_pack(text, where="demo.yml")


@pytest.mark.parametrize("text", ["a: [", "- a", "just text"])
def test_no_pack_at_all(text: str) -> None:
    """Text that is no YAML mapping is refused."""
    with pytest.raises(RuleError):
        read_pack(text, where="demo.yml")


@pytest.mark.parametrize(
    ("programs", "pattern", "clash"),
    [
        ("[demo]", r"^hello (?P<user>\S+)$", True),
        ("[demo, other]", r"^hello you (?P<user>\S+)$", True),
        ('["*"]', r"^hel(?P<user>\S+)$", True),
        ("[other]", r"^hello (?P<user>\S+)$", False),
        ("[demo]", r"^bye (?P<user>\S+)$", False),
        ("[demo]", r"^(?P<user>\S+)$", False),
    ],
)
def test_two_packs_that_claim_a_line(tmp_path: Path, programs: str, pattern: str, clash: bool) -> None:
    """Packs of one program whose prefixes overlap are refused, and both are named."""
    (tmp_path / "one.yml").write_text(a_pack(id="one"))
    (tmp_path / "two.yml").write_text(a_pack(id="two", programs=programs, pattern=pattern))
    if not clash:
        assert len(load_packs(tmp_path).packs) == 2
        return
    with pytest.raises(ProblemsFound, match=r"two\.yml: hello: claims messages of .*one\.yml: hello"):
        load_packs(tmp_path)


HEADED = """
pack: demo
title: A demonstration
envelope: syslog
{programs}
headers: [{{having: [{having}], line: '{line}'}}]
patterns:
  - {{name: hello, programs: [demo], pattern: '^hello$', constants: {{event.action: login}}, samples: [{{line: 'x'}}]}}
"""


@pytest.mark.parametrize(
    ("having", "line", "programs", "told"),
    [
        ("a", r"(?P<stamp>\S+) a$", "programs: [demo]", "is not anchored"),
        ("a", r"^(?P<stamp>\S+ a$", "programs: [demo]", "does not compile"),
        ("a", r"^(?P<time>\S+) a$", "programs: [demo]", "unknown group 'time'"),
        ("a", r"^\S+ a$", "programs: [demo]", "has no group `stamp`"),
        ("''", r"^(?P<stamp>\S+) a$", "programs: [demo]", "an empty text stands in every line"),
        ("a", r"^(?P<stamp>\S+) a$", "", "does not say whose lines"),
    ],
)
def test_refused_headers(having: str, line: str, programs: str, told: str) -> None:
    """A header that could take others' lines, or tells no time, is refused."""
    with pytest.raises(ProblemsFound, match=told):
        read_pack(HEADED.format(having=having, line=line, programs=programs), where="demo.yml")


def test_clashes_are_found_among_many(tmp_path: Path) -> None:
    """Of many packs, the two that claim one message are named, and no others."""
    for number in range(40):
        (tmp_path / f"p{number}.yml").write_text(a_pack(id=f"p{number}", pattern=rf"^say {number}: (?P<user>\S+)$"))
    (tmp_path / "late.yml").write_text(a_pack(id="late", pattern=r"^say 7: ok (?P<user>\S+)$"))
    with pytest.raises(ProblemsFound) as found:
        load_packs(tmp_path)
    (problem,) = found.value.problems
    assert "late.yml" in str(problem)
    assert "p7.yml" in str(problem)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Every broken file of every folder is named in one run."""
    (tmp_path / "one.yml").write_text("a: [")
    (tmp_path / "two.yml").write_text(a_pack(field="user.nam"))
    (tmp_path / "three.yml").write_bytes(b"\xff")
    with pytest.raises(ProblemsFound) as found:
        load_packs([tmp_path])
    assert {"one.yml", "two.yml", "three.yml"} == {
        Path(problem.where.split(":")[0]).name for problem in found.value.problems
    }


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is a problem, not an empty set."""
    with pytest.raises(ProblemsFound, match="no such folder"):
        load_packs(tmp_path / "none")


@pytest.mark.parametrize(
    ("pattern", "head"),
    [
        (r"^Failed (?:a|b)$", "Failed "),
        (r"^pam_unix\(sshd:auth\): x$", "pam_unix(sshd:auth): x"),
        (r"^hellos?$", "hello"),
        (r"^a|b$", ""),
        (r"^\d+$", ""),
    ],
)
def test_literal_head(pattern: str, head: str) -> None:
    """The literal beginning of a pattern is what every match of it begins with."""
    assert head == literal_head(pattern)
