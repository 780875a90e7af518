"""What a venue's adapter tells the shared machinery: the differences between one venue and another."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.shared.book import Rule
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.parsing import Events, FrameParser
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.talk import KeepAlive


class Request(Struct, frozen=True):
    """Something to say on a connection."""

    text: str
    awaits: tuple[str, ...] = ()
    """Keys of the answers that must come; the connection counts as subscribed once all have."""


class Answer(Struct, frozen=True):
    """A frame that is no market data. With nothing set: a pong, a heartbeat, a greeting."""

    keys: tuple[str, ...] = ()
    """What it answers."""
    refused: str = ""
    """Why a request was refused, in the venue's words, cleaned."""
    complaint: str = ""
    """Why a part of a request was refused, cleaned; the rest goes on."""
    leaving: bool = False
    """The venue says that it will close this connection soon: a successor is dialled at once."""


class Shard(Struct, frozen=True):
    """One connection: where to, whose streams, and which of them."""

    url: str
    instruments: tuple[Instrument, ...]
    channels: frozenset[Channel]


class SnapshotSource(Protocol):
    """For venues whose book snapshots come over REST."""

    async def fetch(self, instrument: Instrument) -> bytes:
        """The snapshot as it came. Raises what ``RestClient.get_bytes`` does."""
        ...

    def apply(self, books: Books, instrument: Instrument, body: bytes, ts_recv: int) -> Events:
        """Decode ``body`` into ``books``. Raises ValueError (msgspec's errors are) or Unusable."""
        ...

    def recorded(self, instrument: Instrument, body: bytes) -> bytes:
        """The frame that a recording keeps of it, which the venue's parser can read."""
        ...


class Dialect(Protocol):
    """One venue. Holds no state of a connection: what has state is made by ``parser``."""

    @property
    def exchange(self) -> str:
        """Its name here."""
        ...

    @property
    def data(self) -> tuple[bytes, ...]:
        """How frames of market data begin.

        Those are queued undecoded; all others are read at once, as they may be answers that somebody waits for.
        """
        ...

    @property
    def keep_alive(self) -> KeepAlive | None: ...

    @property
    def book_rule(self) -> Rule: ...

    @property
    def snapshots(self) -> SnapshotSource | None:
        """None where the stream itself brings them; then a broken book is subscribed to anew."""
        ...

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        """``instruments`` spread over connections within the venue's limits; a channel that has an address of its own
        gets connections of its own."""
        ...

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        """What subscribes to (``on``) or unsubscribes from ``channels``, within the venue's limits per request.

        ids: gives numbers that are new on this connection.
        """
        ...

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> FrameParser:
        """Made for each connection that is dialled; what counts per connection belongs in it.

        books: of this connection alone, or of the whole stream where ``snapshots`` come over REST.
        """
        ...

    def is_trade(self, frame: bytes) -> bool:
        """Whether ``frame``, one of market data, holds trades; decodes nothing. Others are shed under overload."""
        ...

    def answer(self, frame: bytes) -> Answer:
        """What a frame that is no market data means. Raises Unusable or ValueError (msgspec's errors are)."""
        ...

    async def newest_seq(self, instrument: Instrument) -> int:
        """``seq`` of its newest trade by REST, to tell quiet from mute; -1: it never traded. Raises what REST does."""
        ...
