"""Whose prices a file holds is told by its format, its name or its folders, or not at all."""

from pathlib import Path

import pytest

from alphaplus_tui.files.guess import Wish, guess
from alphaplus_tui.files.origin import exchange_of_file
from tests.unit.files.test_guess import KLINES, file

KNOWN = ("binance", "binanceusdm", "binancecoinm", "coinbase", "kraken", "bitstamp")
ROWS = "1704067200,1,2,0.5,1.5,10\n1704067260,1,2,0.5,1.5,10\n"
TABLE = "date,open,high,low,close,volume\n" + ROWS
CDD = (
    "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC\n"
    "1704067200,2024-01-01 00:00:00,BTC/USD,1,2,0.5,1.5,10\n"
)
KRAKEN = "1704067200,1,2,0.5,1.5,10,4\n1704067260,1,2,0.5,1.5,10,4\n"


@pytest.mark.parametrize(
    ("name", "text", "exchange"),
    [
        ("BTCUSDT-1m-2024-01.csv", KLINES, "binance"),
        ("futures/um/monthly/BTCUSDT-1m-2024-01.csv", KLINES, "binanceusdm"),
        ("futures/cm/monthly/BTCUSD-1m-2024-01.csv", KLINES, "binancecoinm"),
        ("kraken/BTCUSDT-1m-2024-01.csv", KLINES, "binance"),
        ("XBTUSD_60.csv", KRAKEN, "kraken"),
        ("Coinbase_BTCUSD_1h.csv", CDD, "coinbase"),
        ("Bitstamp_BTCUSD_1h.csv", CDD, "bitstamp"),
        ("Gdax_BTCUSD_1h.csv", CDD, ""),
        ("binance/BTC_USDT-5m.csv", TABLE, "binance"),
        ("binance/futures/BTC_USDT_USDT-5m-futures.csv", TABLE, "binanceusdm"),
        ("crypto/coinbase/minute/btcusd/20240101_btcusd_minute_trade.zip", "0,1,2,0.5,1.5,10\n", "coinbase"),
        ("ohlcv_binance_spot_2024/BTC_USDT-5m.csv", TABLE, ""),
        ("kraken/binance/BTC_USDT-5m.csv", TABLE, ""),
        ("kraken/a/b/c/d/BTC_USDT-5m.csv", TABLE, ""),
        ("BTCUSDT_1m.csv", TABLE, ""),
        ("binance/recorded", '1704067200000000000 {"e":"trade"}\n', ""),
    ],
)
def test_a_file_is_of_the_exchange_that_it_names(tmp_path: Path, name: str, text: str, exchange: str) -> None:
    source = file(tmp_path, name, text)
    assert exchange_of_file(source, guess(source, Wish()), KNOWN) == exchange


def test_an_exchange_that_nobody_knows_is_not_told(tmp_path: Path) -> None:
    source = file(tmp_path, "XBTUSD_60.csv", KRAKEN)
    assert exchange_of_file(source, guess(source, Wish()), ("binance",)) == ""
