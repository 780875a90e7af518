"""Every file of the recorded market data goes into a store, and comes to what its makers and the answers say."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from alphaplus_tui.domain.candles import CandleBuilder
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.resampling import resampled
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import UsageError
from alphaplus_tui.files.guess import Wish
from alphaplus_tui.runtime.importing import ImportedFile, ImportWish, import_history, total
from tests.fakes.store import FakeStore
from tests.support import DATA, recorded

_BTC = InstrumentId("imported:BTC/USDT")


class Heard:
    """What a listener was told."""

    def __init__(self) -> None:
        self.guesses: list[str] = []
        self.rows: list[tuple[int, float]] = []
        self.files: list[ImportedFile] = []

    def guessed(self, file: str, guess: str) -> None:
        self.guesses.append(f"{file}: {guess}")

    def progress(self, file: str, rows: int, share: float) -> None:
        self.rows.append((rows, share))

    def done(self, file: ImportedFile) -> None:
        self.files.append(file)


async def imported(
    store: FakeStore, *paths: Path, heard: Heard | None = None, files: Wish | None = None, exchange: str = "imported"
) -> tuple[ImportedFile, ...]:
    return await import_history(store, store, ImportWish(paths, exchange, files or Wish()), heard or Heard())


def _manifest() -> list[dict[str, Any]]:
    manifest = DATA / "manifest.json"
    return json.loads(manifest.read_text()) if manifest.exists() else []


def _in(*sets: str) -> list[Any]:
    return [pytest.param(e, id=e["file"]) for e in _manifest() if e["set"].startswith(sets)] or [
        pytest.param({}, marks=pytest.mark.skip(reason=f"no recorded market data at {DATA}: set ALPHAPLUS_TEST_DATA"))
    ]


@pytest.mark.parametrize("entry", _in("ohlcv_"))
async def test_candles_of_every_file_come_to_what_the_manifest_says(entry: dict[str, Any]) -> None:
    store, check = FakeStore(), entry["check"]
    (done,) = await imported(store, recorded(entry["file"]))
    if "funding_rate" in entry["file"]:
        assert (done.rows, done.trouble) == (0, "holds funding rates, not candles or trades")
        return
    assert (done.rows, done.new, done.rejected, done.trouble) == (check["rows"], check["rows"], {}, "")
    assert done.missing == check.get("missing_candles", done.missing)
    assert done.holes == check.get("gaps", done.holes)
    candles = store.stored_candles.values()
    assert all(candle.provenance is Provenance.IMPORTED for candle in candles)
    if isinstance(check.get("zero_vol"), int):
        assert sum(candle.volume == 0 for candle in candles) == check["zero_vol"]
    (again,) = await imported(store, recorded(entry["file"]))
    assert again.new == (0 if "_quote" not in entry["file"] else again.rows), "safe to repeat"
    assert len(store.stored_candles) == check["rows"]


@pytest.mark.parametrize("entry", _in("stream_csv", "ws_binance"))
async def test_trades_of_every_file_are_all_there_once(entry: dict[str, Any]) -> None:
    store = FakeStore()
    (done,) = await imported(store, recorded(entry["file"]))
    if "depth" in entry["file"]:
        assert done.trouble == "holds changes of an order book, not candles or trades"
        return
    expected = 9_757 if "btcusdt" in entry["file"] else entry["check"]["rows"]
    assert (done.kind, done.rows, done.new, done.holes) == ("trades", expected, expected, 0)
    (again,) = await imported(store, recorded(entry["file"]))
    assert (again.rows, again.new, len(store.stored_trades)) == (expected, 0, expected)


@pytest.mark.parametrize("entry", _in("ws_cryptofeed", "payloads", "news"))
async def test_what_is_no_history_is_named_and_skipped(entry: dict[str, Any]) -> None:
    (done,) = await imported(FakeStore(), recorded(entry["file"]))
    assert done.rows == 0
    assert "another program" in done.trouble or "headlines" in done.trouble


async def test_the_trades_of_a_recording_add_up_to_the_exchanges_own_candle() -> None:
    golden = json.loads(recorded("golden/golden.json").read_text())["candles"][0]
    store = FakeStore()
    await imported(store, recorded("ws_binance_hftbacktest/spot_btcusdt_20240808.gz"))
    builder = CandleBuilder(_BTC, [Timeframe("5m")])
    closed: list[Candle] = []
    for trade in sorted(store.stored_trades.values(), key=lambda trade: trade.seq):
        closed += builder.add(trade).closed
    closed += builder.advance(1_723_161_660 * 10**9).closed
    wanted = golden["candles_5m"][0]
    candle = next(one for one in closed if one.open_time == wanted["open_time"] * 1_000_000)
    assert (candle.open, candle.high, candle.low, candle.close, candle.trades) == (
        *(float(wanted[name]) for name in ("open", "high", "low", "close")),
        wanted["trades"],
    )
    assert candle.volume == pytest.approx(float(wanted["volume"]), abs=1e-9)


def _candles(store: FakeStore, timeframe: str) -> dict[int, Candle]:
    return {
        opened: candle
        for (whose, length, opened), candle in store.stored_candles.items()
        if (whose, length) == (_BTC, timeframe)
    }


def _prices(candle: Candle) -> tuple[float, ...]:
    return candle.open, candle.high, candle.low, candle.close


@pytest.mark.parametrize(
    ("one", "other", "timeframe", "equal"),
    [
        ("ohlcv_binance_spot_long/BTC_USDT-1h.feather", "ohlcv_binance_spot_2024/BTC_USDT-1h.feather", "1h", 2_679),
        ("ohlcv_binance_spot_1m_dec2024/BTCUSDT_15m.csv.gz", "ohlcv_binance_spot_2024/BTC_USDT-15m.feather", "15m",
         23_923),
    ],
)  # fmt: skip
async def test_two_independent_makers_agree_candle_by_candle(one: str, other: str, timeframe: str, equal: int) -> None:
    stores = FakeStore(), FakeStore()
    for store, path in zip(stores, (one, other), strict=True):
        await imported(store, recorded(path))
    ours, theirs = (_candles(store, timeframe) for store in stores)
    both = ours.keys() & theirs.keys()
    assert len(both) == equal
    assert all(_prices(ours[opened]) == _prices(theirs[opened]) for opened in both)


@pytest.mark.parametrize("target", ["15m", "1h", "4h", "1d"])
@pytest.mark.parametrize("base", ["ETH", "SOL"])
async def test_five_minutes_make_the_longer_candles_of_the_same_exchange(base: str, target: str) -> None:
    store = FakeStore()
    folder = recorded("ohlcv_binance_spot_2024")
    await imported(store, folder / f"{base}_USDT-5m.feather", folder / f"{base}_USDT-{target}.feather")
    by_timeframe: dict[str, list[Candle]] = {}
    for (_, timeframe, _), candle in sorted(store.stored_candles.items()):
        by_timeframe.setdefault(timeframe, []).append(candle)
    theirs = {candle.open_time: candle for candle in by_timeframe[target]}
    made = list(resampled(by_timeframe["5m"], Timeframe(target)))
    assert len(made) >= len(theirs) - 1
    for candle in made:
        other = theirs[candle.open_time]
        assert _prices(candle) == _prices(other)
        assert candle.volume == pytest.approx(other.volume, rel=1e-6)


def _klines(opened: Iterable[int]) -> str:
    return "".join(f"{ms},1,2,0.5,1.5,10,{ms + 59_999},15,3,4,6,0\n" for ms in opened)


async def test_a_file_that_cannot_be_used_stops_no_other_and_says_its_name_once(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m-2024-01.csv").write_text(_klines(range(1_704_067_200_000, 1_704_067_800_000, 60_000)))
    (tmp_path / "what.csv").write_text("a,b\n1,2\n")
    heard = Heard()
    good, bad = await imported(FakeStore(), tmp_path, heard=heard)
    assert (good.rows, good.trouble) == (10, "")
    assert "what.csv" not in bad.trouble
    assert not bad.asked_for
    assert total([good]) == {"files": 1, "rows": 10, "new": 10, "holes": 0, "missing": 0, "rejected": 0}
    assert heard.guesses == [
        (
            "BTCUSDT-1m-2024-01.csv: binance-klines · times in ms, UTC · columns open_time open high low close volume "
            "close_time quote_volume count taker_buy_volume taker_buy_quote_volume ignore (no header) · BTC/USDT · 1m"
        )
    ]
    assert heard.rows[-1] == (10, 1.0)


async def test_numbers_of_another_space_are_kept_out(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-aggTrades-2024-01.csv").write_text("1,2,3,4,5,1741046401271,True,True\n")
    (done,) = await imported(FakeStore(), tmp_path, exchange="binance")
    assert done.trouble == "of binance, its trades are numbered singly; import the dump of trades"
    (done,) = await imported(FakeStore(), tmp_path, exchange="binanceusdm")
    assert (done.rows, done.instrument) == (1, "binanceusdm:BTC/USDT")


async def test_two_venues_are_never_mixed_under_one_name_and_it_is_said_whose_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m-2024-01.csv").write_text(_klines(range(1_704_067_200_000, 1_704_067_800_000, 60_000)))
    rows = "".join(f"{s},3,4,2,3,1,1\n" for s in range(1_704_067_200, 1_704_067_800, 60))
    (tmp_path / "BTCUSDT_1.csv").write_text(rows)
    (tmp_path / "ETHUSDT_1m.csv").write_text("date,open,high,low,close,volume\n0,1,2,0.5,1,3\n60,1,2,0.5,1,3\n")
    (tmp_path / "SOLUSDT-aggTrades-2024-01.csv").write_text("1,2,3,4,5,1741046401271,True,True\n")
    wish, heard, store = ImportWish((tmp_path,), usual="here", known=("binance", "kraken")), Heard(), FakeStore()
    done = await import_history(store, store, wish, heard)
    assert [(one.instrument, one.trouble) for one in done] == [
        ("binance:BTC/USDT", ""),
        ("kraken:BTC/USDT", ""),
        ("here:ETH/USDT", ""),
        ("here:SOL/USDT", ""),
    ]
    assert [said.rpartition(" · ")[2] for said in heard.guesses] == ["of binance", "of kraken", "1m", "SOL/USDT"]
    (asked, *_) = await imported(FakeStore(), tmp_path, exchange="mine")
    assert asked.instrument == "mine:BTC/USDT", "what is said counts before any guess"


async def test_an_instrument_whose_ids_are_no_numbers_is_known_for_it(tmp_path: Path) -> None:
    (tmp_path / "BTC_USDT-trades.csv").write_text("id,ts,price,size,side\nab-1,1741046401,1,2,buy\n")
    (tmp_path / "ETH_USDT-trades.csv").write_text("id,ts,price,size,side\n1,1741046401,1,2,buy\n")
    store = FakeStore()
    await imported(store, tmp_path)
    assert [store.known[InstrumentId(f"imported:{base}/USDT")].numbered for base in ("BTC", "ETH")] == [False, True]


async def test_a_symbol_that_nothing_says_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("date,open,high,low,close,volume\n0,1,2,0.5,1,3\n60,1,2,0.5,1,3\n")
    (done,) = await imported(FakeStore(), tmp_path / "x.csv")
    assert "--symbol BTC/USDT" in done.trouble
    (done,) = await imported(FakeStore(), tmp_path / "x.csv", files=Wish(symbol="kraken:BTC/USD"))
    assert (done.instrument, done.timeframe) == ("kraken:BTC/USD", "1m")


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (ImportWish((Path("nowhere"),), "imported"), "no such file"),
        (ImportWish((), "a:b"), "no name of an exchange"),
        (ImportWish((), "imported", Wish(symbol="BTC")), "write BTC/USDT"),
        (ImportWish((), "imported"), "no history"),
    ],
)
async def test_wishes_that_cannot_be_granted_are_wrong_usage(wish: ImportWish, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await import_history(FakeStore(), FakeStore(), wish, Heard())


async def test_candles_of_trades_take_the_place_of_those_made_of_quotes() -> None:
    store = FakeStore()
    quotes, trades = (
        recorded(f"ohlcv_lean/crypto_coinbase_minute_btcusd_20171217_{kind}.zip") for kind in ("quote", "trade")
    )
    for files in ((quotes, trades), (quotes,)):
        await imported(store, *files)
        assert len(store.stored_candles) == 1_440
        assert all(candle.complete and candle.volume > 0 for candle in store.stored_candles.values())


async def test_real_prices_never_become_the_demo_markets(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m-2024-01.csv").write_text(_klines(range(1_704_067_200_000, 1_704_067_800_000, 60_000)))
    (done,) = await imported(FakeStore(), tmp_path, exchange="demo")
    assert (done.rows, "recorded or exported of the demo market" in done.trouble) == (0, True)
    row = "demo,BTC/USDT,1m,2024-01-01T00:00:00Z,1,2,0.5,1,3\n"
    (tmp_path / "out.csv").write_text(f"exchange,symbol,timeframe,open_time,open,high,low,close,volume\n{row}")
    (done,) = await imported(FakeStore(), tmp_path / "out.csv", exchange="demo")
    assert (done.instrument, done.trouble) == ("demo:BTC/USDT", "")
