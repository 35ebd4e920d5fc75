"""A daemon that acts: each measure reaches its receiver under one key, whatever kills the daemon, and is undone."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import KeySet
from msgspec import Struct, field
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from scenarios.daemon import RUN_IMPATIENT, Site, a_site, append, await_
from scenarios.lines import BEGIN as WRITTEN
from scenarios.lines import app_guessing
from scenarios.site_files import SETTINGS

SEED = 17
PLAN = """
[enforcement]
accounts_per_hour_per_customer = 8

[[enforcement.channel]]
name = "portal"
kind = "webhook"
url = "http://127.0.0.1:{port}/hooks"
secret_file = "{secret}"

[[enforcement.plan]]
name = "takeover"
incidents = ["account_takeover"]
actions = ["lock_account", "end_sessions"]
channel = "portal"
dry = {dry}
"""


class Receiver(Struct):
    """The application that is told: what it was asked to do, by the key of each order."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: int = 0
    port: int = 0

    def deeds(self, undo: bool) -> list[tuple[str, str]]:
        """Name action and target of the orders, sorted."""
        some = [order["data"] for order in self.orders.values() if order["data"]["undo"] is undo]
        return sorted((data["action"], data["target"]) for data in some)


@contextmanager
def a_receiver() -> Iterator[Receiver]:
    """Listen on loopback; an answer takes a moment, in which a daemon can be killed."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers["Idempotency-Key"]
            assert order == receiver.orders.setdefault(key, order), "a key stands for one order"
            receiver.attempts += 1
            time.sleep(0.1)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def a_guarded_site(folder: Path, receiver: Receiver, *, dry: str = "false") -> Iterator[Site]:
    """Furnish a site that has its application act on takeovers."""
    secret = folder / "portal.secret"
    secret.write_text("a secret of twenty-four characters and more\n")
    secret.chmod(0o600)
    plan = PLAN.format(port=receiver.port, secret=secret, dry=dry).replace("{", "{{").replace("}", "}}")
    with a_site(
        folder, 9, command=RUN_IMPATIENT, settings=SETTINGS + plan.replace("{", "{{").replace("}", "}}")
    ) as site:
        site.rules.unlink()
        yield site


def listed(site: Site, *arguments: str) -> list[dict[str, Any]]:
    """Return what `credwatch enforce list` tells."""
    command = ["enforce", "list", *arguments, "--json", "--config", str(site.config)]
    result = CliRunner().invoke(app, command)
    assert 0 == result.exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def take_over(site: Site, user: str) -> None:
    """Write guesses at an account that come to a login, which happen now."""
    begin = (system_clock() - WRITTEN).total_seconds() - 30
    append(site.application_log, *app_guessing(begin, user, "hai-au", "203.0.113.7", succeeds=True))


def live_dangerously(site: Site, chance: random.Random, kills: int) -> None:
    """Kill the daemon again and again, a moment after it is ready."""
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 1.5))
        site.kill()
        site.started()


def test_each_measure_is_taken_and_undone_once_whatever_kills_the_daemon(tmp_path: Path) -> None:
    """Two measures against each of four accounts, and one undoing of each lock, under one key each, through kills."""
    users, chance = [f"{name}@haiau.example" for name in "abcd"], random.Random(SEED)
    with a_receiver() as receiver, a_guarded_site(tmp_path, receiver) as site:
        site.started()
        for user in users:
            take_over(site, user)
            live_dangerously(site, chance, 2)
        wanted = sorted((action, user) for action in ("lock_account", "end_sessions") for user in users)
        await_(lambda: receiver.deeds(undo=False) == wanted, what="all measures are taken")
        await_(lambda: len(listed(site, "--state", "in_force")) == len(users), what="all locks are in force")
        undo = ["enforce", "undo", "--plan", "takeover", "--why", "a mistake", "--config", str(site.config)]
        assert 0 == CliRunner().invoke(app, undo).exit_code
        live_dangerously(site, chance, 3)
        locks = sorted(("lock_account", user) for user in users)
        await_(lambda: receiver.deeds(undo=True) == locks, what="all locks are undone")
        await_(lambda: not listed(site, "--state", "in_force"), what="nothing is in force any more")
        assert wanted == receiver.deeds(undo=False)
        assert len(receiver.orders) == len(wanted) + len(locks)


def test_a_dry_plan_reaches_nobody(tmp_path: Path) -> None:
    """What would be done is listed, and the receiver hears nothing."""
    with a_receiver() as receiver, a_guarded_site(tmp_path, receiver, dry="true") as site:
        site.started()
        take_over(site, "a@haiau.example")
        await_(lambda: len(listed(site)) == 2, what="what would be done is listed")
        assert {"dry"} == {row["state"] for row in listed(site)}
        site.terminate()
        assert 0 == receiver.attempts


SIGNALS = """
[[enforcement.channel]]
name = "signals"
kind = "ssf"
url = "http://127.0.0.1:{port}/events"
issuer = "https://credwatch.example"
audience = "https://idp.example"
key_file = "{key}"

[[enforcement.plan]]
name = "takeover"
incidents = ["account_takeover"]
actions = ["end_sessions"]
channel = "signals"
dry = false
"""


@contextmanager
def a_signals_receiver() -> Iterator[tuple[int, list[bytes]]]:
    """Take security event tokens; the first push gets no answer that counts, as where a proxy restarts."""
    tokens: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            tokens.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(202 if len(tokens) > 1 else 503)
            self.send_header("Content-Length", "0")
            self.send_header("Retry-After", "1")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], tokens
    finally:
        server.shutdown()
        server.server_close()


def test_a_takeover_is_told_by_a_signed_event_that_repeats_its_name(tmp_path: Path) -> None:
    """The receiver verifies with the published key that sessions are revoked; the push that failed had the same jti."""
    key = tmp_path / "signals.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True)
    with a_signals_receiver() as (port, tokens):
        text = SIGNALS.format(port=port, key=key).replace("{", "{{").replace("}", "}}")
        with a_site(tmp_path, 9, command=RUN_IMPATIENT, settings=SETTINGS + text) as site:
            site.rules.unlink()
            site.started()
            take_over(site, "a@haiau.example")
            await_(lambda: len(tokens) >= 2, what="the token is pushed again")
            await_(lambda: len(listed(site, "--state", "done")) == 1, what="the measure is done")
            published = CliRunner().invoke(app, ["enforce", "keys", "--json", "--config", str(site.config)]).stdout
    keys = KeySet.import_key_set(json.loads(published))
    first, second = (json.loads(jws.deserialize_compact(it, keys, ["ES256"]).payload) for it in tokens)
    assert first == second
    assert {"format": "email", "email": "a@haiau.example"} == second["sub_id"]
    assert ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"] == [*second["events"]]
