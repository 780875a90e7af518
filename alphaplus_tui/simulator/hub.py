"""Who hears what: streams, the clients subscribed to them, and frames made once for all of a stream's clients."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

MOST_UNSENT_BYTES = 8 * 1024 * 1024
"""A client that lets more than this pile up is disconnected; the market waits for nobody."""

_TEXT, _PING, _PONG, _CLOSE = 0x81, 0x89, 0x8A, 0x88


def frame(payload: bytes, kind: int = _TEXT) -> bytes:
    """One unmasked WebSocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 65536:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


class Client:
    """One WebSocket connection; what is sent within a tick leaves in one write."""

    def __init__(self, transport: asyncio.Transport, *, combined: bool, now_s: float) -> None:
        self._transport = transport
        self.combined = combined
        """Whether frames are wrapped as {"stream":…,"data":…}."""
        self.streams: dict[str, None] = {}
        self.frozen = False
        """Half-open: the socket stays, but nothing is read or answered any more."""
        self.last_pong_s = now_s
        self.number = 0
        """Its place in the order of arrival."""
        self._unsent: list[bytes] = []

    def send(self, framed: bytes) -> None:
        self._unsent.append(framed)

    def answer(self, text: bytes) -> None:
        self.send(frame(text))

    def ping(self, payload: bytes) -> None:
        self.send(frame(payload, _PING))

    def pong(self, payload: bytes) -> None:
        self.send(frame(payload, _PONG))
        self.flush()

    def close(self, code: int) -> None:
        self.send(frame(code.to_bytes(2, "big"), _CLOSE))
        self.flush()

    def flush(self, most_unsent_bytes: int = MOST_UNSENT_BYTES) -> None:
        unsent, self._unsent = self._unsent, []
        if self.frozen or not unsent or self._transport.is_closing():
            return
        self._transport.write(b"".join(unsent))
        if self._transport.get_write_buffer_size() > most_unsent_bytes:
            self._transport.abort()

    def cut(self) -> None:
        """Break the connection without a word."""
        self._transport.abort()


class Tamper(Protocol):
    """What may happen to a payload on its way; gives the payloads to send now."""

    def __call__(self, stream: str, payload: bytes) -> Iterable[bytes]: ...


class Hub:
    """All connections and what each is subscribed to."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self._listeners: defaultdict[str, set[Client]] = defaultdict(set)
        self.most_unsent_bytes = MOST_UNSENT_BYTES
        self._arrivals = 0
        self.tamper: Tamper | None = None
        """Set while a fault that alters frames is active."""

    def join(self, client: Client) -> None:
        self._arrivals += 1
        client.number = self._arrivals
        self.clients.add(client)

    def leave(self, client: Client) -> None:
        self.clients.discard(client)
        self.unsubscribe(client, tuple(client.streams))

    def subscribe(self, client: Client, streams: Iterable[str]) -> None:
        for stream in streams:
            client.streams[stream] = None
            self._listeners[stream].add(client)

    def unsubscribe(self, client: Client, streams: Iterable[str]) -> None:
        for stream in streams:
            client.streams.pop(stream, None)
            listeners = self._listeners.get(stream)
            if listeners:
                listeners.discard(client)
                if not listeners:
                    del self._listeners[stream]

    def heard(self, stream: str) -> bool:
        """Whether anybody is subscribed."""
        return stream in self._listeners

    def matching(self, wanted: Callable[[str], bool]) -> list[str]:
        """The streams somebody is subscribed to whose name is ``wanted``."""
        return [stream for stream in self._listeners if wanted(stream)]

    def publish(self, stream: str, payload: bytes) -> None:
        """Give every subscriber of ``stream`` the JSON ``payload``, unless a fault has other plans."""
        if stream not in self._listeners:
            return
        if self.tamper is None:
            self.deliver(stream, payload)
        else:
            for altered in self.tamper(stream, payload):
                self.deliver(stream, altered)

    def deliver(self, stream: str, payload: bytes) -> None:
        plain = wrapped = b""
        for client in self._listeners.get(stream, ()):
            if client.combined:
                wrapped = wrapped or frame(b'{"stream":"%b","data":%b}' % (stream.encode(), payload))
                client.send(wrapped)
            else:
                plain = plain or frame(payload)
                client.send(plain)

    def flush(self) -> None:
        for client in self.clients:
            client.flush(self.most_unsent_bytes)
