"""What each route answers, and what it passes on."""

import pytest
from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, AlertKind, Severity
from alphaplus_tui.domain.coverage import Cover, CoverageRow
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import MINUTE_NS
from alphaplus_tui.session.commands import (
    CancelTraining,
    Command,
    PinModel,
    PromoteModel,
    RestartService,
    RollBackModel,
    Train,
)
from alphaplus_tui.state.slices import GapRow
from tests.fakes.demo_rows import MARKET, NOW
from tests.fakes.opinion_rows import CHALLENGER, CHAMPION
from tests.unit.api.serving import healthy, served

BTC, DOGE = InstrumentId("demo:BTC/USDT"), InstrumentId("demo:DOGE/USDT")


async def test_a_ticker_says_how_old_it_is_and_how_its_streams_are() -> None:
    session = healthy()
    session.store.prices.put(BTC, structs.replace(session.store.prices[BTC], ts_recv=NOW, ts_event=NOW))
    async with served(session) as client:
        (row,) = await client.items("/api/v1/tickers?symbol=BTC/USDT")
    assert (row["exchange"], row["symbol"], row["last"]) == ("demo", "BTC/USDT", 64210.5)
    assert (row["age_s"], row["state"], row["ts"]) == (0.25, "LIVE", "2026-09-21T14:13:20.431Z")


@pytest.mark.parametrize("path", ["tickers", "services", "coverage", "models"])
async def test_lists_of_what_is_in_memory_come_page_by_page_in_order(path: str) -> None:
    async with served(healthy()) as client:
        whole = await client.items(f"/api/v1/{path}?limit=1000")
        pages = await client.all_pages(f"/api/v1/{path}?limit=3")
    assert [row for page in pages for row in page] == whole
    assert all(len(page) == 3 for page in pages[:-1])
    assert len(whole) >= 4


@pytest.mark.parametrize("path", ["predictions", "decisions", "signals"])
async def test_lists_of_what_is_stored_come_page_by_page_the_newest_first_also_of_one_time(path: str) -> None:
    async with served(healthy()) as client:
        whole = await client.items(f"/api/v1/{path}?limit=1000")
        pages = await client.all_pages(f"/api/v1/{path}?limit=7")
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in whole]
    assert len({row["id"] for row in whole}) == len(whole) > 12


async def test_opinions_are_found_by_symbol_gate_and_time() -> None:
    async with served(healthy()) as client:
        of_one = await client.items("/api/v1/decisions?symbol=BTC/USDT&limit=1000")
        held = await client.items("/api/v1/decisions?symbol=BTC/USDT&gate=expected%20value&limit=1000")
        late = await client.items(f"/api/v1/decisions?symbol=BTC/USDT&since={of_one[5]['decided_at']}")
    assert {row["symbol"] for row in of_one} == {"BTC/USDT"}
    assert {row["gate"] for row in held} == {"expected value"}
    assert 0 < len(held) < len(of_one)
    assert [row["id"] for row in late] == [row["id"] for row in of_one[:6]]


async def test_the_newest_trades_come_oldest_first_and_lead_on_to_what_follows() -> None:
    session = healthy()
    async with served(session) as client:
        found = await client.ask("/api/v1/trades?symbol=BTC/USDT&limit=5")
        assert [row["seq"] for row in found.json["items"]] == [8996, 8997, 8998, 8999, 9000]
        after = await client.ask(f"/api/v1/trades?symbol=BTC/USDT&after={found.json['next']}")
    assert after.json["items"] == []
    asked = session.asked[-1]
    assert (getattr(asked, "after_seq", None), getattr(asked, "start", 0)) == (9000, (NOW - 120_000_000))


async def test_stored_trades_come_page_by_page_and_none_is_lost_between_those_of_one_moment() -> None:
    session, (first, *_) = healthy(), healthy().store.tapes[BTC].trades
    seqs = [1, 2, 3, 3, 3, 3, 4, 5, 5]
    session.trades = tuple(
        structs.replace(first, trade_id=str(n), seq=seq, ts_event=1_789_000_000_000_000_000 + seq * 1_000_000)
        for n, seq in enumerate(seqs)
    )
    async with served(session) as client:
        pages = await client.all_pages("/api/v1/trades?symbol=BTC/USDT&since=2026-01-01&limit=3")
    assert [row["trade_id"] for page in pages for row in page] == [str(n) for n in range(len(seqs))]
    assert [len(page) for page in pages] == [6, 3]


