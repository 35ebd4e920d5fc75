"""What a customer is handed of a breach: all that is its own, and nothing that names another one."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import pytest
from docx import Document
from msgspec.structs import replace
from pypdf import PdfReader
from typer.testing import CliRunner

from builders_outbox import NOON, a_detection, an_incident, some_facts
from credwatch.app.regimes import shipped_regimes
from credwatch.casework.acts import Actor
from credwatch.casework.answering import Answering
from credwatch.cli.main import app
from credwatch.kernel.case_entry import FormAnswer
from credwatch.kernel.detection import CountedLine
from credwatch.kernel.incident import Incident
from credwatch.store.cases.evidence import add_lines
from credwatch.store.cases.incidents import add_detections, save_incidents
from credwatch.store.cases.legal_clocks import save_clocks
from credwatch.store.database import Database
from credwatch.workflows.regimes import regime_clocks
from unit.cli.test_case_files import save_episode

NUMBER = "CW-2026-7KQ2M4"
REGISTERS = {
    "customers.toml": """
[[customer]]
id = "tanphat"
name = "Công ty Tân Phát"
notice_addresses = ["it@tanphat.example", "kt@tanphat.example"]
phone = "+84 258 5550 0111"
recognise = { email_domains = ["tanphat.example"] }

[[customer]]
id = "lockwood"
name = "Lockwood Trading Ltd"
language = "en"
notice_addresses = ["sec@lockwood.example", "it@lockwood.example"]
reserve_addresses = ["boss@elsewhere.example"]
phone = "+84 258 7770 0222"
regimes = ["eu-gdpr"]

[customer.recognise]
organizations = ["org-9917"]
email_domains = ["lockwood.example"]
users = ["lw-batch"]
hosts = ["lwd-*"]
""",
    "users.toml": """
[[user]]
name = "quillfeather"
email = "quill@private.example"
customer = "lockwood"
""",
}
OTHERS = (
    *("lockwood", "lw-batch", "lwd-", "org-9917", "quillfeather", "quill@", "private.example"),
    *("sec@", "elsewhere.example", "77700222", "7770 0222"),
)
"""What would name the other customer, in small letters, wherever it stands."""
PLANTED = (
    "Lockwood Trading Ltd",
    "login of quillfeather refused, then lan@tanphat.example",
    "QUILL@PRIVATE.example",
    "host lwd-web01 lan@tanphat.example",
    "org-9917",
    "call +84 258 7770 0222",
    "lw-batch",
    "boss@elsewhere.example",
    "x@mail.lockwood.example",
)


def lines_of(text: str, position: int, file: str = "/var/log/app.log") -> CountedLine:
    """Build a kept line."""
    return CountedLine("app", file, position, NOON + timedelta(seconds=position), text)


def a_site(folder: Path, incident: Incident, own: str = '["vn-processor"]') -> Path:
    """Write registers, settings, and a store with a breach of two customers whose lines are mixed."""
    for name, text in REGISTERS.items():
        (folder / name).write_text(text)
    settings = f'[daemon]\nstate_directory = "{folder}"\nregisters_directory = "{folder}"\n'
    settings += f'[regimes]\nown = {own}\n[contact]\nname = "MODORO"\nmailbox = "info@modoro.example"\n'
    settings += 'phone = "+84 258 555 0100"\naddress = "Nha Trang"\n'
    (folder / "credwatch.toml").write_text(settings)
    database = Database(folder / "credwatch.sqlite")
    database.migrate()
    mixed = a_detection(organizations=("tanphat", "lockwood"), accounts=incident.accounts)
    theirs = a_detection(id="d-2", serial=2, organization="lockwood", organizations=("lockwood",))
    kept = [
        lines_of("accepted lan@tanphat.example from 203.0.113.7", 10),
        lines_of("accepted quill@private.example from 198.51.100.9", 20),
        lines_of("refused somebody from 203.0.113.7", 30),
        lines_of("accepted mai@tanphat.example from 203.0.113.7", 40, "/var/log/lockwood.log"),
        *(lines_of(f"{text} lan@tanphat.example", 100 + number) for number, text in enumerate(PLANTED)),
    ]
    with database.writing() as connection:
        save_incidents(connection, [incident])
        add_detections(connection, [(mixed, NUMBER), (theirs, NUMBER)], NOON, NOON)
        for detection, lines in ((mixed, tuple(kept)), (theirs, (lines_of("accepted x@lockwood.example", 900),))):
            save_episode(connection, detection.serial)
            add_lines(connection, [(detection.serial, NUMBER, lines)])
        laws = {"": (shipped_regimes()["vn-processor"],)}
        save_clocks(connection, regime_clocks(incident, some_facts(regimes=laws)))
    database.close()
    return folder


def a_shared_breach(**changes: object) -> Incident:
    """Build a breach of two customers, with the other one in every field that a person or a log may fill."""
    return an_incident(
        organizations=("tanphat", "lockwood"),
        accounts=("lan@tanphat.example", "quill@private.example", "lw-batch"),
        addresses=("203.0.113.7", "198.51.100.9"),
        subject="quillfeather",
        title="Lockwood Trading Ltd",
        lines=PLANTED,
        details=(("user.target.name", "quillfeather"), ("host.name", "lwd-web01")),
        workflows=("customer_notice",),
        **changes,
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the mixed breach."""
    return a_site(tmp_path, a_shared_breach())


