"""A connection's own loop: what it does when the exchange cuts, refuses, falls silent or talks nonsense."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, OrderBook, Ticker, Trade
from alphaplus_tui.exchanges.binance import BinanceMarketData
from alphaplus_tui.exchanges.shared.talk import Patience
from tests.integration.exchanges.listening import BTC, QUICK, an_adapter, listening
from tests.integration.exchanges.local_venue import LocalVenue, Page, local_venue, now_ms, trade_frame
from tests.support import eventually

ETH = Instrument("binance", "ETH/USDT", "ETHUSDT", "ETH", "USDT", 0.01, 0.00001)
CALM = structs.replace(QUICK, patience=Patience())


def an_adapter_of(venue: LocalVenue, folder: Path, **options: object) -> BinanceMarketData:
    return an_adapter(f"http://{venue.url}", f"ws://{venue.url}", folder, **options)


async def test_a_trade_is_told_with_all_it_says(tmp_path: Path) -> None:
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
        await eventually(lambda: heard.of(FeedConnected))
        await venue.trade(17, price="61837.63000000")
        await eventually(lambda: heard.of(Trade))
        trade = heard.of(Trade)[0]
        assert (trade.instrument, trade.trade_id, trade.seq) == ("binance:BTC/USDT", "17", 17)
        assert (trade.price, trade.quantity, trade.side) == (61837.63, 0.5, "sell")
        assert abs(trade.ts_recv - time.time_ns()) < 60 * 10**9
        assert isinstance(heard.events[0], FeedConnected)
        assert heard.events[0].instruments == ("binance:BTC/USDT",)


async def test_a_cut_connection_is_back_and_the_outage_told_once(tmp_path: Path) -> None:
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
        await eventually(lambda: heard.of(FeedConnected))
        await venue.trade(1)
        await eventually(lambda: heard.seqs() == [1])
        venue.cut()
        await eventually(lambda: len(heard.of(FeedConnected)) == 2 and venue.clients)
        await venue.trade(2)
        await eventually(lambda: heard.seqs() == [1, 2])
        assert [type(event) for event in heard.events] == [FeedConnected, Trade, FeedLost, FeedConnected, Trade]


async def test_while_the_exchange_is_away_the_outage_is_told_once_and_dialling_goes_on(tmp_path: Path) -> None:
    async with local_venue() as venue:
        port = venue.port
        adapter = an_adapter_of(venue, tmp_path, habits=CALM)
    async with listening(adapter) as heard:
        await eventually(lambda: heard.of(FeedLost))
        assert "cannot connect" in heard.of(FeedLost)[0].reason
        async with local_venue(port) as venue:
            await eventually(lambda: heard.of(FeedConnected))
            assert len(heard.of(FeedLost)) == 1


async def test_maintenance_is_told_apart_from_a_lost_connection(tmp_path: Path) -> None:
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
        await eventually(lambda: venue.clients)
        venue.handshake_status = 503
        venue.cut()
        await eventually(lambda: venue.dialled > 4)
        reasons = [event.reason for event in heard.of(FeedLost)]
        assert len(reasons) == 2
        assert "maintenance" in reasons[1]
        venue.handshake_status = None
        await eventually(lambda: len(heard.of(FeedConnected)) == 2)


async def test_a_ban_is_waited_for(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.handshake_status, venue.headers = 418, {"Retry-After": "3600"}
        async with listening(an_adapter_of(venue, tmp_path)) as heard:
            await eventually(lambda: heard.of(FeedLost))
            assert "banned for 3600 s" in heard.of(FeedLost)[0].reason
            await asyncio.sleep(0.3)  # six times the longest ordinary wait
            assert venue.dialled == 1


async def test_a_refused_subscription_is_tried_three_times_and_then_rarely(tmp_path: Path) -> None:
    habits = structs.replace(CALM, refused_wait_s=3600.0)
    async with local_venue() as venue:
        venue.subscribe_error = {"code": 2, "msg": "Invalid request: \x1b[31mno"}
        async with listening(an_adapter_of(venue, tmp_path, habits=habits)) as heard:
            await eventually(lambda: venue.dialled == 3)
            await asyncio.sleep(0.3)  # six times the longest ordinary wait
            assert venue.dialled == 3
            assert [event.reason for event in heard.of(FeedLost)] == [
                "subscription refused: Invalid request:  [31mno (code 2)"
            ]


async def test_a_subscription_that_is_never_answered_is_given_up(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.silent_subscribe = True
        async with listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
            await eventually(lambda: venue.dialled == 2)
            assert "no answer to the subscription" in heard.of(FeedLost)[0].reason
            assert not heard.of(FeedConnected)


async def test_a_mute_connection_is_dropped_when_rest_knows_newer_trades(tmp_path: Path) -> None:
    async with local_venue() as venue:
        newest = iter(range(100, 10_000))
        venue.rest["/api/v3/ticker/24hr"] = lambda: {"lastId": next(newest)}
        async with listening(an_adapter_of(venue, tmp_path)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            await venue.trade(99)
            await eventually(lambda: heard.of(FeedLost))
            assert "silent" in heard.of(FeedLost)[0].reason
            await eventually(lambda: len(heard.of(FeedConnected)) == 2)


async def test_a_truly_quiet_connection_is_left_alone(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/ticker/24hr"] = {"lastId": 99}
        async with listening(an_adapter_of(venue, tmp_path)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            await venue.trade(99)
            await eventually(lambda: len(venue.asked) >= 2)
            assert venue.dialled == 1
            assert not heard.of(FeedLost)


async def test_a_connection_that_talked_much_and_falls_quiet_is_asked_about_before_it_is_given_up(
    tmp_path: Path,
) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/ticker/24hr"] = {"lastId": 140}
        async with listening(an_adapter_of(venue, tmp_path)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            for number in range(1, 141):
                await venue.trade(number)
                await asyncio.sleep(0.015)  # for longer than it takes to be known as talkative
            await eventually(lambda: len(venue.asked) >= 4)
            assert not heard.of(FeedLost)
            assert venue.dialled == 1


async def test_a_connection_that_talked_much_is_given_up_when_nobody_can_say_that_it_is_quiet(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/ticker/24hr"] = Page(503, "maintenance")
        async with listening(an_adapter_of(venue, tmp_path)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            for number in range(1, 141):
                await venue.trade(number)
                await asyncio.sleep(0.015)
            await eventually(lambda: heard.of(FeedLost))
            assert "silent" in heard.of(FeedLost)[0].reason


async def talk_on(venue: LocalVenue) -> None:
    number = 0
    while True:
        number += 1
        await venue.trade(number, symbol="BTCUSDT")
        await asyncio.sleep(0.01)


async def test_one_mute_symbol_is_subscribed_to_anew_while_the_others_go_on(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/ticker/24hr"] = {"lastId": 50}
        async with listening(an_adapter_of(venue, tmp_path), (BTC, ETH)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            await venue.trade(49, symbol="ETHUSDT")
            talking = asyncio.create_task(talk_on(venue))
            await eventually(lambda: len(venue.requests) >= 3)
            talking.cancel()
            asked = [(request["method"], request["params"]) for request in venue.requests[1:3]]
            assert asked == [("UNSUBSCRIBE", ["ethusdt@trade"]), ("SUBSCRIBE", ["ethusdt@trade"])]
            assert venue.dialled == 1


async def test_one_quiet_symbol_among_others_is_left_alone(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/ticker/24hr"] = {"lastId": 49}
        async with listening(an_adapter_of(venue, tmp_path), (BTC, ETH)) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            await venue.trade(49, symbol="ETHUSDT")
            talking = asyncio.create_task(talk_on(venue))
            await eventually(lambda: len(venue.asked) >= 2)
            talking.cancel()
            assert len(venue.requests) == 1
            assert venue.dialled == 1


async def test_poison_is_kept_aside_and_the_connection_stays(tmp_path: Path) -> None:
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
        await eventually(lambda: venue.clients)
        poison = [
            '{"stream":"btcusdt@trade","data":{"e":"trade","p"',
            '{"stream":"btcusdt@trade","data":null}',
            '{"stream":"ethusdt@trade","data":{}}',
            "<html>\x1b]0;owned\x07</html>",
            "[1,2,3]",
            "",
            json.dumps(trade_frame(2, price="NaN")),
            '{"stream":"btcusdt@trade","data":"' + "x" * 5 * 2**20 + '"}',
        ]
        await venue.say(*poison)
        await venue.trade(3)
        await eventually(lambda: heard.seqs() == [3])
        rejected = heard.of(FrameRejected)
        assert len(rejected) == len(poison)
        assert all(event.reason and len(event.frame) <= 400 for event in rejected)
        assert "\x1b" not in "".join(event.frame + event.reason for event in rejected)
        assert venue.dialled == 1


async def test_a_server_that_hangs_up_during_the_greeting_is_a_lost_connection(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"127.0.0.1:{port}"
    async with server, listening(an_adapter(f"http://{url}", f"ws://{url}", tmp_path)) as heard:
        await eventually(lambda: heard.of(FeedLost))
        assert heard.of(FeedLost)[0].reason.startswith(("the connection broke off", "cannot connect"))


async def test_a_frame_in_pieces_is_one_frame(tmp_path: Path) -> None:
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=CALM)) as heard:
        await eventually(lambda: venue.clients)
        text = json.dumps(trade_frame(5), separators=(",", ":")).encode()
        transport = venue.transports[venue.clients[0]]
        for position, (opcode, part) in enumerate(((0x01, text[:20]), (0x00, text[20:60]), (0x80, text[60:]))):
            first = opcode if position < 2 else 0x80
            length = bytes([len(part)]) if len(part) < 126 else bytes([126]) + len(part).to_bytes(2, "big")
            transport.write(bytes([first]) + length + part)
        await eventually(lambda: heard.seqs() == [5])


def a_snapshot(last: int) -> dict[str, Any]:
    return {"lastUpdateId": last, "bids": [["99.0", "1.0"]], "asks": [["101.0", "1.0"]]}


async def test_a_book_begins_as_soon_as_a_fitting_snapshot_can_be_had(tmp_path: Path) -> None:
    answers = iter([Page(200, "<html>"), Page(503, ""), {"lastUpdateId": "x"}, a_snapshot(5), a_snapshot(20)])
    change = {"e": "depthUpdate", "E": now_ms(), "s": "BTCUSDT", "U": 11, "u": 21, "b": [["100.0", "2.0"]], "a": []}
    async with local_venue() as venue:
        venue.rest["/api/v3/depth"] = lambda: next(answers)
        adapter = an_adapter_of(venue, tmp_path, habits=CALM)
        async with listening(adapter, channels=frozenset({Channel.BOOK})) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            await venue.say({"stream": "btcusdt@depth@100ms", "data": change})
            await eventually(lambda: heard.of(OrderBook) and heard.of(OrderBook)[-1].sequence == 21)
            book = heard.of(OrderBook)[-1]
            assert [level.price for level in book.bids] == [100.0, 99.0]
            assert not heard.of(FeedLost)


async def test_an_old_connection_is_replaced_before_it_is_closed(tmp_path: Path) -> None:
    habits = structs.replace(CALM, renew_after_s=0.2, patience=Patience(look_every_s=0.02))
    async with local_venue() as venue, listening(an_adapter_of(venue, tmp_path, habits=habits)) as heard:
        number = 0
        while venue.dialled < 3:
            number += 1
            await venue.trade(number)
            await asyncio.sleep(0.01)
        await eventually(lambda: number in heard.seqs())
        assert not heard.of(FeedLost)
        first = min(heard.seqs())
        assert set(heard.seqs()) == set(range(first, number + 1))


async def test_many_instruments_are_spread_over_connections(tmp_path: Path) -> None:
    instruments = [Instrument("binance", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.01) for n in range(600)]
    channels = frozenset({Channel.TRADE, Channel.TICKER})
    adapter_habits = structs.replace(CALM, requests_per_s=1000.0)
    async with local_venue() as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=adapter_habits)
        async with listening(adapter, instruments, channels) as heard:
            await eventually(lambda: len(heard.of(FeedConnected)) == 2)
            streams = [stream for request in venue.requests for stream in request["params"]]
            assert len(streams) == len(set(streams)) == 1200
            assert max(len(request["params"]) for request in venue.requests) <= 200
            assert sum(len(event.instruments) for event in heard.of(FeedConnected)) == 600


async def test_a_slow_reader_holds_the_exchange_back_and_loses_nothing(tmp_path: Path) -> None:
    async with local_venue() as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=CALM)
        async with adapter.stream((BTC,), frozenset({Channel.TRADE})) as stream:
            await eventually(lambda: venue.clients)
            count = 60_000
            sending = asyncio.create_task(venue.say(*(trade_frame(number) for number in range(count))))
            await asyncio.sleep(0.3)
            seqs: list[int] = []
            async for received in stream:
                seqs += [event.seq for event in received.events if isinstance(event, Trade)]
                if len(seqs) % 256 == 0:
                    await asyncio.sleep(0)
                if len(seqs) == count:
                    break
            await sending
            assert seqs == list(range(count))
        await adapter.close()


async def test_far_behind_best_prices_are_spared_and_trades_are_not(tmp_path: Path) -> None:
    async with local_venue() as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=CALM)
        async with adapter.stream((BTC,), frozenset({Channel.TRADE, Channel.TICKER})) as stream:
            await eventually(lambda: venue.clients)
            count = 6_000
            prices = {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
            ticker = {"stream": "btcusdt@bookTicker", "data": prices}
            sending = asyncio.create_task(
                venue.say(*(frame for number in range(count) for frame in (trade_frame(number), ticker)))
            )
            await asyncio.wait({sending}, timeout=20)  # nobody reads meanwhile
            seqs: list[int] = []
            tickers = 0
            async for received in stream:
                for event in received.events:
                    if isinstance(event, Trade):
                        seqs.append(event.seq)
                    tickers += isinstance(event, Ticker)
                if len(seqs) == count:
                    break
                if len(seqs) % 256 == 0:
                    await asyncio.sleep(0)
            await sending
            assert seqs == list(range(count))
            assert 0 < tickers < count
        await adapter.close()


async def test_closing_takes_less_than_a_second(tmp_path: Path) -> None:
    async with local_venue() as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=CALM)
        async with listening(adapter):
            await eventually(lambda: venue.clients)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 5.0
        await eventually(lambda: not venue.clients)
