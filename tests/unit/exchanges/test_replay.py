"""Recordings: replayed whole, damaged, in their own time; and written."""

import gzip
import json
from pathlib import Path

import pytest

from alphaplus_tui.domain.events import FeedConnected, FrameRejected
from alphaplus_tui.domain.market import Channel, Level, OrderBook, Provenance, Ticker, Trade
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.exchanges.recording import RecordingWriter
from alphaplus_tui.exchanges.replay import ReplayMarketData
from alphaplus_tui.kernel.clock import Clock, ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import FeedEvent
from tests.support import eventually, recorded

ALL = frozenset(Channel)
START = 1_723_161_255_000_000_000


def a_line(number: int, *, symbol: str = "BTCUSDT", price: str = "100.50", after_ms: int = 0) -> str:
    ms = START // 1_000_000 + after_ms
    data = {"e": "trade", "E": ms, "s": symbol, "t": number, "p": price, "q": "0.250", "T": ms, "m": False, "M": True}
    frame = {"stream": f"{symbol.lower()}@trade", "data": data}
    return f"{START + after_ms * 1_000_000} {json.dumps(frame, separators=(',', ':'))}"


def a_replay(*files: Path, speed: float | None = None, clock: Clock | None = None) -> ReplayMarketData:
    return ReplayMarketData(
        files,
        exchange="binance",
        speed=speed,
        clock=clock or SystemClock(),
        market=ManualMarketClock(),
        meters=Meters(),
    )


async def replayed(replay: ReplayMarketData, channels: frozenset[Channel] = ALL) -> list[FeedEvent]:
    async with replay.stream(await replay.instruments(()), channels) as stream:
        return [event async for received in stream for event in received.events]


async def test_the_real_recording_has_every_trade_once_and_its_book_equals_the_best_prices() -> None:
    golden = json.loads(recorded("golden/golden.json").read_text())
    market = ManualMarketClock()
    file = recorded("ws_binance_hftbacktest/spot_btcusdt_20240808.gz")
    replay = ReplayMarketData(
        (file,), exchange="binance", speed=None, clock=SystemClock(), market=market, meters=Meters()
    )
    (instrument,) = await replay.instruments(())
    assert (instrument.symbol, instrument.price_step, instrument.quantity_step) == ("BTC/USDT", 0.01, 0.00001)
    events = await replayed(replay)
    trades = [event for event in events if isinstance(event, Trade)]
    wanted = golden["candles"][0]
    assert [trade.seq for trade in trades] == list(range(wanted["first_trade_id"], wanted["last_trade_id"] + 1))
    assert all(trade.provenance is Provenance.REPLAYED for trade in trades)
    assert market.now() >= trades[-1].ts_event
    books = {event.sequence: event for event in events if isinstance(event, OrderBook)}
    tickers = {event.sequence: event for event in events if isinstance(event, Ticker)}
    same = books.keys() & tickers.keys()
    book = golden["book"]["spot_btcusdt_20240808"]
    assert len(same) == book["bookticker_same_update_id"]
    for sequence in same:
        shown, best = books[sequence], tickers[sequence]
        assert shown.bids[0] == Level(best.bid, best.bid_quantity)
        assert shown.asks[0] == Level(best.ask, best.ask_quantity)
    assert len(books) == book["depth_events_applied"]
    assert max(books) == book["final_update_id"]
    assert not [event for event in events if isinstance(event, FrameRejected)]


async def test_damaged_lines_are_set_aside_and_the_rest_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "damaged.txt"
    lines = [a_line(1), "no time here", a_line(2)[:90], "", a_line(3, price="nan"), "\x1b[2J\x00\xff", a_line(4)]
    file.write_text("\n".join(lines))
    events = await replayed(a_replay(file))
    assert [event.seq for event in events if isinstance(event, Trade)] == [1, 4]
    rejected = [event for event in events if isinstance(event, FrameRejected)]
    assert [event.reason.partition(":")[0] for event in rejected] == [
        f"damaged.txt line {number}" for number in (2, 3, 4, 5, 6)
    ]
    assert all("\x1b" not in event.frame for event in rejected)


async def test_a_recording_that_breaks_off_is_replayed_up_to_there_and_says_so(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.gz", tmp_path / "broken.gz"
    packed = gzip.compress("\n".join(a_line(number) for number in range(3000)).encode())
    broken.write_bytes(packed[:-2000])
    whole.write_bytes(gzip.compress(a_line(9000).encode()))
    events = await replayed(a_replay(broken, whole))
    seqs = [event.seq for event in events if isinstance(event, Trade)]
    assert 100 < len(seqs) < 3000
    assert seqs[:-1] == list(range(len(seqs) - 1))
    assert seqs[-1] == 9000
    assert "cannot be read on" in [event for event in events if isinstance(event, FrameRejected)][-1].reason


async def test_it_takes_its_own_time_divided_by_the_speed(tmp_path: Path) -> None:
    class CountingClock(SystemClock):
        def __init__(self) -> None:
            self.now = 0.0

        def monotonic(self) -> float:
            return self.now

        async def sleep(self, delay_s: float) -> None:
            self.now += delay_s

    file = tmp_path / "paced.txt"
    file.write_text("\n".join(a_line(number, after_ms=number * 1000) for number in range(11)))
    for speed, wanted_s in ((1.0, 10.0), (4.0, 2.5), (None, 0.0)):
        clock = CountingClock()
        await replayed(a_replay(file, speed=speed, clock=clock))
        assert clock.now == pytest.approx(wanted_s)


async def test_several_instruments_are_found_and_some_may_be_chosen(tmp_path: Path) -> None:
    file = tmp_path / "several.txt"
    file.write_text("\n".join([a_line(1), a_line(2, symbol="ETHBTC", price="0.05123"), a_line(3, symbol="ODD")]))
    replay = a_replay(file)
    instruments = await replay.instruments(())
    assert [(i.symbol, i.price_step, i.quantity_step) for i in instruments] == [
        ("BTC/USDT", 0.1, 0.01),
        ("ETH/BTC", 0.00001, 0.01),
    ]
    (ether,) = await replay.instruments(["ETH/BTC"])
    async with replay.stream((ether,), frozenset({Channel.TRADE})) as stream:
        events = [event async for received in stream for event in received.events]
    assert [type(event) for event in events] == [FeedConnected, Trade]
    with pytest.raises(UnknownName, match="did you mean 'ETH/BTC'"):
        await replay.instruments(["ETH/BTV"])


@pytest.mark.parametrize("name", ["frames.gz", "frames.txt"])
async def test_what_is_recorded_is_replayed(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    async with RecordingWriter(file, SystemClock()) as writer:
        for number in range(100):
            received, _, frame = a_line(number).partition(" ")
            writer.tap(int(received), frame.encode().replace(b"{", b"{\n", 1), 1)
        await eventually(lambda: file.stat().st_size > 0)
        received, _, frame = a_line(100).partition(" ")
        writer.tap(int(received), frame.encode(), 1)
    assert writer.frames == 101
    assert file.stat().st_mode & 0o777 == 0o600
    events = await replayed(a_replay(file))
    assert [event.seq for event in events if isinstance(event, Trade)] == list(range(101))


async def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "precious.gz"
    file.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        async with RecordingWriter(file, SystemClock()):
            pass
    assert file.read_bytes() == b"precious"
