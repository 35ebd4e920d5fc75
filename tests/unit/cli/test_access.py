"""`credwatch access` on a store, with a gate on its socket that looks at the codes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from access_office import CUSTOMER, HOUR, USER, AccessOffice
from credwatch.cli.main import app
from credwatch.web.access.options import TicketSystemOptions
from credwatch.web.gate.routes import gate_app
from credwatch.web.unix_socket import serve_gate
from unit.policy.gate_fakes import a_gate

ASK = ("--reference", "ticket 4711", "--why", "the books", "--account", USER, "--action", "staff_access", "--for", "2h")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[AccessOffice]:
    """Furnish an office whose gate answers on a socket."""
    office = AccessOffice(tmp_path)
    ready, ends = threading.Event(), []
    gate = gate_app(a_gate(totp=office.totp, clock=office.clock))

    async def serve() -> None:
        stop, started = asyncio.Event(), asyncio.Event()
        ends.append((asyncio.get_running_loop(), stop))
        serving = asyncio.create_task(serve_gate(gate, tmp_path / "gate.sock", stop=stop, started=started))
        await started.wait()
        ready.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield office
    loop, stop = ends[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    office.database.close()


def run(office: AccessOffice, *arguments: str, code: str = "", expected: int = 0) -> Result:
    """Run a command, with a code on standard input."""
    result = CliRunner().invoke(app, ["access", *arguments, "--config", str(office.site.config)], input=code)
    assert expected == result.exit_code, result.output
    return result


def test_from_the_request_to_the_review(office: AccessOffice) -> None:
    """An order is asked for, approved with codes of the gate, ended and reviewed; each step is shown."""
    document, socket = office.site.folder / "order.pdf", str(office.site.folder / "gate.sock")
    document.write_bytes(b"%PDF-1.7 an order")
    order = ("--issuer", "VKSND", "--article", "Điều 177", "--document", str(document))
    asked = run(office, "request", CUSTOMER, "--ground", "court_order", *ASK, *order, "--by", "minh", "--json")
    number = json.loads(asked.output)["id"]
    assert "2 of the staff" in run(office, "show", number).output
    wrong = run(office, "approve", number, "--by", "quang", "--socket", socket, code="000000\n", expected=2)
    assert "the code is wrong" in wrong.output
    for name in ("quang", "yen@vendor.example"):
        code = f"{office.code(name.partition('@')[0]).reveal()}\n"
        run(office, "approve", number, "--by", name, "--socket", socket, code=code)
    assert "granted" in run(office, "list").output
    assert "granted already" in run(office, "refuse", number, "--why", "no", "--by", "thao", expected=2).output
    run(office, "revoke", number, "--why", "it is done", "--by", "thao")
    assert number not in run(office, "list").output
    office.now += HOUR  # for another code
    code = f"{office.code('quang').reveal()}\n"
    run(office, "review", number, "--why", "as ordered", "--by", "quang", "--socket", socket, code=code)
    shown = json.loads(run(office, "show", number, "--json").output)
    assert ["approved", "approved", "revoked", "reviewed"] == [step["kind"] for step in shown["steps"]]
    assert 64 == len(shown["order"]["document_sha256"])


def test_a_token_for_a_ticket_system() -> None:
    """It is shown once with its hash, which the settings take."""
    shown = json.loads(CliRunner().invoke(app, ["access", "token", "tickets", "--json"]).output)
    TicketSystemOptions(id="tickets", token_hashes=(shown["hash"],), scopes=("read",))
    assert shown["token"].startswith("tickets.")


def test_what_cannot_be_asked(office: AccessOffice) -> None:
    """A ground that is none, half an order, and an emergency without an answer of the gate."""
    emergency = ("request", CUSTOMER, "--ground", "emergency", *ASK, "--by", "minh")
    for arguments in (
        ("request", CUSTOMER, "--ground", "whim", *ASK, "--by", "minh"),
        ("request", CUSTOMER, "--ground", "court_order", *ASK, "--issuer", "VKSND", "--by", "minh"),
        ("request", "nobody", "--ground", "customer_request", *ASK, "--by", "minh"),
    ):
        run(office, *arguments, expected=2)
    run(office, *emergency, "--socket", str(office.site.folder / "none.sock"), code="123456\n", expected=3)
    assert [] == office.desk.requests(10)