def run(site: Path, *words: str) -> tuple[int, str]:
    """Run `credwatch incidents`; return exit code and what was said."""
    result = CliRunner().invoke(app, ["incidents", *words, "--config", str(site / "credwatch.toml")])
    return result.exit_code, result.output


def package(site: Path, customer: str = "tanphat") -> dict[str, bytes]:
    """Make the packages, and return what is in one customer's."""
    out = site / "out"
    out.mkdir()
    code, words = run(site, "package", NUMBER, str(out), "--by", "lan")
    assert 0 == code, words
    with zipfile.ZipFile(out / f"{NUMBER}-{customer}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def legible(name: str, content: bytes) -> str:
    """Return what a file says and holds, whatever it is packed in, in small letters."""
    texts = [name, content.decode("utf-8", "replace"), content.decode("utf-16-le", "replace")]
    if name.endswith(".docx"):
        with zipfile.ZipFile(io.BytesIO(content)) as document:
            texts += [legible(part, document.read(part)) for part in document.namelist()]
        texts += [paragraph.text for paragraph in Document(io.BytesIO(content)).paragraphs]
    if name.endswith(".pdf"):
        reader = PdfReader(io.BytesIO(content))
        texts += [str(reader.metadata), *(page.extract_text() for page in reader.pages)]
        texts += [text.replace(" ", "").replace("\n", "") for text in texts[-len(reader.pages) :]]
    return "\n".join(texts).casefold()


def test_no_byte_of_a_package_names_another_customer(site: Path) -> None:
    """Names, accounts, addresses, machines and numbers of the other one stand in no member, however it is packed."""
    questions = cycle(("act", "place", "consequences", "measures", "encrypted", "what_to_do"))
    with Answering.at(site / "credwatch.toml") as book:
        for question, text in zip(questions, PLANTED, strict=False):
            book.state(NUMBER, Actor("quillfeather", NOON), FormAnswer(question, f"of {text}", "quillfeather"))
    run(site, "state", NUMBER, "cause", "weak passwords", "--by", "quillfeather")
    run(site, "state", NUMBER, "data_kinds", "Lockwood's books", "--customer", "lockwood")
    run(site, "note", NUMBER, "Lockwood too")
    files = package(site)
    assert "weak passwords" in legible("drafts/vn-record.docx", files["drafts/vn-record.docx"])
    for name, content in files.items():
        text = legible(name, content)
        assert [] == [mark for mark in OTHERS if mark in text], name


def test_a_package_has_its_own_lines_with_their_places(site: Path) -> None:
    """A line that names its account and nobody else is there with source, file, position and time."""
    files = package(site)
    rows = [json.loads(line) for line in files["lines.jsonl"].splitlines()]
    assert [("app", "/var/log/app.log", 10, "2026-11-20T05:00:10.000Z", "r-1")] == [
        (row["source"], row["file"], row["position"], row["at"], row["rule"]) for row in rows
    ]
    assert "2026-11-20T12:00:10+07:00" == rows[0]["local"]
    (head, account) = csv.reader(files["accounts.csv"].decode("utf-8-sig").splitlines())
    assert (["account", "lines"], ["lan@tanphat.example", "1"]) == (head[:2], account[:2])


def test_a_package_has_the_drafts_that_its_customer_must_file(site: Path) -> None:
    """Form 08 where no law is named, Article 33 where the GDPR is; in the customer's name, and not the vendor's."""
    files = package(site)
    assert {
        "drafts/vn-form-08.docx",
        "drafts/vn-form-08.pdf",
        "drafts/vn-subjects.pdf",
        "cover/vn-processor-package.pdf",
    } <= {*files}
    draft = json.loads(files["drafts/vn-form-08.json"])
    answers = {it["question"]: it for section in draft["sections"] for it in section["answers"]}
    assert "Công ty Tân Phát" == answers["organisation"]["value"]
    assert "missing" == answers["organisation_address"]["state"]
    assert "198.51.100.9" not in answers["parties"]["value"], "an address that touched others alone"
    with zipfile.ZipFile(site / "out" / f"{NUMBER}-lockwood.zip") as archive:
        names = {*archive.namelist()}
        theirs = archive.read("drafts/eu-gdpr-33.json").decode()
    assert "drafts/vn-form-08.docx" not in names
    assert "Lockwood Trading Ltd" in theirs
    assert "tanphat" not in theirs.casefold()


def test_a_package_is_signed_and_stands_in_case_and_trail(site: Path) -> None:
    """`verify` finds it genuine under the customer's key; the case and the customer's log have its SHA-256."""
    package(site)
    file = site / "out" / f"{NUMBER}-tanphat.zip"
    config = ["--config", str(site / "credwatch.toml")]
    key = CliRunner().invoke(app, ["audit", "key", "--customer", "tanphat", *config]).output.strip()
    assert 0 == CliRunner().invoke(app, ["verify", str(file), "--key", key]).exit_code
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (
        f"packaged by lan: {file.name} ({file.stat().st_size} bytes, SHA-256 {sha256}), for tanphat"
        in run(site, "show", NUMBER)[1]
    )
    trail = CliRunner().invoke(app, ["audit", "list", "--customer", "tanphat", "--json", *config]).output
    assert sha256 in trail
    assert "lockwood" not in trail.casefold()


def test_what_was_handed_over_meets_the_clock_of_its_customer_alone(site: Path) -> None:
    """The other's runs on."""
    package(site)
    about = ("submitted", "--of", "vn-processor/package", "--customer", "tanphat", "--at", "2026-11-21T12:00+07:00")
    code, words = run(site, "moment", NUMBER, *about, "--why", "taken by Lan")
    assert 0 == code, words
    clocks = json.loads(run(site, "show", NUMBER, "--json")[1])["clocks"]
    met = {clock["organization"]: clock["met_at"] for clock in clocks if clock["phase"] == "package"}
    assert (True, None) == (bool(met["tanphat"]), met["lockwood"])


def test_a_breach_of_one_customer_gives_it_every_line_that_names_nobody_else(tmp_path: Path) -> None:
    """Lines of unknown names are its own where it alone is touched; numbers that were stated count, too."""
    site = a_site(tmp_path, an_incident(workflows=("customer_notice",)))
    run(site, "state", NUMBER, "records_number", "41")
    files = package(site)
    assert [10, 30] == [json.loads(line)["position"] for line in files["lines.jsonl"].splitlines()]
    answers = json.loads(files["drafts/vn-form-08.json"])["sections"][1]["answers"]
    assert "41" in [answer["value"] for answer in answers]


def test_what_is_missing_is_named_and_nothing_is_overwritten(site: Path) -> None:
    """The command lists the open questions of each document, counts what is withheld, and makes no second file."""
    (site / "out").mkdir()
    code, words = run(site, "package", NUMBER, str(site / "out"), "--customer", "tanphat", "--json")
    assert 0 == code, words
    (row,) = json.loads(words)
    assert "tax_code" in row["missing"]["vn-form-08"]
    assert "data_kinds" in row["missing"]["vn-processor-package"]
    assert 13 == row["lines_withheld"]
    assert 2 == run(site, "package", NUMBER, str(site / "out"), "--customer", "tanphat")[0]
    assert 2 == run(site, "package", NUMBER, str(site / "out"), "--customer", "nobody")[0]
    assert 1 == run(site, "package", "CW-0", str(site / "out"))[0]


def test_an_unknown_name_beside_others_is_nobodys(tmp_path: Path) -> None:
    """An account that no register has stays out of each package where several customers are touched."""
    incident = replace(a_shared_breach(), accounts=("lan@tanphat.example", "stranger"))
    files = package(a_site(tmp_path, incident))
    assert b"stranger" not in files["accounts.csv"]
