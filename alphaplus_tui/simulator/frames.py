"""Writes what happened as the JSON of the exchange's streams."""

from dataclasses import dataclass

from alphaplus_tui.simulator.book import Best, Changes, Levels
from alphaplus_tui.simulator.candles import SimCandle, end_of
from alphaplus_tui.simulator.instruments import Instrument
from alphaplus_tui.simulator.market import TakerOrder


@dataclass(frozen=True, slots=True)
class LastDay:
    """The statistics of the 24 hours until ``now_ms``."""

    candle: SimCandle
    before: int
    """The price before them, in ticks."""
    last_lots: int
    """Quantity of the last trade."""
    now_ms: int


def trades(order: TakerOrder, now_ms: int) -> list[bytes]:
    """The ``trade`` payload of each of an order's trades."""
    instrument, price = order.instrument, order.instrument.price(order.price)
    maker = "false" if order.bought else "true"
    head = f'{{"e":"trade","E":{now_ms},"s":"{instrument.symbol}","t":'
    tail = f'","T":{order.time_ms},"m":{maker},"M":true}}'
    return [
        f'{head}{order.first_trade_id + place},"p":"{price}","q":"{instrument.quantity(lots)}{tail}'.encode()
        for place, lots in enumerate(order.lots)
    ]


def aggregate_trade(order: TakerOrder, now_ms: int) -> bytes:
    instrument = order.instrument
    return (
        f'{{"e":"aggTrade","E":{now_ms},"s":"{instrument.symbol}","a":{order.order_id},'
        f'"p":"{instrument.price(order.price)}","q":"{instrument.quantity(sum(order.lots))}",'
        f'"f":{order.first_trade_id},"l":{order.first_trade_id + len(order.lots) - 1},"T":{order.time_ms},'
        f'"m":{"false" if order.bought else "true"},"M":true}}'
    ).encode()


def book_ticker(instrument: Instrument, best: Best, update_id: int) -> bytes:
    return (
        f'{{"u":{update_id},"s":"{instrument.symbol}","b":"{instrument.price(best.bid)}",'
        f'"B":"{instrument.quantity(best.bid_lots)}","a":"{instrument.price(best.ask)}",'
        f'"A":"{instrument.quantity(best.ask_lots)}"}}'
    ).encode()


def levels(instrument: Instrument, rows: Levels) -> str:
    return ",".join(f'["{instrument.price(price)}","{instrument.quantity(lots)}"]' for price, lots in rows)


def depth_update(instrument: Instrument, changes: Changes, now_ms: int) -> bytes:
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"s":"{instrument.symbol}","U":{changes.first_id},'
        f'"u":{changes.last_id},"b":[{levels(instrument, changes.bids)}],"a":[{levels(instrument, changes.asks)}]}}'
    ).encode()


def depth(instrument: Instrument, update_id: int, bids: Levels, asks: Levels) -> bytes:
    """A snapshot, of the REST answer and of the ``depth<N>`` streams alike."""
    return (
        f'{{"lastUpdateId":{update_id},"bids":[{levels(instrument, bids)}],"asks":[{levels(instrument, asks)}]}}'
    ).encode()


def kline(instrument: Instrument, interval: str, candle: SimCandle, *, now_ms: int, closed: bool) -> bytes:
    price, quantity, value = instrument.price, instrument.quantity, instrument.value
    first = candle.first_trade_id if candle.trades else -1
    last = candle.first_trade_id + candle.trades - 1 if candle.trades else -1
    return (
        f'{{"e":"kline","E":{now_ms},"s":"{instrument.symbol}","k":{{"t":{candle.start_ms},'
        f'"T":{end_of(interval, candle.start_ms) - 1},"s":"{instrument.symbol}","i":"{interval}",'
        f'"f":{first},"L":{last},"o":"{price(candle.open)}","c":"{price(candle.close)}",'
        f'"h":"{price(candle.high)}","l":"{price(candle.low)}","v":"{quantity(candle.volume)}","n":{candle.trades},'
        f'"x":{"true" if closed else "false"},"q":"{value(candle.value)}","V":"{quantity(candle.buy_volume)}",'
        f'"Q":"{value(candle.buy_value)}","B":"0"}}}}'
    ).encode()


def mini_ticker(instrument: Instrument, last_day: LastDay) -> bytes:
    day, price = last_day.candle, instrument.price
    return (
        f'{{"e":"24hrMiniTicker","E":{last_day.now_ms},"s":"{instrument.symbol}","c":"{price(day.close)}",'
        f'"o":"{price(day.open)}","h":"{price(day.high)}","l":"{price(day.low)}",'
        f'"v":"{instrument.quantity(day.volume)}","q":"{instrument.value(day.value)}"}}'
    ).encode()


def ticker(instrument: Instrument, last_day: LastDay, best: Best) -> bytes:
    day, now_ms = last_day.candle, last_day.now_ms
    price, quantity = instrument.price, instrument.quantity
    change, percent = change_of(instrument, day)
    return (
        f'{{"e":"24hrTicker","E":{now_ms},"s":"{instrument.symbol}","p":"{change}","P":"{percent}",'
        f'"w":"{average_of(instrument, day)}","x":"{price(last_day.before)}","c":"{price(day.close)}",'
        f'"Q":"{quantity(last_day.last_lots)}","b":"{price(best.bid)}","B":"{quantity(best.bid_lots)}",'
        f'"a":"{price(best.ask)}","A":"{quantity(best.ask_lots)}","o":"{price(day.open)}","h":"{price(day.high)}",'
        f'"l":"{price(day.low)}","v":"{quantity(day.volume)}","q":"{instrument.value(day.value)}",'
        f'"O":{day.start_ms},"C":{now_ms},"F":{day.first_trade_id},'
        f'"L":{day.first_trade_id + day.trades - 1},"n":{day.trades}}}'
    ).encode()


def change_of(instrument: Instrument, day: SimCandle) -> tuple[str, str]:
    """Price change and percent over a candle, as the exchange writes them."""
    return instrument.price(day.close - day.open), f"{(day.close / day.open - 1) * 100:.3f}"


def average_of(instrument: Instrument, day: SimCandle) -> str:
    """Average price weighted by volume."""
    ticks = day.value / day.volume if day.volume else float(day.close)
    return f"{ticks / 10**instrument.price_decimals:.8f}"
