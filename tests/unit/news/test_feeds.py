"""Feeds are hostile text: what comes out is plain, bounded and dated, or a refusal."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphaplus_tui.domain.analysis import Headline
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS
from alphaplus_tui.errors import ProtocolError
from alphaplus_tui.news.feeds import MOST_ITEMS, parse
from alphaplus_tui.news.mood import Mood

FEED = "https://news.example/feed"
NOW = 1_720_000_000 * 10**9  # 2024-07-03 09:46:40
MOOD = Mood()


def rss(*items: str, title: str = "Example News") -> bytes:
    body = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{body}</channel></rss>'.encode()


def read(body: bytes, *, now: int = NOW) -> tuple[Headline, ...]:
    return parse(body, FEED, MOOD, now=now)


def test_an_rss_feed_becomes_headlines_oldest_first() -> None:
    found = read(
        rss(
            "<title>Bitcoin soars</title><link>https://news.example/b</link><guid>b</guid>"
            "<pubDate>Wed, 03 Jul 2024 09:00:00 GMT</pubDate>",
            "<title>Ether tumbles &amp; burns</title><guid>a</guid><pubDate>Tue, 02 Jul 2024 09:00:00 +0200</pubDate>",
        )
    )
    assert [headline.title for headline in found] == ["Ether tumbles & burns", "Bitcoin soars"]
    assert found[1].published_at == 1_719_997_200 * 10**9
    assert found[1].url == "https://news.example/b"
    assert found[1].source == "Example News"
    assert found[1].symbols == ("BTC",)
    assert found[1].score > 0 > found[0].score
    assert all(headline.seen_at == NOW for headline in found)


def test_an_atom_feed_is_read_as_well() -> None:
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Atoms</title><entry><id>1</id><title>Solana up</title>'
        b'<updated>2024-07-01T00:00:00Z</updated><link href="https://a.example/1"/></entry></feed>'
    )
    (found,) = read(body)
    assert (found.source, found.title, found.url) == ("Atoms", "Solana up", "https://a.example/1")
    assert found.published_at == 1_719_792_000 * 10**9


def test_nothing_is_published_in_the_future_and_what_has_no_time_is_of_now() -> None:
    found = read(
        rss(
            "<title>from tomorrow</title><pubDate>Thu, 04 Jul 2024 09:00:00 GMT</pubDate>",
            "<title>timeless</title>",
            "<title>nonsense</title><pubDate>the day after never</pubDate>",
        )
    )
    assert [headline.published_at for headline in found] == [NOW] * 3


def test_an_item_keeps_its_name_when_it_is_read_again_and_edited() -> None:
    before = read(rss("<title>Bitcoin up</title><guid>x</guid>"))
    after = read(rss("<title>Bitcoin up a lot</title><guid>x</guid>"), now=NOW + HOUR_NS)
    assert before[0].id == after[0].id
    assert read(rss("<title>Bitcoin up</title><guid>y</guid>"))[0].id != before[0].id


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("&lt;b&gt;Bold&lt;/b&gt; claim", "Bold claim"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Bitcoin", "alert(1) Bitcoin"),
        ("[red]markup[/red] [@click=app.quit]x[/]", "[red]markup[/red] [@click=app.quit]x[/]"),
        ("up\u202emoc.live\u2066 now", "up moc.live now"),
        ("line\none\ttab", "line one tab"),
        ("3 &lt; 4 and 5 &gt; 4", "3 < 4 and 5 > 4"),
        ("zero\u200bwidth\ufeff", "zero width"),
    ],
)
def test_titles_become_plain_text_on_one_line(title: str, shown: str) -> None:
    (found,) = read(rss(f"<title>{title}</title>"))
    assert found.title == shown


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "https://", "https://a.example/\x1b[2J x"]
)
def test_links_that_are_not_of_the_web_are_left_out(link: str) -> None:
    (found,) = read(rss(f"<title>t</title><link>{link.replace(chr(27), '')}</link>"))
    assert found.url == ""


def test_titles_and_items_are_bounded() -> None:
    found = read(rss(*(f"<title>{n} {'x' * 5000}</title>" for n in range(3 * MOST_ITEMS))))
    assert len(found) == MOST_ITEMS
    assert all(len(headline.title) <= 300 for headline in found)


def test_entities_neither_explode_nor_read_files() -> None:
    laughs = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    for name, inner in zip(b"cdefghi", b"bcdefgh", strict=True):
        laughs += b"<!ENTITY %c '%s'>" % (name, b"&%c;" % inner * 10)
    laughs += b"]>" + rss("<title>&i;</title>").split(b"?>")[1]
    outside = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss("<title>a &x;</title>").split(b"?>")[1]
    assert [headline.title for headline in read(laughs)] == ["&i;"]
    assert [headline.title for headline in read(outside)] == ["a &x;"]


@pytest.mark.parametrize(
    "body", [b"", b"not a feed", b'{"data": []}', b"<html><body><h1>503</h1></body></html>", b"\x00\xff" * 1000]
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="no feed"):
        read(body)


def test_an_address_as_a_document_is_not_opened() -> None:
    with pytest.raises(ProtocolError):
        read(b"/etc/hostname")
    with pytest.raises(ProtocolError):
        read(b"http://127.0.0.1:9/feed")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80), st.text(max_size=40), st.binary(max_size=60))
def test_whatever_is_inside_comes_out_clean_or_not_at_all(title: str, when: str, rubbish: bytes) -> None:
    body = rss(f"<title><![CDATA[{title}]]></title><pubDate><![CDATA[{when}]]></pubDate>") + rubbish
    try:
        found = read(body)
    except ProtocolError:
        return
    for headline in found:
        assert "\n" not in headline.title
        assert "\x1b" not in headline.title
        assert 0 <= headline.published_at <= NOW
        assert NOW - headline.published_at < 60 * 365 * DAY_NS
        assert -1 <= headline.score <= 1
