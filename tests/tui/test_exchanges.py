"""What the console says of exchanges: why one does not answer, and which is meant where there are several."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.state.slices import ExchangeRow, FeedRow, FeedState, InstrumentRow, Mode, PriceRow, SystemRow
from alphaplus_tui.state.view import ONLY
from tests.fakes.demo_rows import NOW, name_of
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import SIZES, console, markets, open_services, picture, shown, until_painted

REFUSED = "cannot connect to api.binance.com: refused\x1b[2J"


def starting(state: ExchangeState, reason: str) -> FakeSession:
    """A console at its first start on a real exchange that does not answer."""
    session = FakeSession(seeded=False)
    session.store.system.put(ONLY, SystemRow(Mode.LIVE, "0.1.0", "binance", NOW, 1.0, NOW, 0.0))
    session.store.exchanges.put("binance", ExchangeRow("binance", state, reason, NOW, 0, None))
    return session


def two_exchanges() -> FakeSession:
    session = FakeSession()
    other = Instrument("kraken", "BTC/USD", "XBTUSD", "BTC", "USD", 0.1, 0.01)
    session.store.instruments.put(other.id, InstrumentRow(other, 12))
    session.store.prices.put(other.id, PriceRow(other.id, last=64_000.0))
    session.store.feeds.put(
        other.id, FeedRow(other.id, FeedState.STALE, "nothing came for a while", NOW - 9_000_000_000)
    )
    for name, offset_ms in (("demo", 1.5), ("kraken", -12.25)):
        session.store.exchanges.put(name, ExchangeRow(name, ExchangeState.FOLLOWED, "", NOW - 60 * 10**9, 6, offset_ms))
    return session


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_start_says_why_the_exchange_does_not_answer(tmp_path: Path, size: tuple[int, int]) -> None:
    app = console(tmp_path, starting(ExchangeState.AWAY, REFUSED))
    async with shown(app, size) as pilot:
        await until_painted(pilot)
        await eventually(lambda: "binance AWAY: cannot connect" in picture(app)[0])
        assert any("binance does not answer" in line for line in picture(app)[1:])
        assert "\x1b" not in "".join(picture(app))


async def test_what_trying_again_cannot_help_is_said_as_such(tmp_path: Path) -> None:
    session = starting(ExchangeState.FAILED, "unknown symbol on binance 'btc/usdt'; did you mean 'BTC/USDT'?")
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await eventually(lambda: "binance FAILED: unknown symbol" in picture(app)[0])
        assert any("did you mean 'BTC/USDT'" in line for line in picture(app)[1:])
        row = session.store.exchanges["binance"]
        session.store.exchanges.put("binance", structs.replace(row, state=ExchangeState.FOLLOWED, reason=""))
        await eventually(lambda: "FAILED" not in picture(app)[0])
        assert any("waiting for the market" in line for line in picture(app))


async def test_with_several_exchanges_each_symbol_says_which_is_meant(tmp_path: Path) -> None:
    app = console(tmp_path, two_exchanges())
    async with shown(app, (160, 40)) as pilot:
        await until_painted(pilot)
        await eventually(lambda: any("kraken" in line and "BTC/USD " in line for line in picture(app)))
        await eventually(lambda: any("demo:BTC/USDT · 1m" in line for line in picture(app)))
        assert "kraken:BTC/USD STALE" in picture(app)[0]
        await pilot.press("slash", *"kraken")
        await eventually(lambda: list(markets(app).watchlist.order) == ["kraken:BTC/USD"])


async def test_with_one_exchange_its_name_takes_no_room(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await eventually(lambda: any("BTC/USDT · 1m" in line for line in picture(app)))
        assert not any("demo:" in line or "Exchange" in line for line in picture(app))
        assert markets(app).watchlist.cursor == name_of("BTC")


async def test_the_services_screen_shows_each_exchange_and_its_clock(tmp_path: Path) -> None:
    app = console(tmp_path, two_exchanges())
    async with shown(app, (160, 40)) as pilot:
        await until_painted(pilot)
        await open_services(pilot)
        await eventually(lambda: any("kraken" in line and "6 symbols" in line for line in picture(app)))
        await eventually(lambda: any("clock of kraken" in line and "−12.2 ms" in line for line in picture(app)))
