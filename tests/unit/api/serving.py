"""The API on a real socket, with a session behind it that tests write."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from alphaplus_tui.api.app import create_app
from alphaplus_tui.api.server import ApiServer
from alphaplus_tui.session.session import Session
from alphaplus_tui.settings.api import ApiSettings

TOKEN = "t" * 43


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    headers: Mapping[str, str]
    text: str
    json: object


class Client:
    """Asks with the token unless told otherwise."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http

    async def ask(
        self, path: str, *, method: str = "GET", token: str | None = TOKEN, json: object = None, **headers: str
    ) -> Answer:
        """headers: names with underscores for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        async with self.http.request(method, self.url + path, headers=sent, json=json) as found:
            text = await found.text()
            kind = found.headers.get("content-type", "").partition(";")[0]
            return Answer(
                found.status, kind, found.headers, text, await found.json(content_type=None) if "json" in kind else None
            )


@asynccontextmanager
async def served(session: Session, settings: ApiSettings | None = None) -> AsyncGenerator[Client]:
    """The API of a session on a free port."""
    settings = settings or ApiSettings(port=0)
    app = create_app(session, token=TOKEN, settings=settings)
    async with (
        ApiServer(app, host=settings.host, port=settings.port) as server,
        aiohttp.ClientSession() as http,
    ):
        yield Client(server.url, http)
