"""What a store promises of decisions, signals and models, asked of the real database and of the fake alike."""

import math

from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, AlertKind, Delivery, DeliveryState, Severity
from alphaplus_tui.domain.analysis import (
    Contribution,
    Decision,
    Direction,
    EngineOpinion,
    Headline,
    Mood,
    Outcome,
    Prediction,
    Probabilities,
    Result,
    Role,
    Signal,
    TrainingRun,
)
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, SECOND_NS, Timeframe
from alphaplus_tui.ports.store import Batch, ModelRecord, Scored, ServiceEvent, Written
from tests.contracts.test_store_contract import BTC, ETH, FOREVER, NOON, Store, candle, store

__all__ = ["store"]

M5 = Timeframe("5m")
ODDS = Probabilities(0.2, 0.3, 0.5)


def prediction(n: int, *, of: Instrument = BTC, model: str = "m1", asked: bool = True) -> Prediction:
    """Of the candle that closes 5·n minutes after noon."""
    return Prediction(
        instrument=of.id,
        timeframe=M5,
        open_time=NOON + 5 * (n - 1) * MINUTE_NS,
        candle_revision=n,
        model=model,
        probabilities=ODDS if asked else None,
        engines=(EngineOpinion("lightgbm", Probabilities(0.1, 0.25, 0.65)),) if asked else (),
        features=(0.5, -1.25, 2.0**-100 if asked else math.nan),
        absent=() if asked else ("rsi",),
        out_of_range=("volume",),
        distance=0.0042,
        entry=61_828.01,
    )


def decision(
    n: int,
    *,
    of: Instrument = BTC,
    gate: str = "",
    role: Role = Role.CHAMPION,
    model: str = "m1",
    barriers: bool = True,
) -> Decision:
    made = prediction(n, of=of, model=model)
    return Decision(
        id=f"{of.base}-{model}-{n}",
        role=role,
        prediction=made,
        decided_at=NOON + 5 * n * MINUTE_NS + 12_345_678,
        direction=Direction.FLAT if gate else Direction.LONG,
        gate=gate,
        reason=f"stopped by {gate}" if gate else "",
        passed=("edge", "fresh"),
        lean=Direction.LONG,
        expected_value_bps=12.5,
        agreement=0.9,
        spread_bps=0.016,
        target=62_000.0 if barriers else None,
        stop=61_600.0 if barriers else None,
        expires_at=NOON + 5 * (n + 24) * MINUTE_NS,
    )


def signal(n: int, *, of: Instrument = BTC) -> Signal:
    made = decision(n, of=of)
    return Signal(
        id=made.id,
        instrument=of.id,
        timeframe=M5,
        model="m1",
        direction=Direction.LONG,
        probabilities=ODDS,
        expected_value_bps=12.5,
        entry=61_828.01,
        target=62_000.0,
        stop=61_600.0,
        made_at=made.decided_at,
        expires_at=made.expires_at,
        moved_by=(Contribution("rsi", 71.5, 0.25), Contribution("volume", -0.5, -0.125)),
    )


def outcome(n: int, *, of: Instrument = BTC, model: str = "m1") -> Outcome:
    return Outcome(
        f"{of.base}-{model}-{n}", Result.TARGET, NOON + (5 * n + 60) * MINUTE_NS, 62_000.0, 7.5, "up", brier=0.38
    )


