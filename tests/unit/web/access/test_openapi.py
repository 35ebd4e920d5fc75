"""Holds the endpoints for ticket systems to their description, with requests that schemathesis makes up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from access_office import AccessOffice
from credwatch.service.access_api import place_of
from credwatch.sources.push import tokens
from credwatch.web.access.openapi import openapi
from credwatch.web.access.options import AccessApiOptions
from credwatch.web.access.routes import access_app
from credwatch.web.serving import serve_at

_UNFIT = [positive_data_acceptance, negative_data_rejection]
"""What is well-formed may name people whom nobody knows, and a query or header that nobody reads harms nothing."""
TOKEN = f"tickets.{'t' * 43}"
OPTIONS = AccessApiOptions.model_validate(
    {
        "enabled": True,
        "port": 0,
        "requests_per_minute": 100_000,
        "ticket_system": [
            {
                "id": "tickets",
                "token_hashes": ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",),
                "scopes": ("read", "request", "decide"),
            }
        ],
    }
)
OPERATIONS = [(path, method.upper()) for path, methods in openapi(OPTIONS)["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the endpoints on loopback; one token is right."""
    office = AccessOffice(tmp_path_factory.mktemp("office"))
    app = access_app(OPTIONS, office.desk, office.check, office.clock)
    loop, stop, listening, places = asyncio.new_event_loop(), asyncio.Event(), threading.Event(), list[str]()

    def came_up(place: str) -> None:
        places.append(place)
        listening.set()

    serving = serve_at(place_of(OPTIONS), app, stop=stop, listening=came_up)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens.Tokens, "_matches", lambda _self, _hash, raw: raw == TOKEN)
        thread.start()
        assert listening.wait(60)
        yield f"http://{places[0]}"
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
    loop.close()
    office.database.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_the_description_has(url: str, path: str, method: str, mode: GenerationMode) -> None:
    """Requests as they should be, and as they should not, get a status, type and body that OpenAPI names."""
    schema = schemathesis.openapi.from_dict(openapi(OPTIONS))

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: Any) -> None:
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code < 500
        case.validate_response(answer, excluded_checks=_UNFIT)

    ask()


def test_the_examples_are_what_they_show() -> None:
    """Each example is valid by the schema that shows it, and each body has one."""
    schemas = openapi(OPTIONS)["components"]["schemas"]
    with_examples = {name: schema for name, schema in schemas.items() if "examples" in schema}
    assert {"AskedAccess", "SentApproval", "SentEnd", "SentReview"} == {*with_examples}
    for schema in with_examples.values():
        for example in schema["examples"]:
            jsonschema.validate(example, {**schema, "components": {"schemas": schemas}})
