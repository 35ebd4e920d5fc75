"""`make notices`: writes the page, and with chromium the pictures, into a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path

from builders_outbox import with_context
from credwatch.kernel.command import Command
from credwatch.kernel.incident import Resolution
from credwatch.kernel.resources import shipped
from credwatch.outbox.words.examples import EXAMPLES, example
from credwatch.outbox.words.templates import Rendered, Templates
from credwatch.workflows.escalation import EscalationReason

_FORMS = {"phone": (375, False), "desk": (800, False), "phone-dark": (375, True), "desk-dark": (800, True)}
"""Each form of reading: how wide, in pixels, and whether dark."""
_HEIGHT = 3600
_HEAD = """<!DOCTYPE html><meta charset="utf-8"><title>Notices of credwatch</title>
<style>body{font-family:sans-serif;margin:24px}summary{cursor:pointer;padding:4px}pre{white-space:pre-wrap}
iframe{width:700px;height:900px;border:1px solid #aaa}img{max-width:45%;vertical-align:top}</style>"""


def main(folder: Path) -> None:
    """Write `notices.html` and, where chromium is installed, pictures of each letter: wide, narrow, light, dark."""
    templates, browser = Templates(), shutil.which("chromium")
    folder.mkdir(parents=True, exist_ok=True)
    page = [_HEAD]
    for name, command in _letters():
        words = templates.render(command)
        is_pictured = browser and name.count(" ") == 1  # workflow and language: one picture of each layout
        pictures = _pictures(str(browser), folder, name, words) if is_pictured else []
        page.append(_section(name, words, pictures))
    path = folder / "notices.html"
    path.write_text("\n".join(page), encoding="utf-8")
    sys.stdout.write(f"{path}: {len(page) - 1} notices\n")
    if not browser:
        sys.stderr.write("no pictures: chromium is missing; on Debian: apt-get install chromium\n")


def _letters() -> Iterator[tuple[str, Command]]:
    """Make each letter, by workflow and language: for each kind, rule, outcome and reason to call the operators."""
    rules, kinds = (
        tomllib.loads((shipped("config") / "templates" / name).read_text(encoding="utf-8"))
        for name in ("rules.toml", "kinds.toml")
    )
    for workflow in EXAMPLES:
        for language in ("vi", "en"):
            name, command = f"{workflow} {language}", example(workflow, language)
            yield name, command
            if workflow == "escalation":
                yield from ((f"{name} {reason}", _with(command, reason=reason.value)) for reason in EscalationReason)
            if workflow in ("digest", "escalation", "disclosure_notice"):
                continue
            yield from ((f"{name} {kind}", example(workflow, language, kind=kind)) for kind in kinds)
            yield from ((f"{name} rule {rule}", _with(command, rules=[rule])) for rule in rules)
            if workflow.endswith("_update"):
                yield from ((f"{name} {outcome}", _with(command, outcome=outcome.value)) for outcome in Resolution)


def _with(command: Command, **values: object) -> Command:
    return with_context(command, command.payload.context | values)


def _pictures(browser: str, folder: Path, name: str, words: Rendered) -> list[str]:
    """Have the browser draw a letter, in each form."""
    letter = folder / f"{name.replace(' ', '-')}.html"
    letter.write_text(words.html, encoding="utf-8")
    return [_picture(browser, letter, form) for form in _FORMS]


def _picture(browser: str, letter: Path, form: str) -> str:
    width, is_dark = _FORMS[form]
    drawn = letter.with_name(f"{letter.stem}-{form}.png")
    # A window of chromium has a least width of 500: a frame of the phone's width stands in it.
    frame = letter.with_name("frame.html")
    inner = f'<iframe src="{letter.name}" style="width:{width}px;height:{_HEIGHT}px;border:0"></iframe>'
    frame.write_text(f'<!DOCTYPE html><body style="margin:0">{inner}', encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]
    options += ["--blink-settings=preferredColorScheme=0"] if is_dark else []
    size = f"--window-size={max(width, 500)},{_HEIGHT}"
    subprocess.run(
        [browser, *options, size, f"--screenshot={drawn}", frame.resolve().as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    frame.unlink()
    return drawn.name


def _section(name: str, words: Rendered, pictures: list[str]) -> str:
    drawn = "".join(f'<img src="{picture}" alt="{escape(name)}">' for picture in pictures)
    return (
        f"<details><summary>{escape(name)}: {escape(words.subject)}</summary><pre>{escape(words.text)}</pre>"
        f'<iframe srcdoc="{escape(words.html)}"></iframe>{drawn}</details>'
    )


main(Path(sys.argv[1] if len(sys.argv) > 1 else "notices"))