async def test_candles_lead_from_the_time_asked_for_to_now() -> None:
    since = NOW // MINUTE_NS * MINUTE_NS - 10 * MINUTE_NS
    async with served(healthy()) as client:
        whole = await client.items("/api/v1/candles?symbol=BTC/USDT&limit=10")
        pages = await client.all_pages(f"/api/v1/candles?symbol=BTC/USDT&limit=4&since={whole[0]['open_time']}")
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [row["open_time"] for page in pages for row in page] == [row["open_time"] for row in whole]
    assert whole[0]["open_time"] == "2026-09-21T14:03:00Z"
    assert since == 1_789_999_380_000_000_000


async def test_an_order_book_has_as_many_levels_as_wanted_and_is_missed_politely() -> None:
    session = healthy()
    session.store.books.drop(DOGE)
    async with served(session) as client:
        found = await client.ask("/api/v1/orderbook?symbol=BTC/USDT&limit=3")
        missing = await client.ask("/api/v1/orderbook?symbol=DOGE/USDT")
    assert (len(found.json["bids"]), len(found.json["asks"])) == (3, 3)
    assert found.json["bids"][0]["price"] < found.json["asks"][0]["price"]
    assert (missing.status, missing.json["detail"]) == (404, "no order book of DOGE/USDT has come yet")


async def test_coverage_tells_what_is_missing_and_why() -> None:
    session = healthy()
    session.store.gaps.put((BTC, 10), GapRow(BTC, 10, 19, 7, "the exchange has no history so far back", NOW))
    async with served(session) as client:
        (row,) = await client.items("/api/v1/coverage?symbol=BTC/USDT")
    assert row["missing"] == 7
    assert row["gaps"] == [
        {
            "first_seq": 10,
            "last_seq": 19,
            "missing": 7,
            "reason": "the exchange has no history so far back",
            "noticed_at": "2026-09-21T14:13:20.431Z",
        }
    ]


async def test_the_map_of_what_is_stored_comes_page_by_page_with_the_reasons_of_gaps() -> None:
    session = healthy()
    stretches = tuple(
        CoverageRow(BTC, "", cover, NOW + n * MINUTE_NS, NOW + (n + 1) * MINUTE_NS, n, n, n, reason)
        for n, (cover, reason) in enumerate(
            [(Cover.IMPORTED, ""), (Cover.GAP, "not served so far back"), (Cover.LIVE, "")]
        )
    )
    session.coverage_rows = stretches
    async with served(session) as client:
        pages = await client.all_pages("/api/v1/coverage/map?symbol=BTC/USDT&limit=2")
    assert [[row["cover"] for row in page] for page in pages] == [["imported", "gap"], ["live"]]
    assert (pages[0][1]["reason"], pages[0][1]["missing"]) == ("not served so far back", 1)
    assert pages[0][0]["end"] == pages[0][1]["start"] == "2026-09-21T14:14:20.431Z"


async def test_alerts_are_listed_the_newest_first() -> None:
    session = healthy()
    session.alerts = tuple(
        Alert(str(n), "stale", AlertKind.FEED_STALE, Severity.WARNING, BTC, BTC, "Feed stale", "for 48 s", NOW - n)
        for n in range(5)
    )
    async with served(session) as client:
        found = await client.items("/api/v1/alerts?limit=3")
        assert not await client.items("/api/v1/alerts?symbol=ETH/USDT")
    assert [row["id"] for row in found] == ["0", "1", "2"]
    assert (found[0]["symbol"], found[0]["kind"], found[0]["severity"]) == ("BTC/USDT", "feed_stale", "warning")


@pytest.mark.parametrize(
    ("method", "path", "status", "command"),
    [
        ("POST", "services/backfill/restart", 202, RestartService("backfill")),
        ("POST", f"models/{CHALLENGER}/promote", 200, PromoteModel(CHALLENGER)),
        ("POST", f"models/{CHAMPION}/pin", 200, PinModel(CHAMPION)),
        ("POST", "models/rollback", 200, RollBackModel()),
        ("POST", "training", 202, Train()),
        ("DELETE", "training/t-0922", 202, CancelTraining()),
    ],
)
async def test_a_wish_is_passed_on_or_refused_with_its_reason(
    method: str, path: str, status: int, command: Command
) -> None:
    session = healthy()
    async with served(session) as client:
        taken = await client.ask(f"/api/v1/{path}", method=method)
        assert (taken.status, taken.json) == (status, {"accepted": True})
        assert session.sent == [command]
        session.refuse = "not while a training runs"
        refused = await client.ask(f"/api/v1/{path}", method=method)
        assert (refused.status, refused.json["detail"]) == (409, "not while a training runs")


