"""Whether the process lives and is ready."""

from msgspec import structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.state.view import ONLY
from tests.unit.api.serving import healthy, served


async def test_everybody_may_ask_whether_it_lives_and_only_who_knows_the_token_the_rest() -> None:
    async with served(healthy()) as client:
        alive = await client.ask("/livez", token=None)
        assert (alive.status, alive.json) == (200, {"alive": True})
        refused = await client.ask("/readyz", token=None)
        assert (refused.status, refused.kind) == (401, "application/problem+json")
        assert refused.headers["www-authenticate"] == "Bearer"


async def test_it_is_ready_when_every_needed_part_is_healthy() -> None:
    async with served(healthy()) as client:
        found = await client.ask("/readyz")
        assert (found.status, found.json) == (200, {"ready": True, "unhealthy": []})


async def test_it_names_every_part_that_is_not_healthy() -> None:
    session, name = healthy(), InstrumentId("demo:BTC/USDT")
    store = session.store
    store.services.put("backfill", structs.replace(store.services["backfill"], state="FAILED", reason="no such symbol"))
    store.feeds.put(name, structs.replace(store.feeds[name], state=FeedState.RECONNECTING, reason="reset by peer"))
    store.database.put(ONLY, structs.replace(store.database[ONLY], connected=False, reason="no answer in time"))
    async with served(session) as client:
        found = await client.ask("/readyz")
    assert found.status == 503
    assert found.json == {
        "ready": False,
        "unhealthy": [
            {"part": "service:backfill", "reason": "FAILED no such symbol"},
            {"part": "database", "reason": "no answer in time"},
            {"part": "feed:demo:BTC/USDT", "reason": "RECONNECTING reset by peer"},
        ],
    }


async def test_a_database_that_never_answers_holds_up_neither() -> None:
    session = healthy()
    session.store_away = "it is frozen"
    async with served(session) as client:
        assert (await client.ask("/livez")).status == 200
        assert (await client.ask("/readyz")).status == 200
    assert not session.asked
