"""Wires what reads the news, and the mood in them."""

from alphaplus_tui.news.web import WebNews
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.services.moods import Moods
from alphaplus_tui.services.sentiment import SentimentService


def sensing(on: Ground, reader: StoreReader, moods: Moods) -> SentimentService:
    return SentimentService(
        WebNews(on.market),
        reader,
        on.bus,
        on.settings.sentiment,
        state=on.state,
        moods=moods,
        market=on.market,
        recorded=on.recorded,
    )
