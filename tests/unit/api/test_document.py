"""The OpenAPI document, and that every answer is as it says."""

# schemathesis leaves some of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeArgument=false

import asyncio
import json

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.api.serving import TOKEN, healthy, served

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PUBLISHED = {
    "/livez": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
    "/api/v1/services": {"get"},
    "/api/v1/services/{name}/restart": {"post"},
    "/api/v1/tickers": {"get"},
    "/api/v1/candles": {"get"},
    "/api/v1/trades": {"get"},
    "/api/v1/orderbook": {"get"},
    "/api/v1/coverage": {"get"},
    "/api/v1/coverage/map": {"get"},
    "/api/v1/models": {"get"},
    "/api/v1/models/{model}/promote": {"post"},
    "/api/v1/models/{model}/pin": {"post"},
    "/api/v1/models/rollback": {"post"},
    "/api/v1/training": {"get", "post"},
    "/api/v1/training/{training}": {"delete"},
    "/api/v1/predictions": {"get"},
    "/api/v1/signals": {"get"},
    "/api/v1/decisions": {"get"},
    "/api/v1/alerts": {"get"},
    "/api/v1/portfolio": {"get"},
    "/api/v1/orders": {"get"},
    "/api/v1/fills": {"get"},
}


async def test_the_document_lists_every_published_route_and_no_other() -> None:
    async with served(healthy()) as client:
        paths = (await client.ask("/openapi.json")).json["paths"]
    assert {path: set(operations) for path, operations in paths.items()} == PUBLISHED


async def test_every_route_but_one_wants_the_token_and_says_so() -> None:
    async with served(healthy()) as client:
        document = (await client.ask("/openapi.json")).json
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["security"] == ([] if path == "/livez" else [{"token": []}])
            assert ("401" in operation["responses"]) == (path != "/livez")
            assert {"403", "429"} <= set(operation["responses"])


async def test_whatever_is_asked_no_answer_is_a_fault_or_other_than_the_document_says() -> None:
    session = healthy()
    async with served(session) as client:
        await asyncio.to_thread(_try_everything, client.url)
    assert len(session.asked) > 20
    assert session.sent


def _try_everything(url: str) -> None:
    """Requests made up from the document, valid and not, with the names of things that are there among them."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )
        @given(case=operation.as_strategy())
        def one(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)
            query = dict(case.query or {})
            if "symbol" in query:
                case.query = {**query, "symbol": "BTC/USDT"}
                case.call_and_validate(headers=headers, checks=CHECKS)

        one()


async def test_the_document_is_whole() -> None:
    async with served(healthy()) as client:
        document = (await client.ask("/openapi.json")).json
    text, schemas = json.dumps(document), document["components"]["schemas"]
    assert {"Problem", "Candle"} & set(schemas)
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text, f"{name} is used nowhere"
