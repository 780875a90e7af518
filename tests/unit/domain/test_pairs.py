"""Base and quote of names that do not part them."""

import pytest

from alphaplus_tui.domain.pairs import split_pair, unified_symbol


def test_symbols_are_split_at_the_longest_known_quote() -> None:
    assert split_pair("BTCUSDT") == ("BTC", "USDT")
    assert split_pair("ETHBTC") == ("ETH", "BTC")
    assert split_pair("BTCFDUSD") == ("BTC", "FDUSD")
    assert split_pair("BTCUSD") == ("BTC", "USD")
    assert split_pair("USDT") is None
    assert split_pair("ABCXYZ") is None


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("btcusdt", "BTC/USDT"), ("BTC/USD", "BTC/USD"), ("BTC-EUR", "BTC/EUR"), ("XBTUSD", "BTC/USD"),
     ("XXBTZUSD", "BTC/USD"), ("XDGUSD", "DOGE/USD"), ("what", ""), ("/USD", "")],
)  # fmt: skip
def test_names_of_files_and_columns_become_symbols(name: str, symbol: str) -> None:
    assert unified_symbol(name) == symbol