async def test_a_training_of_what_is_not_known_is_the_fault_of_who_asks() -> None:
    session = healthy()
    session.refuse, session.unknown = "unknown symbol 'NOPE'; known: BTC/USDT", True
    async with served(session) as client:
        refused = await client.ask("/api/v1/training", method="POST", json={"symbols": ["NOPE"]})
    assert (refused.status, refused.kind) == (422, "application/problem+json")
    assert refused.json["detail"] == "unknown symbol 'NOPE'; known: BTC/USDT"


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", "/api/v1/tickers?symbl=BTC/USDT", "symbl: there is no such parameter; did you mean 'symbol'?"),
        ("GET", "/api/v1/trades?symbol=BTC/USDT&limit=1&from=2", "from: there is no such parameter; known: symbol, "),
        ("GET", "/api/v1/signals?limit=1&limit=2", "limit: stands there more than once"),
        ("GET", "/api/v1/training?id=1", "id: there is no such parameter; known: none"),
        ("POST", "/api/v1/training?symbol=BTC/USDT", "symbol: there is no such parameter; known: none"),
        ("POST", "/api/v1/services/backfill/restart?now=1", "now: there is no such parameter"),
        ("GET", "/livez?verbose", "verbose: there is no such parameter"),
        ("GET", "/api/v1/orders?symbol=BTC/USDT", "symbol: there is no such parameter"),
    ],
)
async def test_a_parameter_that_is_not_known_is_refused_with_those_that_are(
    method: str, path: str, detail: str
) -> None:
    session = healthy()
    async with served(session) as client:
        found = await client.ask(path, method=method)
    assert (found.status, found.kind) == (422, "application/problem+json")
    assert found.json["detail"].startswith(detail)
    assert not session.sent


async def test_a_training_is_wished_for_in_detail() -> None:
    session = healthy()
    wish = {"symbols": ["BTC/USDT"], "timeframe": "5m", "engines": ["xgboost"]}
    async with served(session) as client:
        assert (await client.ask("/api/v1/training", method="POST", json=wish)).status == 202
        wrong = await client.ask("/api/v1/training", method="POST", json={"symbol": "BTC/USDT"})
    assert session.sent == [Train(("BTC/USDT",), "5m", ("xgboost",))]
    assert (wrong.status, wrong.kind) == (422, "application/problem+json")
    assert "symbol" in wrong.json["detail"]


async def test_a_body_that_is_no_json_is_told_from_one_that_asks_wrongly() -> None:
    async with served(healthy()) as client:
        broken = await client.ask("/api/v1/training", method="POST", body=b"{symbols", content_type="application/json")
    assert (broken.status, broken.kind) == (422, "application/problem+json")
    assert broken.json["detail"].startswith("the body is no valid JSON: ")


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "candles?symbol=BTC/USDX", 404, "did you mean 'BTC/USDT'?"),
        ("GET", "candles?symbol=BTC/USDT&timeframe=7m", 422, "unknown timeframe '7m'"),
        ("GET", "candles", 422, "symbol"),
        ("GET", "tickers?limit=1001", 422, "limit"),
        ("GET", "trades?symbol=BTC/USDT&after=yesterday", 422, "'yesterday' is no `next` of another page"),
        ("GET", "decisions?since=soon", 422, "since"),
        ("POST", "services/ingestoin/restart", 404, "unknown service"),
        ("POST", "models/nobody/promote", 404, "unknown model 'nobody'"),
        ("DELETE", "training/other", 404, "no training 'other' runs"),
        ("GET", "portfolio", 404, "no account is kept"),
        ("GET", "orders", 404, "no account is kept"),
        ("GET", "fills", 404, "no account is kept"),
        ("GET", "nothing", 404, "no such path: /api/v1/nothing; /openapi.json lists all"),
        ("PUT", "tickers", 405, "/api/v1/tickers takes no PUT"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem_that_says_why(
    method: str, path: str, status: int, said: str
) -> None:
    async with served(healthy()) as client:
        found = await client.ask(f"/api/v1/{path}", method=method)
    assert (found.status, found.kind) == (status, "application/problem+json")
    assert found.json["status"] == status
    assert said in found.json["detail"]


async def test_a_database_that_is_away_is_said_to_be_and_worth_another_try() -> None:
    session = healthy()
    session.store_away = "no answer within 2 s"
    async with served(session) as client:
        found = await client.ask("/api/v1/decisions")
    assert (found.status, found.headers["retry-after"]) == (503, "1")
    assert found.json["detail"] == "no answer within 2 s"


async def test_every_instrument_of_the_market_is_there() -> None:
    async with served(healthy()) as client:
        assert len(await client.items("/api/v1/tickers")) == len(MARKET)
