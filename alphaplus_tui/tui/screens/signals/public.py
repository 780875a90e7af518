"""What is counted in the open, and what the world says: the scoreboard and the headlines."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from alphaplus_tui.domain.analysis import Headline, Score
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.opinion import share, signed
from alphaplus_tui.tui.widgets.panel import Condition, Kind
from alphaplus_tui.tui.widgets.rails import whiskers


def _who(row: Score, look: Look, width: int) -> Cell:
    inks = look.inks
    what = (row.instrument.partition(":")[2] or row.instrument) or "all symbols"
    if row.direction:
        what += f" {row.direction}"
    general = not row.instrument and not row.direction
    named = fmt.fit(what, min(len(what), width))
    rest = fmt.fit(f"  {row.model}", width - len(named))
    return [(named, inks.strong if general else inks.base), (rest, inks.dim)]


def _count(row: Score, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return f"{row.resolved}/{row.signals}", look.inks.base


def _hits(row: Score, look: Look, width: int) -> Cell:
    if not row.resolved:
        return fmt.NOTHING, look.inks.dim
    mean = fmt.fit(f"{row.hits / row.resolved:.0%}", 4, right=True)
    return [(mean, look.inks.base), (fmt.fit(_span(row.hit_low, row.hit_high, 100, 0), width - 4), look.inks.dim)]


def _result(row: Score, look: Look, width: int) -> Cell:
    mean = fmt.fit(signed(row.mean_bps), 6, right=True)
    rest = fmt.fit(_span(row.mean_low, row.mean_high, 1, 0), width - 6)
    return [(mean, look.inks.direction(row.mean_bps)), (rest, look.inks.dim)]


def _brier(row: Score, look: Look, width: int) -> Cell:
    mean = fmt.fit(share(row.brier), 4, right=True)
    low, high = share(row.brier_low)[-2:], share(row.brier_high)[-2:]
    rest = f" .{low}–.{high}" if row.brier_low is not None and row.brier_high is not None else ""
    return [(mean, look.inks.base), (fmt.fit(rest, width - 4), look.inks.dim)]


def _span(low: float | None, high: float | None, factor: float, places: int) -> str:
    if low is None or high is None:
        return ""
    first, last = (f"{value * factor:.{places}f}".replace("-", fmt.MINUS) for value in (low, high))
    return f" {first}…{last}"


class ScoreGrid(LiveGrid[Score]):
    """Hits, mean result and Brier score with their intervals."""

    TITLE: ClassVar[str] = "Scoreboard"
    EXPLANATION: ClassVar[str] = (
        "Every signal that ended, by model, instrument and direction: how many of how many have ended, the share whose "
        "target came first, the mean result in hundredths of a percent after fees, and the Brier score (0 is perfect, "
        "0.67 knows nothing), each with its 95 % interval. An interval that holds 0 proves nothing."
    )

    def __init__(self, desk: Desk) -> None:
        columns: tuple[Column[Score], ...] = (
            Column("who", "Of", 15, _who, grow=True),
            Column("count", "Ended", 7, _count, right=True, rank=1),
            Column("hits", " Hits 95 %", 11, _hits),
            Column("result", "   bps 95 %", 14, _result),
            Column("whiskers", "", 15, self._whiskers, rank=3),
            Column("brier", "Brier", 12, _brier, rank=2),
        )
        super().__init__(desk, columns, id="scores")
        self._ordered: tuple[int, Sequence[str], float] = (-1, (), 0.0)

    def condition(self, look: Look) -> Condition:
        if not look.state.scores:
            return Condition(Kind.EMPTY, "no signal has ended yet", "each is counted here, right or wrong")
        return Condition(Kind.LIVE, "after fees and spread")

    def keys(self, look: Look) -> Sequence[str]:
        scores = look.state.scores
        if scores.version != self._ordered[0]:
            rows = sorted(
                scores.items(),
                key=lambda item: (
                    item[1].score.model,
                    bool(item[1].score.instrument),
                    -item[1].score.resolved,
                    item[0],
                ),
            )
            edges = [edge for _, row in rows for edge in (row.score.mean_low, row.score.mean_high, row.score.mean_bps)]
            reach = max((abs(edge) for edge in edges if edge is not None), default=0.0)
            self._ordered = (scores.version, [key for key, _ in rows], reach)
        return self._ordered[1]

    def row(self, look: Look, key: str) -> Score | None:
        row = look.state.scores.get(key)
        return row.score if row else None

    def stamp(self, row: Score, look: Look) -> Hashable:  # noqa: ARG002 - the reach is all
        return self._ordered[2]

    def _whiskers(self, row: Score, look: Look, width: int) -> Cell:
        return whiskers((row.mean_low, row.mean_bps, row.mean_high), self._ordered[2], width, look)


def _seen(row: Headline, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.age(max(0, look.now - row.published_at)), look.inks.dim


def _mood(row: Headline, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return signed(row.score, 2), look.inks.direction(row.score if abs(row.score) >= 0.05 else 0)


def _source(row: Headline, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return row.source, look.inks.dim


def _about(row: Headline, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return " ".join(row.symbols), look.inks.accent


def _title(row: Headline, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return row.title, look.inks.base


HEADLINE_COLUMNS: tuple[Column[Headline], ...] = (
    Column("age", "Age", 4, _seen, right=True),
    Column("mood", "Mood", 5, _mood, right=True),
    Column("title", "Headline", 30, _title, grow=True),
    Column("about", "Of", 7, _about, rank=2),
    Column("source", "Source", 9, _source, rank=1),
)


class HeadlineGrid(LiveGrid[Headline]):
    """Published items with their sentiment, newest first."""

    TITLE: ClassVar[str] = "Headlines"
    EXPLANATION: ClassVar[str] = (
        "What the configured feeds published, newest first, with the mood a lexicon finds in each headline, from "
        "−1 (bad) to +1 (good). y copies a headline with its address. Models see a headline only from the moment "
        "it was published; without feeds they run without."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, HEADLINE_COLUMNS, id="headlines")
        self._ordered: tuple[int, Sequence[str]] = (-1, ())

    def condition(self, look: Look) -> Condition:
        mood = look.state.sentiment.get(ONLY)
        if not look.state.headlines:
            if mood is None:
                return Condition(Kind.LOADING, "the feeds are starting")
            if mood.state == "off":
                return Condition(Kind.EMPTY, mood.reason or "no feeds are read", "feeds under [sentiment] names them")
            if mood.state == "away":
                return Condition(Kind.ERROR, mood.reason or "the feeds do not answer", "the models run without them")
            return Condition(Kind.EMPTY, "no headline yet")
        if mood is None:
            return Condition(Kind.LIVE)
        if mood.state == "away":
            newest = max(row.headline.seen_at for row in look.state.headlines.values())
            return Condition(Kind.STALE, f"{fmt.time_of_day(newest)} · {mood.reason}")
        words = [f"{mood.items_24h} in 24 h"]
        if mood.mean_24h is not None:
            words.append(f"mood {signed(mood.mean_24h, 2)}")
        if mood.fear_greed is not None:
            words.append(f"fear & greed {mood.fear_greed:.0f}")
        return Condition(Kind.LIVE, " · ".join(words))

    def keys(self, look: Look) -> Sequence[str]:
        headlines = look.state.headlines
        if headlines.version != self._ordered[0]:
            rows = sorted(headlines.items(), key=lambda item: (-item[1].headline.published_at, item[0]))
            self._ordered = (headlines.version, [key for key, _ in rows])
        return self._ordered[1]

    def row(self, look: Look, key: str) -> Headline | None:
        row = look.state.headlines.get(key)
        return row.headline if row else None

    def stamp(self, row: Headline, look: Look) -> Hashable:
        return fmt.age(max(0, look.now - row.published_at))

    def copy_row(self) -> str:
        row = self.row(self.desk.look(), self.cursor)
        return f"{row.title}  {row.source}  {row.url}" if row else ""
