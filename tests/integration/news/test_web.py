"""Feeds over HTTP: what servers do wrong ends in an error of ours, soon, and nothing else."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, Disconnected, ProtocolError, VenueUnavailable
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.news.web import WebNews

NOW = 1_720_000_000 * 10**9
FEED = b"<rss version='2.0'><channel><title>Local</title><item><title>Bitcoin soars</title></item></channel></rss>"


async def answer(request: web.Request) -> web.StreamResponse:
    match request.match_info["case"]:
        case "feed":
            return web.Response(body=FEED, content_type="application/rss+xml")
        case "index":
            return web.json_response({"data": [{"value": "73", "value_classification": "Greed"}]})
        case "index-nonsense":
            return web.json_response({"data": [{"value": "9000"}]})
        case "here":
            raise web.HTTPFound("/feed")
        case "plain":
            raise web.HTTPFound("http://news.example/feed")
        case "circle":
            raise web.HTTPFound("/circle")
        case "large":
            return web.Response(body=b"<rss>" + b" " * 3_000_000)
        case "bomb":
            packed = gzip.compress(b"<rss>" + b" " * 50_000_000)
            return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
        case "page":
            return web.Response(text="<html><title>maintenance</title></html>", content_type="text/html")
        case "slow":
            await asyncio.sleep(3600)
            raise AssertionError("nobody waits so long")
        case _:
            raise web.HTTPServiceUnavailable


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    application = web.Application()
    application.router.add_get("/{case}", answer)
    running = TestServer(application, host="127.0.0.1")
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def news() -> AsyncIterator[WebNews]:
    reading = WebNews(ManualMarketClock(NOW), within_s=5.0)
    yield reading
    await reading.close()


@pytest.mark.parametrize("case", ["feed", "here"])
async def test_a_feed_is_fetched_also_where_it_moved_to(case: str, server: TestServer, news: WebNews) -> None:
    (headline,) = await news.headlines(str(server.make_url(f"/{case}")))
    assert (headline.title, headline.source, headline.seen_at) == ("Bitcoin soars", "Local", NOW)
    assert headline.score > 0.3


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("plain", ProtocolError),
        ("circle", ProtocolError),
        ("large", ProtocolError),
        ("bomb", ProtocolError),
        ("page", ProtocolError),
        ("missing", VenueUnavailable),
    ],
)
async def test_what_is_wrong_is_refused(
    case: str, error: type[AlphaPlusError], server: TestServer, news: WebNews
) -> None:
    with pytest.raises(error):
        await news.headlines(str(server.make_url(f"/{case}")))


async def test_a_server_that_does_not_answer_is_given_up(server: TestServer) -> None:
    hasty = WebNews(ManualMarketClock(), within_s=0.2)
    with pytest.raises(DeadlineExceeded):
        await hasty.headlines(str(server.make_url("/slow")))
    await hasty.close()


async def test_nobody_there_is_a_lost_connection(server: TestServer, news: WebNews) -> None:
    address = str(server.make_url("/feed"))
    await server.close()
    with pytest.raises(Disconnected):
        await news.headlines(address)


async def test_the_index_of_fear_and_greed_is_a_number_from_0_to_100(server: TestServer, news: WebNews) -> None:
    assert await news.fear_greed(str(server.make_url("/index"))) == 73
    for case in ("index-nonsense", "feed", "page"):
        with pytest.raises(ProtocolError):
            await news.fear_greed(str(server.make_url(f"/{case}")))
