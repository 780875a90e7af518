"""Recorded sessions of other people's programs with exchanges: what was asked, said and heard, in order."""

import io
from collections.abc import Iterator

import msgspec
import zstandard

from tests.support import recorded


class Line(msgspec.Struct):
    """One moment of a session."""

    kind: str = msgspec.field(name="t")
    """header, http, connect, send, recv"""
    connection: str = msgspec.field(name="conn", default="")
    at: float = msgspec.field(name="ts", default=0.0)
    """Local UTC seconds."""
    url: str = ""
    address: str = msgspec.field(name="addr", default="")
    """Where a connection went to."""
    data: str = ""

    @property
    def ts_recv(self) -> int:
        return round(self.at * 1e9)


_LINE = msgspec.json.Decoder(Line)


def session(name: str) -> list[Line]:
    """``BINANCE`` and the like, by time."""
    return sorted(_lines(name), key=lambda line: line.at)


def _lines(name: str) -> Iterator[Line]:
    with recorded(f"ws_cryptofeed/{name}.jsonl.zst").open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.TextIOWrapper(text, "utf-8"):
            yield _LINE.decode(line)


def payloads(name: str) -> list[dict[str, str]]:
    """Frames of other years: ``kind``, ``case`` and ``raw``."""
    lines = recorded(f"payloads_crypto_msg_parser/{name}.jsonl").read_text().splitlines()
    return [msgspec.json.decode(line) for line in lines]
