"""Holds the endpoints for programs to their description, with requests that schemathesis makes up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from msgspec.structs import replace
from schemathesis.generation import GenerationMode

from child_server import a_free_port
from credwatch.sources.push import tokens
from credwatch.web.portal.openapi import openapi
from portal_site import HAI_AU, PortalSite, served

TOKEN = f"{HAI_AU}.{'t' * 43}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PortalSite]:
    """Serve the pages on loopback; one token is known, and its pace is no bound here."""
    monkeypatch.setattr(tokens.Tokens, "_matches", lambda _self, known, raw: known == raw)
    monkeypatch.setattr("credwatch.web.portal.report_api.Pace.wait_of", lambda _self, _key: 0.0)
    port = a_free_port()
    site = PortalSite(tmp_path, monkeypatch, url=f"http://localhost:{port}", options=f"port = {port}\n")
    reader = replace(site.facts.recipients[HAI_AU], report_token_hashes=(TOKEN,))
    site.facts = replace(site.facts, recipients={**site.facts.recipients, HAI_AU: reader})
    with served(site):
        yield site
    site.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), [("/api/v1/reports", "POST"), ("/api/v1/reports/{number}", "GET")])
def test_every_answer_is_one_that_the_description_has(
    site: PortalSite, path: str, method: str, mode: GenerationMode
) -> None:
    """Requests as they should be, and as they should not, get a status, type and body that OpenAPI names."""
    schema = schemathesis.openapi.from_dict(openapi(site.settings.portal))
    used: set[str] = set()

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: Any) -> None:
        key = (case.headers or {}).get("Idempotency-Key")
        assume(key is None or key not in used)  # a key that came with another report is rightly refused
        used.add(key or "")
        answer = case.call(base_url=site.url, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code < 500
        case.validate_response(answer)

    ask()
