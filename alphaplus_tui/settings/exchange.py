"""Where market data comes from, and which."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.errors import suggestion
from alphaplus_tui.settings.addresses import is_loopback
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas

DEMO = "demo"
"""The exchange id of the demo market."""

Channel = Literal["trade", "ticker", "book", "statistics", "candle"]

_SYMBOL = re.compile(
    r"(?:[a-z][a-z0-9_]*:)?"  # another exchange
    r"[A-Za-z0-9.\-$]{1,24}/[A-Za-z0-9.\-$]{1,24}"
    r"(?::[A-Za-z0-9.\-$]{1,40})?"  # what a contract settles in
)
_USUAL = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
_USUAL_PERPETUALS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")


def _check_symbol(symbol: str) -> str:
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(
            "a symbol is written BTC/USDT, a perpetual BTC/USDT:USDT, one of another exchange kraken:BTC/USD"
        )
    return symbol


def split_symbol(symbol: str) -> tuple[str, str]:
    """``kraken:BTC/USD`` is (``kraken``, ``BTC/USD``); the exchange is empty where none is said."""
    before, slash, after = symbol.partition("/")
    exchange, _, base = before.rpartition(":")
    return exchange, base + slash + after


def _check_timeframe(name: str) -> Timeframe:
    if name not in TIMEFRAMES:
        known = f"; {suggestion(name, TIMEFRAMES)}"
        raise ValueError(f"a timeframe is one of {', '.join(TIMEFRAMES)}{known if 'mean' in known else ''}")
    return Timeframe(name)


def _check_url(url: str, secure: str, plain: str) -> str:
    if not url:
        return url
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"must be {secure}://host[:port] ({error})") from None
    if not host or parts.scheme not in {secure, plain}:
        raise ValueError(f"must be {secure}://host[:port], or {plain}:// on this machine")
    if parts.scheme == plain and not is_loopback(host):
        raise ValueError(f"plain {plain}:// goes only to this machine (127.0.0.1); use {secure}://")
    if parts.username or parts.password:
        raise ValueError("must hold no user name and no password")
    return url


Symbol = Annotated[str, AfterValidator(_check_symbol)]
RestUrl = Annotated[str, AfterValidator(lambda url: _check_url(url, "https", "http"))]
WsUrl = Annotated[str, AfterValidator(lambda url: _check_url(url, "wss", "ws"))]
ExchangeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class ExchangeOverride(Section):
    """What one further exchange has in its own way."""

    rest_url: RestUrl = ""
    ws_url: WsUrl = ""


class ExchangeSettings(Section):
    """Where market data comes from, and which."""

    id: ExchangeName = DEMO
    """``demo``, or a ccxt id such as ``binance`` or ``kraken``."""
    symbols: Annotated[tuple[Symbol, ...], Field(max_length=2000), split_commas, AfterValidator(refuse_twins)] = ()
    """``BTC/USDT``, or ``kraken:BTC/USD`` on another exchange; empty is all of the demo market, elsewhere the usual."""
    timeframes: Annotated[
        tuple[Annotated[Timeframe, AfterValidator(_check_timeframe)], ...],
        Field(min_length=1),
        split_commas,
        AfterValidator(refuse_twins),
    ] = (Timeframe("1m"), Timeframe("5m"))
    """Candles that are built and stored."""
    rest_url: RestUrl = ""
    """Replaces scheme, host and port of the exchange's REST address; the paths stay its own."""
    ws_url: WsUrl = ""
    """Replaces scheme, host and port of the exchange's streams; the paths stay its own."""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1), split_commas, AfterValidator(refuse_twins)] = (
        "trade",
        "ticker",
        "book",
        "statistics",
        "candle",
    )
    """What is subscribed to; ``candle`` is the exchange's own candles, which ours are held against."""
    history_candles: Annotated[int, Field(ge=0, le=100_000)] = 500
    """Candles fetched at the start, per instrument and timeframe."""
    backfill_max_trades: Annotated[int, Field(ge=0, le=100_000_000)] = 500_000
    """Missing trades fetched at the start, per instrument; more than that becomes a recorded gap."""
    overrides: dict[ExchangeName, ExchangeOverride] = Field(default_factory=dict)
    """What further exchanges have in their own way, by name."""

    @model_validator(mode="before")
    @classmethod
    def _usual_symbols(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        given = dict(cast("Mapping[str, object]", data))
        exchange = given.get("id", DEMO)
        if exchange != DEMO and not given.get("symbols"):
            given["symbols"] = _USUAL_PERPETUALS if exchange == "binanceusdm" else _USUAL
        return given

    @field_validator("symbols", mode="after")
    @classmethod
    def _without_its_own_name(cls, symbols: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        own = f"{info.data.get('id', DEMO)}:"
        return refuse_twins(tuple(symbol.removeprefix(own) for symbol in symbols))

    def followed(self) -> dict[str, tuple[str, ...]]:
        """The symbols of each exchange, without its name before them; none at all stands for all that it has.

        The exchange that ``id`` names comes first, where something of it is followed.
        """
        if not self.symbols:
            return {self.id: ()}
        found: dict[str, list[str]] = {self.id: []}
        for exchange, symbol in self.watchlist():
            found.setdefault(exchange, []).append(symbol)
        return {exchange: tuple(symbols) for exchange, symbols in found.items() if symbols}

    def watchlist(self) -> tuple[tuple[str, str], ...]:
        """Exchange and symbol of each, in the order that the user wrote."""
        return tuple((exchange or self.id, bare) for exchange, bare in map(split_symbol, self.symbols))

    def endpoints(self, exchange: str) -> tuple[str, str]:
        """The REST and stream addresses that stand in for those of ``exchange``; empty where its own hold."""
        if exchange == self.id:
            return self.rest_url, self.ws_url
        override = self.overrides.get(exchange, ExchangeOverride())
        return override.rest_url, override.ws_url


class DemoSettings(Section):
    """The demo market."""

    symbols: Annotated[int, Field(ge=1, le=500)] = 12
    """How many instruments it has."""
    rate: Annotated[float, Field(gt=0, le=20_000)] = 40.0
    """Trades per second, over all instruments."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    """The same seed gives the same market."""
