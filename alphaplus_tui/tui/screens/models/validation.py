"""What a training found: fold by fold against baselines, how honest its probabilities are, what it looks at."""

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style

from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.screens.models.report import ENSEMBLE, Point, Report, Scores, Signals
from alphaplus_tui.tui.widgets.canvas import Canvas
from alphaplus_tui.tui.widgets.marks import Dots
from alphaplus_tui.tui.widgets.opinion import feature_text, signed
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece
from alphaplus_tui.tui.widgets.rails import rail


class ReportPanel(Panel):
    """Shows a part of the chosen model's report."""

    def __init__(self, desk: Desk, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(desk, id=id)
        self.model = ""
        self.report: Report | str | None = None
        """The report, why there is none, or None while it is being read."""

    def condition(self, look: Look) -> Condition:  # noqa: ARG002 - the report is enough
        if not self.model:
            return Condition(Kind.EMPTY, "no model yet", "t trains one")
        if self.report is None:
            return Condition(Kind.LOADING, "reading the report")
        if isinstance(self.report, str):
            return Condition(Kind.ERROR, self.report)
        return self.known(self.report)

    def known(self, report: Report) -> Condition:  # noqa: ARG002 - for subclasses
        return Condition(Kind.LIVE)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        assert isinstance(self.report, Report)
        return self.picture(self.report, look, width, height)

    def picture(self, report: Report, look: Look, width: int, height: int) -> list[list[Piece]]:
        raise NotImplementedError


_HEADS = (("gain", 7), ("loss", 7), ("base", 7), ("moment.", 8), ("AUC dir", 8), ("ECE", 6))


class ValidationPanel(ReportPanel):
    """Each fold was tested on what came after everything it was trained on."""

    TITLE: ClassVar[str] = "Validation"
    EXPLANATION: ClassVar[str] = (
        "Walk-forward: each fold was trained strictly before it was tested, with an embargo between. Gain is what the "
        "ensemble gained of the log loss of class frequencies (base); moment. is the log loss of the last outcome as a "
        "forecast; AUC dir tells UP from DOWN (0.500 knows nothing); ECE is the calibration error. Then each engine "
        "over all folds, the hold-out, which was read once, and what the gated signals came to after fees."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="validation")

    def known(self, report: Report) -> Condition:
        return Condition(Kind.LIVE, f"{report.rows:,} rows · {len(report.folds)} folds")

    def picture(self, report: Report, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks = look.inks
        names = max(14, min(24, width - sum(w for _, w in _HEADS) - 10))
        bar = max(0, min(24, width - names - sum(w for _, w in _HEADS) - 2))
        head = [(" " * (names + bar + 2), inks.dim), *[(fmt.fit(word, w, right=True), inks.dim) for word, w in _HEADS]]
        tested = [
            (_span(fold.tested_from, fold.tested_until, names), fold.scores.get(ENSEMBLE)) for fold in report.folds
        ]
        folds = [(name, scores) for name, scores in tested if scores is not None]
        largest = max((abs(one.gain_pct) for _, one in folds if one.gain_pct is not None), default=0.0) or 1.0

        def line(name: str, scores: Scores, ink: Style) -> list[Piece]:
            gain = scores.gain_pct
            track = rail(max(0.0, gain or 0.0) / largest, bar, inks.direction(gain), look) if bar >= 4 else []
            space = " " if bar >= 4 else " " * (bar + 1)
            return [(" " + fmt.fit(name, names), ink), *track, (space, ink), *_figures(scores, look)]

        rows = [line(name, scores, inks.base) for name, scores in folds]
        engines = [line(f"· {name}", scores, inks.dim) for name, scores in report.pooled.items() if name != ENSEMBLE]
        whole = [line("all folds", report.pooled[ENSEMBLE], inks.strong)] if ENSEMBLE in report.pooled else []
        after = [line("hold-out", report.holdout[ENSEMBLE], inks.strong)] if ENSEMBLE in report.holdout else []
        after.append(_value("signals, folds", report.signals, look, width))
        after.append(_value("signals, hold-out", report.holdout_signals, look, width))
        missing = report.missing_engines.items()
        after += [[(fmt.fit(f" {name} is missing: {how}", width), inks.warning)] for name, how in missing]
        spare = height - 1 - len(whole) - len(after) - len(rows)
        if spare >= len(engines):
            whole += engines
            spare -= len(engines)
        gap: list[list[Piece]] = [[]] if spare >= 2 else []
        return [head, *rows[-max(1, len(rows) + min(0, spare)) :], *gap, *whole, *gap, *after]


def _figures(scores: Scores, look: Look) -> list[Piece]:
    inks = look.inks
    gain = fmt.NOTHING if scores.gain_pct is None else fmt.percent(scores.gain_pct, 1)
    values = (
        (gain, inks.direction(scores.gain_pct)),
        (_digits(scores.log_loss, 4), inks.base),
        (_digits(scores.baseline, 4), inks.dim),
        (_digits(scores.momentum, 4), inks.dim),
        (_digits(scores.auc_direction, 3), inks.base),
        (_digits(scores.ece, 3), inks.dim),
    )
    return [(fmt.fit(text, w, right=True), ink) for (text, ink), (_, w) in zip(values, _HEADS, strict=True)]


def _value(name: str, signals: Signals, look: Look, width: int) -> list[Piece]:
    inks, value, hits = look.inks, signals.value, signals.hits
    line: list[Piece] = [(" " + fmt.fit(name, 18), inks.base)]
    if value.mean is None:
        return [*line, ("none was worth its fees", inks.dim)]
    proven = value.low is not None and value.low > 0
    line.append((f"{signed(value.mean)} bps", inks.up if proven else inks.base))
    words = ""
    if value.low is not None and value.high is not None:
        words = f"  95 % [{signed(value.low)}, {signed(value.high)}]"
    words += f"  n {value.rows:,}"
    if value.rows:
        words += f", {hits / value.rows:.0%} hit"
    used = sum(len(text) for text, _ in line)
    return [*line, (fmt.fit(words, max(0, width - used)), inks.dim)]


def _span(first: int, last: int, width: int) -> str:
    a, b = fmt.moment(first), fmt.moment(last)
    if last - first >= 20 * DAY_NS and width >= 17:
        return f"{a:%d %b}–{b:%d %b %y}"
    return f"{a:%d %b}–{b:%d %b}" if last - first >= DAY_NS else f"{a:%d %b %H:%M}–{b:%H:%M}"


def _digits(value: float | None, places: int) -> str:
    return fmt.NOTHING if value is None else f"{value:.{places}f}"


_CLASSES: tuple[tuple[str, Callable[[Look], Style]], ...] = (
    ("none", lambda look: look.inks.primary),
    ("down", lambda look: look.inks.down),
    ("up", lambda look: look.inks.up),
)


_Box = tuple[int, int, int, float]
"""Left edge, rows and columns of a plot, and the end of both its axes."""


class ReliabilityPanel(ReportPanel):
    """Promise against frequency: on the diagonal, probabilities mean what they say."""

    TITLE: ClassVar[str] = "Reliability"
    EXPLANATION: ClassVar[str] = (
        "How often what was promised came true, over all folds, for each of the three outcomes: to the right what was "
        "promised, upwards what happened. On the dotted diagonal a probability means what it says; below it the model "
        "was too sure."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="reliability")

    def known(self, report: Report) -> Condition:
        pooled = report.pooled.get(ENSEMBLE)
        if not report.reliability:
            return Condition(Kind.EMPTY, "the report has no reliability curve")
        return Condition(Kind.LIVE, f"calibration error {_digits(pooled.ece if pooled else None, 3)}")

    def picture(self, report: Report, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks = look.inks
        canvas = Canvas(width, height)
        left, rows = 5, height - 2
        columns = width - left - 2
        if rows < 3 or columns < 10:
            return [[("no room for a curve", inks.dim)]]
        top = _reach(report)
        for at in range(rows):
            canvas.put(left - 1, at, "|" if look.symbols == "ascii" else "│", inks.faint)
        for value in (0.0, top / 2, top):
            y = min(rows - 1, round((1 - value / top) * (rows - 1)))
            canvas.text(0, y, f"{value:.2f}", inks.dim)
            x = left + round(value / top * (columns - 1))
            canvas.text(min(x, left + columns - 4), rows, f"{value:.2f}", inks.dim)
        for at in range(max(columns, 2 * rows)):
            share = at / (max(columns, 2 * rows) - 1)
            x, y = left + round(share * (columns - 1)), round((1 - share) * (rows - 1))
            canvas.put(x, y, "." if look.symbols == "ascii" else "·", inks.faint)
        x = left
        for name, ink in _CLASSES:
            points = report.reliability.get(name, ())
            self._curve(canvas, points, (left, rows, columns, top), ink(look), look)
            canvas.text(x, height - 1, f"{'*' if look.symbols == 'ascii' else '━'} {name}", ink(look))
            x += len(name) + 4
        canvas.text(max(x, width - 21), height - 1, "promised → happened ↑", inks.faint)
        return canvas.lines()

    def _curve(self, canvas: Canvas, points: tuple[Point, ...], box: _Box, ink: Style, look: Look) -> None:
        left, rows, columns, top = box
        known = [(p.promised, p.happened) for p in points if p.promised is not None and p.happened is not None]
        if look.symbols != "braille":
            for promised, happened in known:
                x, y = left + round(promised / top * (columns - 1)), round((1 - happened / top) * (rows - 1))
                canvas.put(x, y, "*" if look.symbols == "ascii" else "▪", ink)
            return
        dots = Dots(columns, rows)
        before: tuple[int, int] | None = None
        for promised, happened in known:
            here = round(promised / top * (dots.width - 1)), round((1 - happened / top) * (dots.height - 1))
            dots.line(*(before or here), *here)
            before = here
        for x, y, char in dots.cells():
            canvas.put(left + x, y, char, ink)


def _reach(report: Report) -> float:
    """The end of both axes: the largest value, rounded up."""
    points = [point for curve in report.reliability.values() for point in curve]
    largest = max((max(point.promised or 0.0, point.happened or 0.0) for point in points), default=1.0)
    return next((end for end in (0.2, 0.4, 0.6, 0.8) if largest <= end), 1.0)


class ImportancePanel(ReportPanel):
    """What the trees split on, by the share of the gain."""

    TITLE: ClassVar[str] = "Importance"
    EXPLANATION: ClassVar[str] = (
        "The share of the training's gain that came from splits on each feature, averaged over the engines. It says "
        "what the model looks at, not that it is right to; why a single decision came about is on the Signals screen."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="importance")

    def known(self, report: Report) -> Condition:
        if not report.importance:
            return Condition(Kind.EMPTY, "the report names no feature")
        return Condition(Kind.LIVE, f"{len(report.importance)} features")

    def picture(self, report: Report, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks = look.inks
        parts = sorted(((value or 0.0, name) for name, value in report.importance.items()), reverse=True)
        shown = parts if len(parts) <= height else parts[: max(0, height - 1)]
        largest = parts[0][0] or 1.0
        names = max(10, min(26, width // 2))
        bar = max(3, width - names - 9)
        rows: list[list[Piece]] = [
            [
                (" " + fmt.fit(feature_text(name), names), inks.base),
                *rail(value / largest, bar, inks.accent, look),
                (fmt.fit(f"{value:.1%}", 7, right=True), inks.dim),
            ]
            for value, name in shown
        ]
        rest = parts[len(shown) :]
        if rest and height > 0:
            total = f"{sum(value for value, _ in rest):.1%}"
            rows.append(
                [(fmt.fit(f" {len(rest)} more", names + bar + 1), inks.dim), (fmt.fit(total, 7, right=True), inks.dim)]
            )
        return rows
