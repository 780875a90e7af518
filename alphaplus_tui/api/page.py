"""Writes the page about the API out of its OpenAPI document: ``python -m alphaplus_tui.api.page > docs/api.md``."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from alphaplus_tui.api.app import create_routes
from alphaplus_tui.api.door import Door
from alphaplus_tui.api.openapi import ABOUT
from alphaplus_tui.api.stream import SLICES
from alphaplus_tui.session.commands import Command
from alphaplus_tui.session.queries import Query
from alphaplus_tui.state.store import StateStore

A = TypeVar("A")
Node = Mapping[str, Any]

_METHODS = ("get", "post", "put", "delete")
_STREAMS = f"""## Streams

`WS /api/v1/stream?slices=tickers,services&interval_ms=250` tells what changes. The token comes in the header, or, where
headers cannot be sent, as a subprotocol: offer `alphaplus` and `bearer.TOKEN`. First comes
`{{"type":"hello","version":1,"ready":true}}`, then of each slice `{{"type":"snapshot","slice":NAME,"rows":[…]}}`, after
that `{{"type":"change","slice":NAME,"rows":[…],"gone":[…]}}` with the rows that changed since, each once in its latest
form, and the names of those that are gone. Rows look as in the lists above. Slices, all when left out:
{", ".join(f"`{name}`" for name in SLICES)}.
`interval_ms`: 100 to 60000. Nothing is to be said to it. A client that does not take a frame within
5 s is let go with 1013 (try again later).

`WS /api/v1/session` is what `alphaplus attach` speaks: state, commands and questions of a whole console, in frames of
the same release.
"""
_LIMITS = """## Limits

At most 16 connections at a time, 12 of them streams and sessions. Where all are taken, one that asks nothing makes
room, and while all are being answered more are refused. A request must be whole within 5 s. 200 requests a second with
the token (400 at once), 20 without (40 at once), 50 to `/livez`; more are answered with 429 and `Retry-After`. A body
has at most 64 KB, a page at most 1,000 rows. `Host` must be this machine, `api.host` or one of `api.allowed_hosts`;
pages of other sites may not ask.
"""


class _Nobody:
    """A session that nobody asks."""

    state = StateStore()

    async def send(self, command: Command) -> NoReturn:
        raise AssertionError(command)

    async def ask(self, query: Query[A], *, deadline_s: float = 5.0) -> A:
        raise AssertionError((query, deadline_s))


def page() -> str:
    """The whole page."""
    document: Node = create_routes(Door(_Nobody()), {}).openapi()
    schemas: Node = document["components"]["schemas"]
    lines = ["# HTTP API", "", "<!-- made by python -m alphaplus_tui.api.page; a test keeps it up to date -->", ""]
    lines += [ABOUT, "", "## Routes", ""]
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                lines += [*_route(method, path, operations[method]), ""]
    lines += [_STREAMS, _LIMITS, "## Rows and bodies", ""]
    for name in sorted(schemas):
        lines += [*_schema(name, schemas[name]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _route(method: str, path: str, operation: Node) -> Iterator[str]:
    yield f"### `{method.upper()} {path}`"
    yield ""
    summary, told = operation["summary"], operation.get("description", "")
    yield f"{summary}. {' '.join(told.split())}".strip()
    parameters: list[Node] = operation.get("parameters", [])
    if parameters:
        yield ""
        for parameter in parameters:
            must = ", required" if parameter["required"] else ""
            default = f", default `{parameter['schema']['default']}`" if parameter["schema"].get("default") else ""
            about = parameter.get("description") or ""
            yield f"- `{parameter['name']}` ({_kind(parameter['schema'])}{must}{default}) {about}".rstrip()
    body = operation.get("requestBody")
    if body:
        yield ""
        yield f"Body: {_kind(next(iter(body['content'].values()))['schema'])}"
    yield ""
    for status, response in operation["responses"].items():
        if status in {"401", "403", "413", "422", "429", "500"}:
            continue
        contents: dict[str, Node] = response.get("content", {})
        kinds = [_kind(content["schema"]) for content in contents.values()]
        yield f"- {status}: {kinds[0] if kinds else response['description']}"


def _schema(name: str, schema: Node) -> Iterator[str]:
    yield f"### {_named(name)}"
    about = " ".join(schema.get("description", "").split())
    if about:
        yield ""
        yield about
    yield ""
    properties: dict[str, Node] = schema.get("properties", {})
    for field, described in properties.items():
        text = " ".join((described.get("description") or "").split())
        yield f"- `{field}` ({_kind(described)}) {text}".rstrip()
    if "enum" in schema:
        yield ", ".join(f"`{value}`" for value in schema["enum"])


def _kind(schema: Node) -> str:
    """A type as people write it."""
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"]).lower()
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", ""))


def _named(schema: str) -> str:
    """``Page_Ticker_`` is a page of Ticker."""
    inner = schema.removeprefix("Page_").removesuffix("_")
    return f"page of {inner}" if schema.startswith("Page_") else schema


if __name__ == "__main__":
    sys.stdout.write(page())
