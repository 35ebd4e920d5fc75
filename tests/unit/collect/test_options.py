"""The settings of a collector are strict, and those of the page can be copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credwatch.collect.check import load_collect_options
from credwatch.collect.options import CollectOptions
from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import read_toml
from credwatch.sources.nats.options import NatsSourceOptions

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("\n## credwatch collect") :]
SHOWN = re.findall(r"^```toml\n(.*?)^```$", SECTION, re.M | re.S)[:2]
SOURCE = '[[source]]\nid = "auth"\npaths = ["/var/log/auth.log"]\n'


def test_the_settings_of_the_page_are_taken() -> None:
    """Both ways that the page shows are settings as they stand."""
    options = [read_toml(text, CollectOptions, where="docs/sources.md") for text in SHOWN]
    assert [True, False] == [it.nats is not None for it in options]
    assert "web1" == options[0].collect.host


def test_the_source_of_the_page_is_taken() -> None:
    """So is the source of kind nats."""
    text = re.findall(r"^```toml\n(.*?)^```$", PAGE[PAGE.index("\n## NATS JetStream") :], re.M | re.S)[0]
    keys = text.replace("[[source]]", "")
    assert "CREDWATCH" == read_toml(keys, NatsSourceOptions, where="docs/sources.md").stream


WRONG = {
    "no place": (SOURCE, "lines go to one place"),
    "two places": ('[nats]\n[push]\nurl = "https://a:1"\n' + SOURCE, "lines go to one place"),
    "unknown key": ("[nats]\nserver = 1\n" + SOURCE, "unknown key 'server'"),
    "password in the address": ('[nats]\nservers = ["nats://a:b@c:4222"]\n' + SOURCE, "no address of a server"),
    "two logins": ('[nats]\ntoken_file = "a"\nnkey_file = "b"\n' + SOURCE, "two ways to log in"),
    "a path in the url": ('[push]\nurl = "https://a:1/x"\n' + SOURCE, "expected https://HOST:PORT"),
    "no source": ("[nats]\n", "this key is missing"),
    "two of one name": ("[nats]\n" + SOURCE + SOURCE, "two sources are called 'auth'"),
    "a source of the daemon's": (
        '[nats]\n[[source]]\nid="a"\nkind="syslog"\nudp_port=1\n',
        "only files and the journal",
    ),
    "lateness": ("[nats]\n" + SOURCE + 'lateness = "5s"\n', "lateness is for the daemon"),
    "a subject with blanks": ('[nats]\nsubject = "a b"\n' + SOURCE, "is no subject"),
}


@pytest.mark.parametrize("name", [*WRONG])
def test_what_is_wrong_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    """A mistake is named where it stands, before anything runs."""
    text, reason = WRONG[name]
    config = tmp_path / "collect.toml"
    config.write_text(text)
    with pytest.raises(ProblemsFound) as caught:
        load_collect_options(config)
    assert any(reason in problem.message for problem in caught.value.problems), caught.value.problems
