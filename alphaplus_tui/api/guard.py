"""Stands before every route: who asks, under which name, how often, and how much they say."""

import asyncio
import hmac
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alphaplus_tui.api.problems import problem
from alphaplus_tui.api.rate import Bucket

OPEN_PATHS = frozenset({"/livez"})
SUBPROTOCOL = "alphaplus"
"""What a WebSocket client offers beside ``bearer.TOKEN`` where it cannot send headers."""
REFUSED = "refused"
"""In the state of a scope: the answer is a refusal that is held back for a moment."""
MOST_STREAMS = 12
"""Of the connections, that probes, scrapes and other questions still find a place."""
LONGEST_BODY = 64 * 1024

_BEARER = "bearer."
_REFUSE_AFTER_S = 0.1
"""Whoever asks too often waits for the refusal: with 16 connections a flood of requests costs 160 refusals a second."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.\-]{1,253})(?::([0-9]{1,5}))?")


class Guard:
    """ASGI around the application; answers with a problem where something is not as it must be."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: Collection[str],
        answers: Counter[int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """hosts: the names and addresses under which we may be asked, in lower case, without ports.

        answers: counts the answers of each status.
        """
        self._app, self._token, self._hosts = app, token.encode(), frozenset(hosts)
        self._known = Bucket(200.0, 400.0, clock)
        self._strangers = Bucket(20.0, 40.0, clock)
        self._open = Bucket(50.0, 100.0, clock)
        self._answers = answers
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            if refusal.status_code == 429:
                scope.setdefault("state", {})[REFUSED] = True
                await asyncio.sleep(_REFUSE_AFTER_S)
            self._answers[refusal.status_code] += 1
            await refusal(scope, receive, send)
            return
        self._streams += scope["type"] == "websocket"
        try:
            await self._app(scope, receive, self._counted(send))
        finally:
            self._streams -= scope["type"] == "websocket"

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "")
        if not _is_allowed(host, self._hosts):
            return problem(403, "asked under a name that is not ours; api.allowed_hosts says which are")
        if not _is_same_origin(headers, host):
            return problem(403, "pages of other sites may not ask")
        is_open = scope["path"] in OPEN_PATHS
        is_known = not is_open and self._knows(scope, headers)
        bucket = self._known if is_known else self._open if is_open else self._strangers
        if not bucket.take():
            wait_s = max(1, math.ceil(bucket.wait_s))
            return problem(429, f"asked too often; again in {wait_s} s", headers={"retry-after": str(wait_s)})
        if not (is_open or is_known):
            detail = "the header `Authorization: Bearer TOKEN` is wanted; the token is in the data folder, api-token"
            return problem(401, detail, headers={"www-authenticate": "Bearer"})
        if scope["type"] == "websocket" and self._streams >= MOST_STREAMS:
            return problem(503, f"{self._streams} streams and sessions are open, and no more are taken")
        if "transfer-encoding" in headers:
            return problem(411, "a body must say its length", headers={"connection": "close"})
        if _body_length(headers) > LONGEST_BODY:
            return problem(413, f"a request has at most {LONGEST_BODY} bytes", headers={"connection": "close"})
        return None

    def _knows(self, scope: Scope, headers: dict[str, str]) -> bool:
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(said.strip())
        offered: list[str] = scope.get("subprotocols", [])
        return any(self._is_token(one.removeprefix(_BEARER)) for one in offered if one.startswith(_BEARER))

    def _is_token(self, said: str) -> bool:
        return hmac.compare_digest(said.encode("utf-8", "replace"), self._token)

    def _counted(self, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answers[message["status"]] += 1
            await send(message)

        return counting


def _headers(scope: Scope) -> dict[str, str]:
    """By name in lower case; one that stands there twice is joined, which no check then accepts."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_allowed(host: str, hosts: Collection[str]) -> bool:
    found = _HOST.fullmatch(host)
    if found is None or int(found[2] or 0) > 65_535:
        return False
    return found[1].lower().strip("[]") in hosts


def _is_same_origin(headers: dict[str, str], host: str) -> bool:
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower() and not parts.path


def _body_length(headers: dict[str, str]) -> int:
    """Bytes; one too many where the length is no number."""
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 12 else LONGEST_BODY + 1
