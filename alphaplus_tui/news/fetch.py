"""Fetches small documents of the web: bounded in time, size and detours, and never from where they should not be."""

import asyncio
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import aiohttp

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import DeadlineExceeded, Disconnected, ProtocolError, VenueUnavailable

LARGEST_BYTES = 2 * 2**20
WITHIN_S = 15.0
_DETOURS = 3
_MOVED = {301, 302, 303, 307, 308}
_HEADERS = {
    "User-Agent": "AlphaPlus",
    "Accept": "application/rss+xml, application/atom+xml, application/json, */*;q=0.5",
}


class Fetcher:
    """GET requests without cookies. Use it in the event loop that it was first used in."""

    def __init__(self, *, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> bytes:
        """The document. Raises Disconnected, DeadlineExceeded, VenueUnavailable; ProtocolError for one too large,
        or for a detour that leads from the web onto this machine or into the open."""
        try:
            async with asyncio.timeout(self._within_s):
                return await self._follow(url)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{_host(url)}: no answer within {self._within_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Disconnected(f"{_host(url)}: {clean(str(error), limit=200) or type(error).__name__}") from error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp's transports take one more round to be gone

    async def _follow(self, url: str) -> bytes:
        at_home, at = is_loopback(url), url
        for _ in range(_DETOURS + 1):
            async with self._open_session().get(at, allow_redirects=False, headers=_HEADERS) as response:
                if response.status in _MOVED:
                    at = urljoin(at, response.headers.get("Location", ""))
                    if urlsplit(at).scheme != "https" and not (at_home and is_loopback(at)):
                        raise ProtocolError(f"{_host(url)}: leads to a place without TLS")
                    if is_loopback(at) and not at_home:
                        raise ProtocolError(f"{_host(url)}: leads onto this machine")
                    continue
                if response.status != 200:
                    raise VenueUnavailable(f"{_host(url)}: HTTP {response.status}")
                return await _bounded(response, url)
        raise ProtocolError(f"{_host(url)}: more than {_DETOURS} detours")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        return self._session


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(response: aiohttp.ClientResponse, url: str) -> bytes:
    """The body, unpacked; a small one that unpacks into a large one is refused as well."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise ProtocolError(f"{_host(url)}: more than {LARGEST_BYTES:,} bytes")
    return bytes(body)


def _host(url: str) -> str:
    return clean(urlsplit(url).hostname or url, limit=80)
