"""One WebSocket, from dialling to its end; frames are handed over in the very call that reads them."""

import logging
import ssl
from asyncio import BaseTransport
from collections.abc import Callable
from ipaddress import ip_address
from socket import gaierror
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    VenueUnavailable,
)

PING_EVERY_S = 5.0
CLOSE_WITHIN_S = 1.0
LARGEST_FRAME = 72 * 2**20
"""Bytes. Past this the connection is closed; what is merely absurd is refused by its reader, which keeps it up."""

_TEXT, _BINARY, _CONTINUED = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
_LOG = logging.getLogger("alphaplus.websockets")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False  # a lost connection is told as an event; the library's own lines would tell it twice


class Link(ClientConnection):
    """A connection that calls ``on_frame`` for each whole message as it is read.

    ``recv`` would cost a coroutine and a queue for each message; this is what the library's own events allow
    (``process_event`` is its hook for subclasses).
    """

    on_frame: Callable[[bytes], None] | None = None
    after_read: Callable[[], None] | None = None
    """Called after each read of the socket, however many frames it held."""
    frames = 0
    """Handed over so far."""
    reading = True
    broken: Exception | None = None
    """What ``on_frame`` raised: a defect of ours."""
    _early: list[bytes]
    _parts: list[bytes]

    def connection_made(self, transport: BaseTransport) -> None:
        self._early, self._parts = [], []
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.after_read is not None:
            self.after_read()

    def process_event(self, event: Event) -> None:
        if type(event) is Frame:
            opcode = event.opcode
            if opcode is _TEXT or opcode is _BINARY or opcode is _CONTINUED:
                if event.fin and opcode is not _CONTINUED:
                    data = event.data
                    self._deliver(data if type(data) is bytes else bytes(data))
                else:
                    self._collect(event)
                return
        super().process_event(event)

    def listen(self, on_frame: Callable[[bytes], None]) -> None:
        """Hand frames to ``on_frame`` from now on, those that came already first."""
        self.on_frame = on_frame
        early, self._early = self._early, []
        for frame in early:
            self._deliver(frame)

    async def ended(self) -> AlphaPlusError:
        """Wait until the connection is gone; the error says how it went. Raises what ``on_frame`` raised."""
        await self.wait_closed()
        if self.broken is not None:
            raise self.broken
        return Disconnected(_closing_words(self.close_exc))

    def pause(self) -> None:
        """Leave what comes in the socket's buffers, so that the exchange waits."""
        if self.reading and not self.transport.is_closing():
            self.reading = False
            self.transport.pause_reading()

    def resume(self) -> None:
        if not self.reading and not self.transport.is_closing():
            self.reading = True
            self.transport.resume_reading()

    def drop(self) -> None:
        """Cut it now, without a closing handshake: for a peer that no longer answers."""
        self.transport.abort()

    def _collect(self, frame: Frame) -> None:
        if frame.opcode is not _CONTINUED:
            self._parts = []
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._deliver(whole)

    def _deliver(self, frame: bytes) -> None:
        if self.on_frame is None:
            self._early.append(frame)
            return
        self.frames += 1
        try:
            self.on_frame(frame)
        except Exception as error:  # noqa: BLE001 - it would vanish in the event loop; `ended` raises it
            self.broken = self.broken or error
            self.drop()


async def dial(url: str, *, open_within_s: float) -> Link:
    """A link to ``url``.

    Raises Disconnected, DeadlineExceeded, RateLimited, VenueUnavailable, or ProtocolError for a refusal that
    will not change by itself.
    """
    connecting = connect(
        url,
        create_connection=Link,
        compression=None,
        proxy=None if is_loopback(url) else True,
        open_timeout=open_within_s,
        ping_interval=PING_EVERY_S,
        ping_timeout=PING_EVERY_S,
        close_timeout=CLOSE_WITHIN_S,
        max_size=LARGEST_FRAME,
        logger=_LOG,
    )
    try:
        link = await connecting
    except InvalidStatus as error:
        raise _refusal(error.response) from error
    except TimeoutError as error:
        raise DeadlineExceeded(f"no connection within {open_within_s:g} s") from error
    except (InvalidURI, InvalidProxy) as error:
        raise ProtocolError(clean(str(error), limit=200)) from error
    except InvalidMessage as error:
        raise Disconnected("the connection broke off before it was one") from error
    except InvalidHandshake as error:
        raise VenueUnavailable(f"no WebSocket there: {clean(str(error), limit=200)}") from error
    except gaierror as error:
        raise Disconnected(f"the name {urlsplit(url).hostname} was not found: {error.strerror}") from error
    except ssl.SSLError as error:
        raise Disconnected(f"TLS failed: {clean(str(error), limit=200)}") from error
    except (OSError, EOFError) as error:
        raise Disconnected(f"cannot connect: {clean(str(error), limit=200)}") from error
    assert isinstance(link, Link)
    return link


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine, so that no proxy can be meant."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after_s(text: str | None, *, otherwise: float) -> float:
    """The seconds that a Retry-After header asks for; its rare form with a date counts as not said."""
    if text is None:
        return otherwise
    try:
        return max(0.0, float(text))
    except ValueError:
        return otherwise


def _refusal(response: Response) -> AlphaPlusError:
    status = response.status_code
    wait_s = retry_after_s(response.headers.get("Retry-After"), otherwise=60.0)
    if status == 418:
        return RateLimited(f"banned for {wait_s:.0f} s (HTTP 418)", retry_after_s=wait_s, banned=True)
    if status == 429:
        return RateLimited(f"asked to wait {wait_s:.0f} s (HTTP 429)", retry_after_s=wait_s)
    if status >= 500:
        return VenueUnavailable(f"maintenance or trouble there (HTTP {status})")
    if status < 400:
        return VenueUnavailable(f"a page instead of a WebSocket (HTTP {status})")
    return ProtocolError(f"connection refused (HTTP {status})")


def _closing_words(error: ConnectionClosed) -> str:
    if isinstance(error.__cause__, OSError):
        return f"connection broke: {clean(str(error.__cause__), limit=200)}"
    if error.rcvd is not None:
        said = clean(error.rcvd.reason, limit=100) or "no reason given"
        return f"closed by the exchange ({error.rcvd.code}, {said})"
    if error.sent is not None:
        said = clean(error.sent.reason, limit=100) or "closed by us"
        return f"closed by us ({error.sent.code}, {said})"
    return "connection broke"
