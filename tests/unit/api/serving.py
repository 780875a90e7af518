"""The API on a real socket, with a session behind it that tests write."""

import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from msgspec import structs

from alphaplus_tui.api.app import create_app
from alphaplus_tui.api.server import ApiServer
from alphaplus_tui.session.session import Session
from alphaplus_tui.settings.api import ApiSettings
from tests.fakes.demo_rows import NOW
from tests.fakes.session import FakeSession

TOKEN = "t" * 43


def healthy() -> FakeSession:
    """A session in which nothing is wrong."""
    session = FakeSession()
    store = session.store
    store.services.put("backfill", structs.replace(store.services["backfill"], health="OK", reason=""))
    return session


def patient_clock() -> Callable[[], float]:
    """A second passes each time it is looked at: nobody asks too often."""
    return itertools.count().__next__


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    headers: Mapping[str, str]
    text: str
    json: Any


class Client:
    """Asks with the token unless told otherwise."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str | None = TOKEN,
        json: object = None,
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """body: instead of ``json``. headers: names with underscores for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        async with self.http.request(method, self.url + path, headers=sent, json=json, data=body) as found:
            text = await found.text()
            kind = found.headers.get("content-type", "").partition(";")[0]
            return Answer(
                found.status, kind, found.headers, text, await found.json(content_type=None) if "json" in kind else None
            )

    async def items(self, path: str) -> list[Any]:
        """Of the page at ``path``."""
        found = await self.ask(path)
        assert found.status == 200, found.text
        return found.json["items"]

    async def all_pages(self, path: str) -> list[list[Any]]:
        """Page after page, to the end."""
        pages: list[list[Any]] = []
        after = ""
        while True:
            found = await self.ask(path + after)
            assert found.status == 200, found.text
            pages.append(found.json["items"])
            if found.json["next"] is None:
                return pages
            after = f"&after={found.json['next']}"


@asynccontextmanager
async def served(
    session: Session,
    settings: ApiSettings | None = None,
    *,
    clock: Callable[[], float] | None = None,
    slow_after_s: float = 5.0,
) -> AsyncGenerator[Client]:
    """The API of a session on a free port, at the moment at which the small market stands still."""
    settings = settings or ApiSettings(port=0)
    app = create_app(
        session,
        token=TOKEN,
        settings=settings,
        clock=clock or patient_clock(),
        time_ns=lambda: NOW + 250_000_000,
        slow_after_s=slow_after_s,
    )
    async with (
        ApiServer(app, host=settings.host, port=settings.port) as server,
        aiohttp.ClientSession() as http,
    ):
        yield Client(server.url, http)
