"""Errors as problem details (RFC 9457): one shape, whatever went wrong."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError, FatalError, TransientError, UnknownName

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Problem(BaseModel):
    """Why there is no answer."""

    title: str
    """What kind of thing went wrong."""
    status: int
    """The status of the answer."""
    detail: str
    """What was wrong here, and what is allowed."""


class NotHere(AlphaPlusError):
    """Something that was asked for is not there."""

    title = "Not found"


class NotAllowed(AlphaPlusError):
    """A wish that will not be carried out now."""

    title = "Refused"


class NotKnown(AlphaPlusError):
    """A wish that names something that is not known."""

    title = "Unknown name"


def invalid(parameter: str, message: str) -> RequestValidationError:
    """For a parameter that is not as it must be."""
    return RequestValidationError([{"loc": ("query", parameter), "msg": message, "type": "value_error"}])


def problem(
    status: int, detail: str, *, title: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that says what was wrong."""
    body = Problem(title=title or HTTPStatus(status).phrase, status=status, detail=clean(detail, limit=2000))
    return Response(body.model_dump_json(), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def answer_problems(app: FastAPI) -> None:
    """From now on every error of a route is answered with its problem."""
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(AlphaPlusError, _on_ours)
    app.add_exception_handler(Exception, _on_unexpected)


def _status_of(error: AlphaPlusError) -> int:
    if isinstance(error, NotHere | UnknownName):
        return 404
    if isinstance(error, NotKnown):
        return 422
    if isinstance(error, TransientError):
        return 503
    return 500 if isinstance(error, FatalError) else 409


async def _on_ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, AlphaPlusError)
    status = _status_of(error)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else None
    return problem(status, str(error), title=error.title, headers=headers)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    told = {404: f"no such path: {path}; /openapi.json lists all", 405: f"{path} takes no {request.method}"}
    return problem(error.status_code, told.get(error.status_code, error.detail), headers=error.headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(422, "; ".join(_complaint(one) for one in error.errors()))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    log.error("api_failed", path=request.url.path, exc_info=error)
    return problem(500, f"an error inside AlphaPlus ({type(error).__name__}); its log has the rest")


def _complaint(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"the body is no valid JSON: {error['ctx']['error']}"
    place: Sequence[object] = error["loc"]
    where = ".".join(str(part) for part in place[1:]) or "the body"
    return f"{where}: {error['msg']}"
