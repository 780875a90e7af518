"""REST calls over aiohttp, with deadlines, within the budget, and failures in our own words."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import aiohttp
import msgspec

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    VenueUnavailable,
)
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.link import is_loopback, retry_after_s
from alphaplus_tui.kernel.meters import Counter

T = TypeVar("T")

_LARGEST_ANSWER = 64 * 2**20


class Refused(ProtocolError):
    """The exchange understood and said no; ``code`` is its own."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


class _Complaint(msgspec.Struct):
    code: int = 0
    msg: str = ""


class RestClient:
    """GET requests to one server. Use it in the event loop that it was first used in."""

    def __init__(
        self,
        base_url: str,
        budget: WeightBudget,
        *,
        requests: Counter,
        used_header: str = "",
        refusal: Callable[[int, bytes], AlphaPlusError | None] | None = None,
        within_s: float = 10.0,
    ) -> None:
        """used_header: the answer's header that says how much of the budget is used.
        refusal: what the exchange means by an answer that is not 200 (status, body); None where it means nothing of
        its own: 418, 429, 403, 5xx and ``{"code": …, "msg": …}`` are understood without it.
        """
        self._base_url, self._budget = base_url.rstrip("/"), budget
        self._used_header, self._requests, self._within_s = used_header, requests, within_s
        self._meant = refusal
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int],
        decoder: "msgspec.json.Decoder[T]",
        *,
        weight: int,
        share: float,
    ) -> T:
        """The decoded answer.

        Raises RateLimited, VenueUnavailable, Disconnected, DeadlineExceeded; Refused or ProtocolError where trying
        again does not help.
        """
        body = await self.get_bytes(path, params, weight=weight, share=share)
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            if not body.lstrip().startswith((b"{", b"[")):
                raise VenueUnavailable(f"{path}: a page instead of JSON: {_beginning(body)}") from error
            raise ProtocolError(f"{path}: not as expected: {clean(str(error), limit=200)}") from error

    async def get_bytes(self, path: str, params: Mapping[str, str | int], *, weight: int, share: float = 0.9) -> bytes:
        self._budget.take(weight, share=share)
        self._requests.add()
        try:
            async with self._open_session().get(self._base_url + path, params=dict(params)) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _LARGEST_ANSWER:
                        raise ProtocolError(f"{path}: an answer of more than {_LARGEST_ANSWER:,} bytes")
                used = response.headers.get(self._used_header, "")
                if used.isdecimal():
                    self._budget.told(int(used))
                if response.status != 200:
                    raise self._refusal(path, response, bytes(body))
                return bytes(body)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{path}: no answer within {self._within_s:g} s") from error
        except aiohttp.ClientError as error:
            raise Disconnected(f"{path}: {clean(str(error), limit=200)}") from error

    def heed(self, error: AlphaPlusError) -> AlphaPlusError:
        """``error``, to be raised; after RateLimited nothing is asked until it ends.

        For exchanges that say so in an answer that is 200.
        """
        if isinstance(error, RateLimited):
            self._budget.block(error)
        return error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp's transports take one more round to be gone

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._within_s, sock_connect=min(5.0, self._within_s)),
                trust_env=not is_loopback(self._base_url),
            )
        return self._session

    def _refusal(self, path: str, response: aiohttp.ClientResponse, body: bytes) -> AlphaPlusError:
        status = response.status
        if self._meant is not None and (meant := self._meant(status, body)) is not None:
            return self.heed(meant)
        if status in {418, 429}:
            wait_s = retry_after_s(response.headers.get("Retry-After"), otherwise=60.0)
            banned = status == 418
            words = "banned" if banned else "asked to wait"
            words = f"{words} for {wait_s:.0f} s (HTTP {status})"
            return self.heed(RateLimited(words, retry_after_s=wait_s, banned=banned))
        if status >= 500 or status == 403:  # 403: a firewall in front of the exchange, with a page of its own
            return VenueUnavailable(f"{path}: maintenance or trouble there (HTTP {status})")
        try:
            complaint = msgspec.json.decode(body, type=_Complaint)
        except (msgspec.DecodeError, ValueError):
            return VenueUnavailable(f"{path}: HTTP {status} and no JSON: {_beginning(body)}")
        return Refused(f"{path}: {clean(complaint.msg, limit=200)} (code {complaint.code})", complaint.code)


def _beginning(body: bytes) -> str:
    return clean(body[:120].decode(errors="replace"), limit=80)
