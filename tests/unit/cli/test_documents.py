"""`credwatch incidents` state and document: forms filled in from the case, with nothing left out."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from docx import Document
from pypdf import PdfReader
from typer.testing import CliRunner

from builders_outbox import NOON
from credwatch.app.forms import form_named
from credwatch.app.regimes import shipped_regimes
from credwatch.cli.main import app
from credwatch.kernel.resources import shipped
from unit.cli.breach_site import NUMBER, a_breach_site

LAWS = ("vn-personal-data", "vn-cyber", "eu-gdpr")
FORMS = sorted(path.stem for path in (shipped("config") / "forms").glob("*.toml") if path.stem != "words")
HOSTILE = "lan#[*x*]$y$\\@tanphat.example\x1b[31m<w:p>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with settings under three laws, and a store with one breach whose clocks run."""
    return a_breach_site(tmp_path, LAWS, accounts=("lan@tanphat.example", HOSTILE))


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the next day."""
    monkeypatch.setattr("credwatch.cli.documents.system_clock", lambda: NOON + timedelta(days=1))


def run(site: Path, *words: str) -> tuple[int, str]:
    """Run `credwatch incidents`; return exit code and what was said."""
    result = CliRunner().invoke(app, ["incidents", *words, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.output


def written(site: Path, form: str, suffix: str) -> bytes:
    """Write a form and return the file's content."""
    path = site / f"{form}{suffix}"
    path.unlink(missing_ok=True)
    code, words = run(site, "document", NUMBER, form, "--output", str(path))
    assert 0 == code, words
    return path.read_bytes()


def answers(site: Path, form: str) -> dict[str, dict]:
    """Return the answers of a form by question."""
    sections = json.loads(written(site, form, ".json"))["sections"]
    return {answer["question"]: answer for section in sections for answer in section["answers"]}