def whole_us(row: Decision) -> Decision:
    return structs.replace(row, decided_at=row.decided_at // 1000 * 1000)


class TestDecisions:
    async def test_a_decision_comes_back_digit_for_digit(self, store: Store) -> None:
        sent = structs.replace(decision(1, gate="ev"), as_of=True, reason="expected \0 too little")
        assert await store.writer.write(Batch(decisions=(decision(2), sent))) == Written(
            {"decisions": 2}, {"decisions": 0}
        )
        found = await store.reader.decision(sent.id)
        assert found is not None
        assert structs.replace(found, reason=sent.reason) == whole_us(sent)
        assert await store.reader.decision("never made") is None

    async def test_absent_features_and_a_model_that_was_not_asked_come_back_as_such(self, store: Store) -> None:
        unasked = structs.replace(
            decision(1, gate="absent", barriers=False),
            prediction=prediction(1, asked=False),
            expected_value_bps=None,
            agreement=None,
        )
        await store.writer.write(Batch(decisions=(unasked,)))
        found = await store.reader.decision(unasked.id)
        assert found is not None
        assert found.prediction.probabilities is None
        assert math.isnan(found.prediction.features[2])
        assert (found.prediction.absent, found.target, found.expected_value_bps) == (("rsi",), None, None)

    async def test_the_first_word_on_a_candle_stands(self, store: Store) -> None:
        await store.writer.write(Batch(decisions=(decision(1, gate="ev"),)))
        again = await store.writer.write(Batch(decisions=(decision(1), decision(2), decision(2))))
        assert again == Written({"decisions": 1}, {"decisions": 2})
        found = await store.reader.decision(decision(1).id)
        assert found is not None
        assert found.gate == "ev"

    async def test_every_moment_has_the_champions_decision_on_the_candle_that_closed_last(self, store: Store) -> None:
        shadow = decision(2, role=Role.CHALLENGER, model="m2")
        await store.writer.write(Batch(decisions=(decision(1), decision(2, gate="ev"), shadow, decision(9, of=ETH))))

        async def at(ts: int) -> str | None:
            found = await store.reader.decision_at(BTC.id, ts)
            return None if found is None else found.id

        close = NOON + 10 * MINUTE_NS
        assert await at(close - 1) == "BTC-m1-1"
        assert await at(close) == "BTC-m1-2"
        assert await at(close + 5 * MINUTE_NS - 1) == "BTC-m1-2"
        assert await at(close + 5 * MINUTE_NS) is None
        assert await at(NOON) is None
        assert await store.reader.decision_at(InstrumentId("binance:NEW/USDT"), close) is None

    async def test_pages_are_newest_first_and_can_be_narrowed(self, store: Store) -> None:
        sent = (*(decision(n, gate="ev" if n % 2 else "") for n in range(6)), decision(3, of=ETH))
        await store.writer.write(Batch(decisions=sent))

        async def page(of: InstrumentId | None, limit: int = 100, before: int = FOREVER, gate: str = "") -> list[str]:
            found = await store.reader.decisions(of, before=before, limit=limit, gate=gate)
            return [row.id for row in found]

        assert await page(None, 3) == ["BTC-m1-5", "BTC-m1-4", "BTC-m1-3"]
        assert await page(None, 2, before=NOON + 20 * MINUTE_NS) == ["BTC-m1-3", "ETH-m1-3"]
        assert await page(BTC.id, gate="passed") == ["BTC-m1-4", "BTC-m1-2", "BTC-m1-0"]
        assert await page(ETH.id, gate="ev") == []
        history = structs.replace(decision(8), as_of=True)
        await store.writer.write(Batch(decisions=(history, decision(9, role=Role.CHALLENGER, model="m2"))))
        assert await page(BTC.id, 3) == ["BTC-m2-9", "BTC-m1-8", "BTC-m1-5"]
        assert await page(BTC.id, gate="passed") == ["BTC-m1-4", "BTC-m1-2", "BTC-m1-0"], "none of them is a signal"
        assert await page(InstrumentId("binance:NEW/USDT")) == []

    async def test_what_is_unresolved_is_found_again_after_a_start(self, store: Store) -> None:
        rows = (decision(1), decision(2), decision(3, barriers=False), decision(4, gate="ev"))
        await store.writer.write(Batch(decisions=rows, outcomes=(outcome(2),)))
        assert [row.id for row in await store.reader.unresolved(since=0, limit=10)] == ["BTC-m1-1", "BTC-m1-4"]
        later = await store.reader.unresolved(since=NOON + 6 * MINUTE_NS, limit=10)
        assert [row.id for row in later] == ["BTC-m1-4"]


class TestSignals:
    async def test_a_signal_comes_back_with_what_became_of_it(self, store: Store) -> None:
        await store.writer.write(Batch(signals=(signal(1), signal(2), signal(3, of=ETH)), outcomes=(outcome(1),)))
        newest, older, oldest = await store.reader.signals(None, before=FOREVER, limit=10)
        assert (newest[0].id, older, oldest[1]) == ("ETH-m1-3", (us(signal(2)), None), outcome(1))
        assert oldest[0] == us(signal(1))
        assert [row.id for row, _ in await store.reader.signals(BTC.id, before=older[0].made_at, limit=10)] == [
            "BTC-m1-1"
        ]
        assert await store.reader.outcome(signal(1).id) == outcome(1)
        assert await store.reader.outcome(signal(2).id) is None
        again = await store.writer.write(Batch(signals=(signal(1),), outcomes=(outcome(1), outcome(2))))
        assert again == Written({"signals": 0, "outcomes": 1}, {"signals": 1, "outcomes": 1})

    async def test_what_moved_a_signal_may_become_known_later_and_then_stands(self, store: Store) -> None:
        why = (Contribution("rsi_14", 71.5, 0.4), Contribution("mood_24", -0.25, -0.1))
        made = structs.replace(signal(1), moved_by=())
        await store.writer.write(Batch(signals=(made,)))
        explained = structs.replace(made, moved_by=why)
        assert (await store.writer.write(Batch(signals=(explained,)))).rows == {"signals": 0}
        await store.writer.write(Batch(signals=(structs.replace(made, moved_by=why[:1]), made)))
        ((found, _),) = await store.reader.signals(None, before=FOREVER, limit=10)
        assert found == us(explained)
        both = structs.replace(signal(2), moved_by=())
        await store.writer.write(Batch(signals=(both, structs.replace(both, moved_by=why))))
        assert (await store.reader.signals(None, before=FOREVER, limit=1))[0][0].moved_by == why

    async def test_the_scoreboard_is_made_of_resolved_decisions_of_both_roles(self, store: Store) -> None:
        shadow = decision(2, role=Role.CHALLENGER, model="m2")
        await store.writer.write(
            Batch(
                decisions=(decision(1), shadow, decision(3, gate="ev")), outcomes=(outcome(1), outcome(2, model="m2"))
            )
        )
        of_the_past = structs.replace(decision(0), as_of=True)
        await store.writer.write(Batch(decisions=(of_the_past,), outcomes=(outcome(0), outcome(3), outcome(77))))
        found = await store.reader.scored(since=0, limit=10)
        assert [(row.id, row.signal) for row in found] == [
            ("BTC-m1-3", False),
            ("BTC-m2-2", False),
            ("BTC-m1-1", True),
            ("BTC-m1-0", False),
        ]
        assert found[2] == Scored(
            "BTC-m1-1",
            Role.CHAMPION,
            "m1",
            BTC.id,
            Direction.LONG,
            signal=True,
            close_time=NOON + 5 * MINUTE_NS,
            probabilities=ODDS,
            outcome=outcome(1),
        )
        assert [row.id for row in await store.reader.scored(since=outcome(3).resolved_at, limit=10)] == ["BTC-m1-3"]

    async def test_old_decisions_go_and_signals_stay_with_their_outcomes(self, store: Store) -> None:
        day = DAY_NS // MINUTE_NS // 5
        rows = (decision(-100 * day), decision(-95 * day, gate="ev"), decision(-89 * day))
        outcomes = (outcome(-100 * day), outcome(-95 * day), outcome(-89 * day))
        await store.writer.write(Batch(decisions=rows, signals=(signal(-100 * day),), outcomes=outcomes))
        assert await store.writer.prune(NOON, trades_days=0, candles_days=0, decisions_days=90) == {"decisions": 2}
        assert [row.id for row in await store.reader.decisions(None, before=FOREVER, limit=9)] == [rows[2].id]
        assert [result for _, result in await store.reader.signals(None, before=FOREVER, limit=9)] == [outcomes[0]]
        again = await store.writer.write(Batch(outcomes=outcomes))
        assert again.rows == {"outcomes": 1}


class TestModels:
    async def test_the_mirror_of_a_model_follows_the_registry(self, store: Store) -> None:
        candidate = model("m1", added=1)
        champion = structs.replace(candidate, stage="champion", changed_at=NOON + DAY_NS, pinned=True)
        await store.writer.write(Batch(models=(candidate, model("m2", added=2))))
        assert await store.writer.write(Batch(models=(champion,))) == Written({"models": 1}, {"models": 0})
        assert await store.reader.models() == (model("m2", added=2), champion)

    async def test_a_training_run_is_written_when_it_begins_and_when_it_ends(self, store: Store) -> None:
        begun = TrainingRun("t1", "running", "user", "5m", ("binance:BTC/USDT",), ("lightgbm",), NOON)
        ended = structs.replace(begun, state="done", ended_at=NOON + SECOND_NS, model="m1", verdict="no edge found")
        later = structs.replace(begun, id="t2", started_at=NOON + DAY_NS)
        await store.writer.write(Batch(training_runs=(begun, later)))
        await store.writer.write(Batch(training_runs=(ended,)))
        assert await store.reader.training_runs(limit=5) == (later, ended)
        assert await store.reader.training_runs(limit=1) == (later,)

    async def test_a_headline_is_kept_once_as_it_was_seen_first(self, store: Store) -> None:
        first = Headline(
            "a", "feed", "Bitcoin \U0001f680 soars", "https://example.org/a", NOON, NOON + 5, 0.5, ("BTC",)
        )
        await store.writer.write(Batch(headlines=(structs.replace(first, seen_at=NOON), first)))
        await store.writer.write(Batch(headlines=(structs.replace(first, score=-1.0),)))
        assert await store.reader.headlines(since=NOON, limit=5) == (structs.replace(first, seen_at=NOON),)
        assert await store.reader.headlines(since=NOON + 1_000, limit=5) == ()

    async def test_the_mood_is_told_in_the_order_in_which_headlines_were_seen(self, store: Store) -> None:
        assert await store.reader.mood(since=0, until=FOREVER) is None
        a = Headline("a", "feed", "It rises", "", NOON - 9_000, NOON + 2_000, 0.5, ())
        b, c = (
            structs.replace(a, id="b", seen_at=NOON, score=-0.25),
            structs.replace(a, id="c", seen_at=NOON + 5_000, score=1.0),
        )
        await store.writer.write(Batch(headlines=(a, b, c)))
        assert await store.reader.mood(since=NOON, until=NOON + 5_000) == Mood((NOON, NOON + 2_000), (-0.25, 0.5), NOON)
        assert await store.reader.mood(since=NOON + 1, until=FOREVER) == Mood(
            (NOON + 2_000, NOON + 5_000), (0.5, 1.0), NOON
        ), "the beginning is that of all"


async def test_it_is_known_of_which_timeframes_candles_are_stored(store: Store) -> None:
    await store.writer.write(Batch(candles=(candle(0), structs.replace(candle(0), timeframe=M5))))
    assert await store.reader.timeframes(BTC.id) == ("1m", "5m")
    assert await store.reader.timeframes(InstrumentId("binance:NEW/USDT")) == ()


def model(name: str, *, added: int) -> ModelRecord:
    return ModelRecord(
        id=name,
        stage="candidate",
        pinned=False,
        added_at=NOON + added * SECOND_NS,
        changed_at=NOON,
        reason="new",
        timeframe="5m",
        instruments=("binance:BTC/USDT",),
        engines=("lightgbm", "catboost"),
        edge=False,
        verdict="no edge found",
        metrics={"pooled_log_loss": 0.98},
        trained_from=NOON - 90 * DAY_NS,
        trained_until=NOON,
        rows=60_000,
    )


def us(row: Signal) -> Signal:
    return structs.replace(row, made_at=row.made_at // 1000 * 1000)


def alert(n: int, *, of: Instrument | None = BTC) -> Alert:
    """Raised n minutes after noon."""
    return Alert(
        id=f"alert-{n}",
        rule="btc high",
        kind=AlertKind.PRICE if of else AlertKind.DISK,
        severity=Severity.WARNING,
        instrument=of.id if of else None,
        subject=of.id if of else "disk",
        title="BTC/USDT above 62,000",
        text="the last price is 62,000.5",
        raised_at=NOON + n * MINUTE_NS,
        deliveries=(Delivery("telegram", DeliveryState.WAITING),),
    )


class TestAlerts:
    async def test_an_alert_follows_its_delivery_and_its_end(self, store: Store) -> None:
        raised = alert(1)
        sent = (Delivery("telegram", DeliveryState.FAILED, 3, "refused \0 \\u0000 it"),)
        over = structs.replace(raised, resolved_at=NOON + DAY_NS, deliveries=sent)
        assert (await store.writer.write(Batch(alerts=(raised, alert(2, of=None))))).rows == {"alerts": 2}
        await store.writer.write(Batch(alerts=(over,)))
        found = await store.reader.alerts(None, since=0, before=FOREVER, limit=9)
        assert found[0] == alert(2, of=None)
        assert found[1].resolved_at == over.resolved_at
        assert [(one.state, one.tries) for one in found[1].deliveries] == [(DeliveryState.FAILED, 3)]
        assert found[1].deliveries[0].reason.endswith("\\u0000 it")

    async def test_a_page_of_alerts_has_the_newest_of_a_time_and_an_instrument(self, store: Store) -> None:
        await store.writer.write(Batch(alerts=(alert(1), alert(2, of=ETH), alert(3), alert(4, of=None))))

        async def ids(of: InstrumentId | None, since: int = 0, before: int = FOREVER, limit: int = 9) -> list[str]:
            return [row.id for row in await store.reader.alerts(of, since=since, before=before, limit=limit)]

        assert await ids(None) == ["alert-4", "alert-3", "alert-2", "alert-1"]
        assert await ids(BTC.id, limit=1) == ["alert-3"]
        assert await ids(None, since=NOON + 2 * MINUTE_NS, before=NOON + 4 * MINUTE_NS) == ["alert-3", "alert-2"]
        assert await ids(InstrumentId("nowhere:X/Y")) == []

    async def test_old_alerts_and_what_services_did_then_are_forgotten(self, store: Store) -> None:
        days = DAY_NS // MINUTE_NS
        events = tuple(ServiceEvent("ingestion", "RUNNING", "", NOON - age * DAY_NS) for age in (100, 80))
        await store.writer.write(Batch(alerts=(alert(-100 * days), alert(-80 * days)), service_events=events))
        pruned = await store.writer.prune(NOON, trades_days=0, candles_days=0, events_days=90)
        assert pruned == {"alerts": 1, "service_events": 1}
        left = await store.reader.alerts(None, since=0, before=FOREVER, limit=9)
        assert left == (alert(-80 * days),)
