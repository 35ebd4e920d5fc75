"""Who asks is proven as each service wants it, and no secret is where it could be seen."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import TypeAdapter

from credwatch.kernel.errors import ProblemsFound, SourceError
from credwatch.kernel.options import validated
from credwatch.sources.rest.authentication import TokenRequest, authentication
from credwatch.sources.rest.options import RestSourceOptions

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    """Make a key."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _options(**auth: Any) -> RestSourceOptions:
    table = {"id": "x", "kind": "rest", "url": "https://x.example/log", "auth": auth}
    return TypeAdapter(RestSourceOptions).validate_python(table)


def _claims(token: str, key: RSAPrivateKey) -> dict[str, Any]:
    """Check the signature of a token, and give what it claims."""
    head, claims, signature = token.split(".")
    decoded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (head, claims, signature)]
    key.public_key().verify(decoded[2], f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    assert "RS256" == json.loads(decoded[0])["alg"]
    return dict(json.loads(decoded[1]))


def test_an_app_of_github_signs_for_its_installation(key: RSAPrivateKey, tmp_path: Path) -> None:
    """The claim names the app, ends within ten minutes, and is asked for again only when the token ends."""
    file = tmp_path / "app.pem"
    file.write_text(_pem(key))
    asked: list[TokenRequest] = []

    def ask(request: TokenRequest) -> Any:
        asked.append(request)
        return {"token": "ghs_1", "expires_at": "2026-03-02T09:00:00Z"}

    options = _options(kind="github_app", app_id="4711", installation_id=815, key_file=str(file))
    proof = authentication(options, lambda: NOW)
    assert {"Authorization": "Bearer ghs_1"} == proof.headers(ask)
    assert {"Authorization": "Bearer ghs_1"} == proof.headers(ask)
    (request,) = asked
    assert "https://api.github.com/app/installations/815/access_tokens" == request.url
    claims = _claims(request.headers["Authorization"].removeprefix("Bearer "), key)
    assert ("4711", True) == (claims["iss"], 0 < claims["exp"] - NOW.timestamp() <= 600)
    assert proof.forget()
    proof.headers(ask)
    assert 2 == len(asked)


def test_a_service_account_acts_for_an_administrator(key: RSAPrivateKey, tmp_path: Path) -> None:
    """The assertion names account, administrator, scope and where it is meant for."""
    file = tmp_path / "account.json"
    file.write_text(json.dumps({"client_email": "a@p.example", "private_key": _pem(key), "private_key_id": "k1"}))
    asked: list[TokenRequest] = []

    def ask(request: TokenRequest) -> Any:
        asked.append(request)
        return {"access_token": "ya29", "expires_in": 3599}

    proof = authentication(_options(kind="google", subject="an@acme.example", key_file=str(file)), lambda: NOW)
    assert {"Authorization": "Bearer ya29"} == proof.headers(ask)
    claims = _claims(asked[0].form["assertion"], key)
    assert ("a@p.example", "an@acme.example") == (claims["iss"], claims["sub"])
    assert asked[0].url == claims["aud"] == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize("kind", ["google", "github_app"])
@pytest.mark.parametrize("text", ["", "no key", "{}", '{"client_email": "x", "private_key": "hunter2"}', "[1]", "\x00"])
def test_a_wrong_key_is_told_without_it(kind: str, text: str, tmp_path: Path) -> None:
    """Whatever stands in the file, the error names the source and not the file's content."""
    file = tmp_path / "key"
    file.write_text(text)
    more = {"subject": "a@b.example"} if kind == "google" else {"app_id": "1", "installation_id": 1}
    proof = authentication(_options(kind=kind, key_file=str(file), **more), lambda: NOW)
    with pytest.raises(SourceError) as caught:
        proof.headers(lambda _: pytest.fail("nobody may be asked"))
    assert "hunter2" not in str(caught.value)
    assert caught.value.where.startswith("source x")
    assert caught.value.hint


def test_a_client_may_send_its_secret_in_a_header(tmp_path: Path) -> None:
    """Both halves are encoded as RFC 6749 has it, and the form has no secret then."""
    file = tmp_path / "secret"
    file.write_text("p:ä\n")
    asked: list[TokenRequest] = []

    def ask(request: TokenRequest) -> Any:
        asked.append(request)
        return {"access_token": "t"}

    options = _options(
        kind="oauth2",
        token_url="https://x.example/t",
        client_id="a b",
        client_secret_file=str(file),
        secret_in="header",
    )
    authentication(options, lambda: NOW).headers(ask)
    sent = base64.b64decode(asked[0].headers["Authorization"].removeprefix("Basic ")).decode()
    assert "a%20b:p%3A%C3%A4" == sent
    assert {"grant_type": "client_credentials"} == asked[0].form
    assert "secret" not in parse_qs(str(asked[0].form))


@pytest.mark.parametrize("answer", [None, [], {}, {"access_token": ""}, {"access_token": 7}, "x"])
def test_an_answer_without_a_token_is_told(answer: Any, tmp_path: Path) -> None:
    """What is no token is none, whatever shape it has."""
    file = tmp_path / "secret"
    file.write_text("s")
    options = _options(kind="oauth2", token_url="https://x.example/t", client_id="c", client_secret_file=str(file))
    with pytest.raises(SourceError, match="no access_token"):
        authentication(options, lambda: NOW).headers(lambda _: answer)


def test_a_credential_of_the_unit_stands_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the credential source-ID is the secret; without both that is told with both ways."""
    proof = authentication(_options(kind="bearer"), lambda: NOW)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SourceError, match="source-x"):
        proof.headers(lambda _: None)
    (tmp_path / "source-x").write_text("tok\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert {"Authorization": "Bearer tok"} == proof.headers(lambda _: None)


def test_a_token_of_several_lines_goes_into_no_header(tmp_path: Path) -> None:
    """A file that holds more than a token cannot add headers of its own."""
    file = tmp_path / "token"
    file.write_text("a\r\nX-Other: b")
    with pytest.raises(SourceError, match="no token"):
        authentication(_options(kind="bearer", token_file=str(file)), lambda: NOW).headers(lambda _: None)


WRONG_TABLES = {
    "http": ({"url": "http://x.example/log"}, "https://"),
    "a password in the URL": ({"url": "https://a:hunter2@x.example/"}, "password"),
    "a token among the headers": ({"headers": {"Authorization": "Bearer hunter2"}}, "auth"),
    "no such preset": ({"preset": "okto"}, "okta"),
    "a preset without its name": ({"preset": "okta", "url": None}, "domain"),
    "a token's page without a path": ({"paging": "token"}, "next"),
    "no way to know where to stop": ({"order": "newest_first"}, "time"),
    "another key": ({"intervall": "5s"}, "interval"),
    "another kind": ({"auth": {"kind": "digest"}}, "github_app"),
    "a forged domain": ({"domain": "x.example/../y"}, "domain"),
}


@pytest.mark.parametrize(("changes", "said"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_a_wrong_table_is_refused(changes: dict[str, Any], said: str) -> None:
    """Each mistake is told with the key and what to write, and no secret is quoted."""
    table = {"id": "x", "kind": "rest", "url": "https://x.example/log", **changes}
    with pytest.raises(ProblemsFound) as caught:
        validated({key: value for key, value in table.items() if value is not None}, RestSourceOptions, where="t")
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