def pdf_text(content: bytes) -> str:
    """Return the text of a PDF with its blanks made single."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_what_the_case_tells_is_filled_in_and_the_rest_is_missing(site: Path) -> None:
    """Each answer says where it comes from; a number that is only a lower bound is not given as known."""
    told = answers(site, "vn-form-08")
    assert ("11:55:00, 20/11/2026", "known") == (told["occurred_at"]["value"][3:23], told["occurred_at"]["state"])
    assert "incident.detected_at" == told["detected_at"]["source"]
    assert ("unknown", True) == (told["subjects_number"]["state"], "2 tài khoản" in told["subjects_number"]["value"])
    assert ("missing", "") == (told["data_kinds"]["state"], told["data_kinds"]["value"])
    assert "not-applicable" == told["late_reason"]["state"]


def test_what_a_person_states_counts_in_every_form(site: Path) -> None:
    """The latest word comes before what the case tells, and says whose it is."""
    run(site, "state", NUMBER, "data_kinds", "Họ tên", "--by", "ba")
    run(site, "state", NUMBER, "data_kinds", "Họ tên, thư điện tử", "--by", "lan")
    run(site, "state", NUMBER, "children", "--not-applicable", "--by", "lan")
    for form in ("vn-form-08", "vn-record"):
        told = answers(site, form)["data_kinds"]
        assert ("Họ tên, thư điện tử", "stated by lan") == (told["value"], told["source"])
    assert "not-applicable" == answers(site, "vn-record")["children"]["state"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_in_every_way(site: Path, form: str) -> None:
    """Each question stands in each document, the open ones with the words for it, and none is left out."""
    labels = [question.label for question in form_named(form).questions]
    document = Document(io.BytesIO(written(site, form, ".docx")))
    paragraphs = "\n".join(paragraph.text for paragraph in document.paragraphs)
    pdf, sheet = pdf_text(written(site, form, ".pdf")), written(site, form, ".txt").decode()
    for label in labels:
        assert label in paragraphs
        assert label in sheet
        assert label in pdf
    gap = "[MISSING" if form_named(form).language == "en" else "[CÒN THIẾU"
    assert all(gap in text for text in (paragraphs, sheet, pdf))
    assert "\x1b" not in paragraphs + sheet + pdf


@pytest.mark.parametrize("name", [name for name in FORMS if name not in ("vn-record", "not-to-notify")])
def test_a_form_asks_for_all_that_its_law_wants(name: str) -> None:
    """What the regime lists as contents of the phase stands in the form, as a required question."""
    form = form_named(name)
    (phase,) = [phase for phase in shipped_regimes()[form.regime].phase if phase.id == form.phase]
    assert {*phase.contents} <= {question.id for question in form.questions if question.required}


def test_a_pdf_has_its_letters_inside(site: Path) -> None:
    """It is PDF/A-2b, every font is embedded, and Vietnamese reads as it was written."""
    content = written(site, "vn-form-08", ".pdf")
    assert "VI PHẠM QUY ĐỊNH BẢO VỆ DỮ LIỆU CÁ NHÂN" in pdf_text(content)
    assert b"<pdfaid:part>2</pdfaid:part>" in content
    fonts = [
        font.get_object()
        for page in PdfReader(io.BytesIO(content)).pages
        for font in page["/Resources"]["/Font"].get_object().values()
    ]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & {*descriptor}


def test_what_a_log_says_is_no_markup(site: Path) -> None:
    """A name that a stranger chose stands in the document as it is, less what has no ink."""
    shown = "lan#[*x*]$y$\\@tanphat.example"
    assert shown in pdf_text(written(site, "vn-form-08", ".pdf")).replace(" ", "")  # where a line was broken
    assert shown in written(site, "vn-form-08", ".txt").decode()


def test_the_next_report_and_the_one_before_are_named(site: Path) -> None:
    """The first report promises the second, and the second refers to the first."""
    assert "12:00:00, 23/11/2026" in answers(site, "vn-cyber-24h")["next_report_at"]["value"]
    sent = ("submitted", "--of", "vn-cyber/initial", "--at", "2026-11-20T18:00+07:00", "--reference", "A05-9")
    assert 0 == run(site, "moment", NUMBER, *sent, "--why", "by hand")[0]
    assert "initial A05-9 18:00:00, 20/11/2026" in answers(site, "vn-cyber-72h")["earlier_report"]["value"]


def test_a_decision_not_to_notify_shows_who_decided(site: Path) -> None:
    """Both people, and their reasons."""
    for who in ("lan", "ba"):
        run(site, "assess", NUMBER, "vn-personal-data", "not-notifiable", "--why", f"{who} nói", "--by", who)
    told = answers(site, "not-to-notify")["decisions"]["value"]
    assert "lan – không phải thông báo. Lý do: lan nói" in told
    assert "ba – không phải thông báo. Lý do: ba nói" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("document", NUMBER, "vn-form-09", "--output", "x.pdf"), "did you mean 'vn-form-08'"),
        (("document", NUMBER, "vn-form-08", "--output", "x.odt"), "end it with one of .docx, .pdf, .json, .txt"),
        (("document", NUMBER, "vn-form-08", "--output", "/proc/x.pdf"), "cannot be written"),
        (("state", NUMBER, "act", " "), "the answer is empty"),
        (("state", NUMBER, "act", "x", "--unknown", "--not-applicable"), "exclude each other"),
    ],
)
def test_what_cannot_be_written_is_said(site: Path, words: tuple[str, ...], told: str) -> None:
    """With what to do instead."""
    code, output = run(site, *words)
    assert 2 == code
    assert told in " ".join(output.replace("│", " ").split())


def test_a_file_that_is_there_stays(site: Path) -> None:
    """Somebody may have edited it; a new one only its owner reads."""
    path = site / "report.docx"
    assert 0 == run(site, "document", NUMBER, "vn-form-08", "--output", str(path))[0]
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_text("edited")
    assert 2 == run(site, "document", NUMBER, "vn-form-08", "--output", str(path))[0]
    assert "edited" == path.read_text()
