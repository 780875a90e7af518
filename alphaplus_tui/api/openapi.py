"""The OpenAPI document: what FastAPI finds out, and the problems that every route may answer with."""

from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from alphaplus_tui.api.guard import OPEN_PATHS
from alphaplus_tui.api.problems import MEDIA_TYPE, Problem

Node = dict[str, Any]

ABOUT = """What a running AlphaPlus sees, knows and thinks, and a few wishes it carries out.

Everything but `/livez` wants the header `Authorization: Bearer TOKEN`; the token is in the file `api-token` of the
data folder. Times are ISO 8601 in UTC. Symbols are written `BTC/USDT`, those of a second exchange `kraken:BTC/USD`.
Lists come in pages: `next` of one is `after` of the following one. Errors are problem details; a
parameter that a route does not know is one (422)."""

_EVERYWHERE = {
    403: "asked under another name, or from a page of another site",
    413: "the body is too long",
    422: "a parameter or the body is not as it must be",
    429: "asked too often",
    500: "an error inside AlphaPlus",
}
_WITH_TOKEN = {401: "no token, or another one"}


def describe(app: FastAPI) -> None:
    """``app.openapi`` tells about problems and the token from now on."""

    def document() -> Node:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document


def problem_response(description: str) -> Node:
    """How a response that is a problem is documented."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def problems(**named: str) -> dict[int | str, Node]:
    """Documents what a route may refuse: ``problems(not_found="no such symbol")``."""
    statuses = {"not_found": 404, "conflict": 409, "invalid": 422, "unavailable": 503}
    return {statuses[name]: problem_response(text) for name, text in named.items()}


def _document(app: FastAPI) -> Node:
    found = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    components = cast("Node", found.setdefault("components", {}))
    schemas = cast("Node", components.setdefault("schemas", {}))
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in cast("dict[str, Node]", found["paths"]).items():
        for operation in cast("dict[str, Node]", operations).values():
            _complete(path, operation)
    return found


def _complete(path: str, operation: Node) -> None:
    responses = cast("Node", operation["responses"])
    wanted = _EVERYWHERE if path in OPEN_PATHS else {**_EVERYWHERE, **_WITH_TOKEN}
    responses.pop("422", None)  # FastAPI's own, in another shape
    for status, text in wanted.items():
        responses.setdefault(str(status), problem_response(text))
    operation["responses"] = dict(sorted(responses.items()))
    operation["security"] = [] if path in OPEN_PATHS else [{"token": []}]
