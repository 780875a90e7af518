"""Parses feeds into headlines; nothing in them is believed, fetched or run."""

import calendar
import hashlib
import io
import re
from collections.abc import Callable
from html import unescape
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.news.mood import Mood
from alphaplus_tui.news.topics import bases

_read: Callable[[io.BytesIO], Any] = import_module("feedparser").parse  # Any: a dictionary of whatever was in there
MOST_ITEMS = 100
_LONGEST_TITLE = 300
_LONGEST_URL = 500
_LONGEST_SOURCE = 60
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_NS = 1_000_000_000


def parse(body: bytes, feed: str, mood: Mood, *, now: int) -> tuple[Headline, ...]:
    """The headlines of a document, oldest first; ``ProtocolError`` when it is no feed.

    feed: the address it came from. now: UTC ns, when it came. The body goes in as a stream: as text or bytes the
    parser might take it for an address and open that.
    """
    try:
        document = _read(io.BytesIO(body))
    except Exception as error:  # the parser meets hostile text; whatever it raises, this is no feed
        raise ProtocolError(f"{_host(feed)}: no feed ({type(error).__name__})") from error
    # plain dictionaries: the parser's own answer for keys that are not there with others, and warn of it
    entries: list[dict[str, Any]] = [dict(entry) for entry in document.get("entries") or ()]
    if not entries and not document.get("version"):
        raise ProtocolError(f"{_host(feed)}: no feed")
    source = _text(document.get("feed", {}).get("title"), _LONGEST_SOURCE) or _host(feed)
    found: dict[str, Headline] = {}
    for entry in entries[:MOST_ITEMS]:
        title = _text(entry.get("title"), _LONGEST_TITLE)
        if title:
            url = _address(entry.get("link"))
            key = _text(entry.get("id"), _LONGEST_URL) or url or title
            headline = Headline(
                id=hashlib.sha256(f"{feed}\n{key}".encode()).hexdigest()[:32],
                source=source,
                title=title,
                url=url,
                published_at=_published(entry, now),
                seen_at=now,
                score=mood.of(title),
                symbols=bases(title),
            )
            found.setdefault(headline.id, headline)
    return tuple(sorted(found.values(), key=lambda headline: (headline.published_at, headline.id)))


def _text(value: object, limit: int) -> str:
    """Plain text on one line."""
    if not isinstance(value, str):
        return ""
    plain = unescape(_TAG.sub(" ", value[: 20 * limit]))
    return clean(" ".join(clean(plain, limit=20 * limit).split()), limit=limit)


def _address(value: object) -> str:
    """A link that can be shown; nothing but the web's own."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL or clean(value) != value or " " in value:
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in {"http", "https"} and parts.hostname else ""


def _published(entry: dict[str, Any], now: int) -> int:
    for name in ("published_parsed", "updated_parsed"):
        moment = entry.get(name)
        if moment is not None:
            try:
                return max(0, min(calendar.timegm(moment) * _NS, now))
            except (OverflowError, TypeError, ValueError):
                continue
    return now


def _host(feed: str) -> str:
    return clean(urlsplit(feed).hostname or feed, limit=_LONGEST_SOURCE)
