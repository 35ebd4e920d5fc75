"""The OpenAPI document says what the gate takes and answers."""

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from credwatch.policy.profile import MfaProfile, PolicyProfile
from credwatch.telemetry.label_values import GATE_ENDPOINTS
from credwatch.web.gate.openapi import openapi
from credwatch.web.gate.routes import gate_app
from unit.policy.gate_fakes import GOOD, MovableClock, a_gate, a_totp
from unit.policy.test_totp import code_at
from unit.web.gate.test_routes import BrokenGate, client

LAN = {"user": "lan", "organization": "hoasen"}
OPERATOR = LAN | {"by": "an.support", "why": "seen in person"}


def schema_of(path: str, status: int) -> dict[str, object]:
    """Return the schema of an answer, which is that of a failure where none is said for its status."""
    ((_, operation),) = openapi()["paths"][path].items()
    responses = operation["responses"]
    return responses.get(str(status), responses["default"])["content"]["application/json"]["schema"]  # type: ignore[no-any-return]


def holds(reply: httpx.Response) -> None:
    """Hold an answer to the schema of its place and status."""
    schema = schema_of(reply.request.url.path, reply.status_code)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(reply.json())


async def test_it_is_handed_out_and_names_every_place() -> None:
    """Each endpoint but the document itself is described, and no other."""
    places = {route.path.replace(":str", "") for route in gate_app(a_gate()).routes if isinstance(route, Route)}
    async with client() as http:
        document = (await http.get("/openapi.json")).json()
    assert places - {"/openapi.json"} == set(document["paths"])


def test_each_question_has_a_series_of_its_own() -> None:
    """The metrics name every place that answers from the start."""
    questions = {place.removeprefix("/v1/") for place, ways in openapi()["paths"].items() if "post" in ways}
    assert questions == set(GATE_ENDPOINTS)


async def test_every_answer_is_as_described() -> None:
    """A life of a factor, passwords good and bad, and every kind of failure answer as the document says."""
    clock = MovableClock()
    gate = a_gate(
        PolicyProfile(mfa=MfaProfile(max_failures=1, pushes_per_hour=1, ask_again_before=("data_export",))), clock=clock
    )
    first = code_at(clock.now).reveal()
    questions = [
        ("password/check", LAN | {"password": GOOD}),
        ("password/check", LAN | {"password": "password"}),
        ("password/changed", LAN | {"password": GOOD}),
        ("login/check", LAN | {"factors": ["totp"], "act": "data_export", "factor_proven_at": "2026-11-20T05:00:00Z"}),
        ("login/check", LAN | {"factors": "totp"}),
        ("push/check", LAN),
        ("push/check", LAN),
        ("totp/enrol", LAN),
        ("totp/confirm", LAN | {"code": first}),
        ("totp/enrol", LAN),
        ("totp/verify", LAN | {"code": "000000"}),
        ("totp/unlock", OPERATOR),
        ("totp/remove", OPERATOR),
        ("totp/verify", {"user": 1}),
    ]
    async with client(gate) as http:
        holds(await http.get("/v1/health"))
        for path, question in questions:
            holds(await http.post(f"/v1/{path}", json=question))
    async with client(BrokenGate(a_gate(totp=a_totp(key=None)))) as http:
        for path, question in questions:
            holds(await http.post(f"/v1/{path}", json=question))


@pytest.mark.parametrize(
    ("question", "is_valid"),
    [
        (LAN | {"password": GOOD}, True),
        (LAN, False),
        (LAN | {"password": GOOD, "with_mfa": "yes"}, False),
        (LAN | {"password": GOOD, "pasword": ""}, False),
        ({"user": "", "password": GOOD}, False),
    ],
)
async def test_a_question_is_valid_where_the_gate_takes_it(question: dict[str, object], is_valid: bool) -> None:
    """Who holds a question to the document before sending it is told what the gate would say."""
    body = openapi()["paths"]["/v1/password/check"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert is_valid is Draft202012Validator(body).is_valid(question)
    async with client() as http:
        assert is_valid is ((await http.post("/v1/password/check", json=question)).status_code == 200)
