"""Refuses query parameters that a route does not know, so that a slip of the pen is no silent other question."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.requests import HTTPConnection

from alphaplus_tui.api.problems import invalid
from alphaplus_tui.errors import suggestion


async def only_known_parameters(connection: HTTPConnection) -> None:
    """A problem for one that the OpenAPI document does not name for this route, or that stands there twice."""
    if connection.scope["type"] != "http" or not connection.query_params:
        return
    known = _known(connection.app, connection.scope["route"].path, connection.scope["method"].lower())
    said = [name for name, _ in connection.query_params.multi_items()]
    for name in said:
        if name not in known:
            raise invalid(name, f"there is no such parameter; {suggestion(name, known)}")
        if said.count(name) > 1:
            raise invalid(name, "stands there more than once")


def _known(app: FastAPI, path: str, method: str) -> tuple[str, ...]:
    operation = cast("Mapping[str, Any]", app.openapi()["paths"][path][method])
    return tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
