"""What Prometheus is told."""

from math import isnan

from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.kernel.meters import Histogram
from alphaplus_tui.services.figures import latency_row
from alphaplus_tui.state.slices import CounterRow
from tests.fakes.demo_rows import NOW
from tests.fakes.opinion_rows import CHAMPION
from tests.fakes.session import FakeSession
from tests.unit.api.serving import healthy, served

BTC = InstrumentId("demo:BTC/USDT")


async def told(session: FakeSession) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    async with served(session) as client:
        found = await client.ask("/metrics")
    assert (found.status, found.kind) == (200, "text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(found.text)
        for sample in family.samples
    }


async def test_a_counter_is_told_by_its_labels_and_not_as_a_sum_as_well() -> None:
    session = healthy()
    for channel, value in (("trade", 7), ("ticker", 5)):
        row = CounterRow(f"messages:demo:{channel}", value, 0.0, (("exchange", "demo"), ("channel", channel)))
        session.store.counters.put(row.name, row)
    found = await told(session)
    name = "alphaplus_feed_messages_total"
    assert {key[1]: value for key, value in found.items() if key[0] == name} == {
        (("channel", "trade"), ("exchange", "demo")): 7,
        (("channel", "ticker"), ("exchange", "demo")): 5,
    }


async def test_a_histogram_is_told_in_seconds_with_every_observation_in_its_bucket() -> None:
    session, histogram = healthy(), Histogram("db_query", (("query", "candles"),))
    for seconds in (0.0005, 0.001, 0.0011, 0.05, 5000.0):
        histogram.observe(seconds)
    row = latency_row(histogram.reading())
    session.store.latencies.put(row.name, row)
    found = await told(session)
    query = ("query", "candles")

    def bucket(le: str) -> float:
        return found["alphaplus_db_query_seconds_bucket", (("le", le), query)]

    assert [bucket(le) for le in ("0.0003162", "0.0005623", "0.001", "0.001778", "0.05623", "100.0", "+Inf")] == [
        *(0, 1, 2, 3, 4, 4, 5)
    ]
    assert found["alphaplus_db_query_seconds_count", (query,)] == 5
    assert abs(found["alphaplus_db_query_seconds_sum", (query,)] - 5000.0526) < 1e-6


async def test_the_age_of_a_feed_is_counted_from_the_start_when_nothing_ever_came() -> None:
    session, silent = healthy(), InstrumentId("demo:ETH/USDT")
    session.store.prices.put(BTC, structs.replace(session.store.prices[BTC], ts_recv=NOW))
    session.store.prices.drop(silent)
    found = await told(session)
    name = "alphaplus_feed_last_message_age_seconds"
    assert found[name, (("exchange", "demo"), ("symbol", "BTC/USDT"))] == 0.25
    assert found[name, (("exchange", "demo"), ("symbol", "ETH/USDT"))] == 431.25


async def test_a_service_is_in_one_state() -> None:
    found = await told(healthy())
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "alphaplus_service_state" and ("service", "candles") in labels
    }
    assert states == {"WAITING": 0, "STARTING": 0, "RUNNING": 1, "BACKING_OFF": 0, "STOPPED": 0, "FAILED": 0}
    assert found["alphaplus_service_restarts_total", (("service", "backfill"),)] == 2


async def test_a_model_that_serves_has_a_score_once_there_is_one() -> None:
    session = healthy()
    models = session.store.models
    found = await told(session)
    assert found["alphaplus_model_brier", (("model", CHAMPION), ("role", "champion"))] == 0.642
    assert found["alphaplus_model_drift_psi", (("feature", "volume_two_days"), ("model", CHAMPION))] == 0.083
    models.put(CHAMPION, structs.replace(models[CHAMPION], live_brier=None, drift_psi=None, drift_feature=""))
    found = await told(session)
    assert isnan(found["alphaplus_model_brier", (("model", CHAMPION), ("role", "champion"))])
    assert isnan(found["alphaplus_model_drift_psi", (("feature", "none"), ("model", CHAMPION))])


async def test_an_engine_that_is_only_starting_has_metrics_too() -> None:
    found = await told(FakeSession(seeded=False))
    assert found["alphaplus_gaps_open", ()] == 0
