"""The services that judge, between candles that tests close and models that tests know."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from alphaplus_tui.domain.analysis import Contribution, Decision, Explanation, Headline, Outcome, Role, Signal
from alphaplus_tui.domain.events import (
    CandleClosed,
    DecisionMade,
    HeadlineSeen,
    HistoryLoaded,
    InstrumentsKnown,
    ModelsChanged,
    OutcomeKnown,
    RecordingEnded,
    SignalMade,
    TickerChanged,
)
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Ticker
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.models.shelf import RegistryShelf
from alphaplus_tui.ports.model import ModelServer
from alphaplus_tui.services.inference import InferenceService
from alphaplus_tui.services.model_watch import ModelWatchService
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.services.outcomes import OutcomeService
from alphaplus_tui.services.projection import ProjectionService
from alphaplus_tui.services.reasons import ReasonService
from alphaplus_tui.services.rows.models import ModelRows
from alphaplus_tui.services.scoreboard import Scoreboard
from alphaplus_tui.services.signals import SignalService
from alphaplus_tui.settings.learning import SignalSettings
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.fakes.artefacts import FIVE_MINUTES, LENGTH_NS, START_NS, a_registry, some_candles
from tests.fakes.market_data import an_instrument
from tests.fakes.model import FakeExplainer, FakeModelServer
from tests.fakes.store import FakeStore
from tests.support import eventually

BTC, ETH = an_instrument("BTC/USDT"), an_instrument("ETH/USDT")
HISTORY = 620


class Judges:
    """Candles are numbered from the beginning of their history; ``HISTORY`` is the first that closes live."""

    def __init__(
        self,
        folder: Path,
        server: ModelServer | None = None,
        *,
        instruments: Sequence[Instrument] = (BTC, ETH),
        recorded: bool = False,
        candles: int = HISTORY + 60,
        store: FakeStore | None = None,
        preview_every_s: float | None = None,
        **settings: float,
    ) -> None:
        self.server = server or FakeModelServer()
        self.instruments, self.recorded = tuple(instruments), recorded
        self.registry, self.store = a_registry(folder), store or FakeStore()
        self.state, self.meters, self.market = StateStore(), Meters(), ManualMarketClock(START_NS)
        self.clock = SystemClock()
        self.bus = Bus(clock=self.clock)
        self.moods = Moods(self.bus)
        self.candles: dict[str, list[Candle]] = {
            instrument.symbol: some_candles(instrument.id, candles, seed=seed)
            for seed, instrument in enumerate(instruments)
        }
        self.decisions: list[Decision] = []
        self.signals: list[Signal] = []
        self.outcomes: list[Outcome] = []
        self.bus.on(DecisionMade, lambda event: self.decisions.append(event.decision))
        self.bus.on(SignalMade, lambda event: self.signals.append(event.signal))
        self.bus.on(OutcomeKnown, lambda event: self.outcomes.append(event.outcome))
        self.projection = ProjectionService(self.state, self.bus, (FIVE_MINUTES,), clock=self.clock, market=self.market)
        shelf, rows = RegistryShelf(folder, self.market.now), ModelRows(self.state)
        self.signal_service = SignalService(
            self.store,
            self.bus,
            SignalSettings.model_validate(settings),
            FIVE_MINUTES,
            state=self.state,
            recorded=recorded,
            market=self.market,
            meters=self.meters,
        )
        self.inference = InferenceService(
            self.server,
            shelf,
            self.store,
            self.bus,
            FIVE_MINUTES,
            state=self.state,
            moods=self.moods,
            rows=rows,
            deadline_s=None if recorded else 5.0,
            preview_every_s=preview_every_s,
            market=self.market,
            meters=self.meters,
        )
        self.watch = ModelWatchService(
            shelf,
            self.server,
            self.store,
            self.bus,
            FIVE_MINUTES,
            windows=self.inference.windows,
            anchors=self.inference.anchor,
            scoreboard=Scoreboard(self.state),
            rows=rows,
            market=self.market,
        )
        self.outcome_service = OutcomeService(
            self.store,
            self.bus,
            FIVE_MINUTES,
            scorers=(self.watch.scored,),
            fees_bps=10.0,
            recorded=recorded,
            market=self.market,
        )
        self.explainer = FakeExplainer(Explanation("treeshap", 0.1, 0.6, (Contribution("rsi_14", 0.2, 0.5),)))
        reasons = ReasonService(self.explainer, shelf, self.bus)
        services = (reasons, self.projection, self.signal_service, self.outcome_service, self.watch, self.inference)
        for service in services:
            service.after = tuple(name for name in service.after if name != "persistence")
        self.manager = ServiceManager(services, clock=self.clock, on_change=self.bus.publish)

    def history(self) -> None:
        """What was before the first candle that closes live, as the exchange tells it."""
        self.bus.publish(InstrumentsKnown(self.instruments))
        self.market.advance_to(START_NS + HISTORY * LENGTH_NS)
        for instrument in self.instruments:
            past = tuple(self.candles[instrument.symbol][:HISTORY])
            self.bus.publish(HistoryLoaded(past, stored=False))

    def close(self, number: int, *instruments: Instrument) -> None:
        """A candle closes now; of all instruments when none is given."""
        self.market.advance_to(START_NS + (number + 1) * LENGTH_NS + 1)
        for instrument in instruments or self.instruments:
            candle = self.candles[instrument.symbol][number]
            self.ticker(instrument, candle.close)
            self.bus.publish(CandleClosed(candle))

    def ticker(self, instrument: Instrument, price: float, spread: float = 0.01) -> None:
        now = self.market.now()
        self.bus.publish(
            TickerChanged(Ticker(instrument.id, price - spread / 2, 1, price + spread / 2, 1, 1, now, now))
        )

    def seen(self, at: int, score: float) -> None:
        """A headline becomes known."""
        headline = Headline(f"{at}", "Example", "It happened", "", at, at, score, ())
        self.bus.publish(HeadlineSeen(headline))

    def end(self) -> None:
        self.bus.publish(RecordingEnded(self.instruments[0].exchange, self.market.now()))

    def models_changed(self) -> None:
        self.bus.publish(ModelsChanged("by the test", self.market.now()))

    def judged(self, number: int, role: Role = Role.CHAMPION) -> list[Decision]:
        """The decisions on one candle."""
        opens = START_NS + number * LENGTH_NS
        return [d for d in self.decisions if d.prediction.open_time == opens and d.role is role]

    async def serving(self, champion: str, challenger: str = "") -> None:
        def is_serving() -> bool:
            row = self.state.inference.get(ONLY)
            return row is not None and row.running and (row.champion, row.challenger) == (champion, challenger)

        await eventually(is_serving, within_s=30)


@asynccontextmanager
async def judging(judges: Judges) -> AsyncGenerator[Judges]:
    await judges.manager.start()
    try:
        yield judges
    finally:
        await judges.manager.stop()
        await asyncio.sleep(0)
