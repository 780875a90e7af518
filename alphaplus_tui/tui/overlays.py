"""What stands over a screen for a moment: help, a question, the notices."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.actions import EVERYWHERE, LIST, in_context, keys_of
from alphaplus_tui.tui.theme import Inks


class Overlay(ModalScreen[None]):
    """A box with text that scrolls; any of the leaving keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,f1,ctrl+n", "dismiss", "Close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(12)", show=False),
        Binding("pageup", "scroll(-12)", show=False),
    ]

    def __init__(self, title: str, content: Table | Text) -> None:
        super().__init__()
        self.heading, self.content = title, content
        self.scroller = VerticalScroll(Static(content, markup=False), classes="box")

    def compose(self) -> ComposeResult:
        self.scroller.border_title = Content(clean(self.heading))
        self.scroller.border_subtitle = "Esc closes"
        yield self.scroller

    def on_mount(self) -> None:
        self.scroller.focus()

    def action_scroll(self, by: int) -> None:
        self.scroller.scroll_relative(y=by, animate=False)


class Confirm(ModalScreen[bool]):
    """A question; ``y`` or Enter agrees, everything else does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self.question, self.consequence = question, consequence

    def compose(self) -> ComposeResult:
        text = Text(clean(self.question), style="bold")
        text.append("\n\n" + clean(self.consequence), style="not bold")
        box = Static(text, classes="box", markup=False)
        box.border_subtitle = "y yes · n no"
        yield box

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


def keys_help(context: str, title: str, keymap: Mapping[str, str], inks: Inks) -> Overlay:
    """The keys of a screen, of lists and of everywhere, from the one table."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True)
    for heading, name in ((title, context), ("In lists", LIST), ("Everywhere", EVERYWHERE)):
        actions = in_context([name])
        if not actions:
            continue
        if table.row_count:
            table.add_row()
        table.add_row(Text(heading, style=inks.strong))
        for action in actions:
            keys = Text("  ".join(keys_of(action, keymap)), style=inks.key)
            table.add_row(keys, Text(action.description, style=inks.base), Text(action.id, style=inks.dim))
    table.add_row()
    table.add_row(
        Text("other keys", style=inks.dim),
        Text('[keys] in alphaplus.toml, by the names at the right: freeze = "f8"', style=inks.dim),
    )
    return Overlay("Keys", table)


def panel_help(title: str, text: str, inks: Inks) -> Overlay:
    return Overlay(title, Text(text, style=inks.base))


def notices(rows: Iterable[NoticeRow], alerts: Iterable[Alert], inks: Inks) -> Overlay:
    """All notices of this run, newest first; then the stored alerts, with whom they were told."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    styles = {"warning": inks.warning, "error": inks.error}
    for row in sorted(rows, key=lambda row: (-row.ts, -row.number)):
        text = Text(clean(row.title), style=styles.get(row.severity, inks.strong))
        text.append(("\n" if row.title else "") + clean(row.text), style=inks.base)
        table.add_row(Text(fmt.time_of_day(row.ts), style=inks.dim), text)
    if not table.row_count:
        table.add_row(Text("No notices so far", style=inks.dim))
    for number, alert in enumerate(alerts):
        if not number:
            table.add_row()
            table.add_row(Text("Alerts", style=inks.strong), Text("stored, newest first (UTC)", style=inks.dim))
        table.add_row(Text(_moment(alert.raised_at), style=inks.dim), _alert(alert, inks))
    return Overlay("Notices", table)


def _alert(alert: Alert, inks: Inks) -> Text:
    styles = {"warning": inks.warning, "error": inks.error}
    text = Text(clean(alert.title), style=styles.get(alert.severity, inks.strong))
    text.append("\n" + clean(alert.text), style=inks.base)
    told = ", ".join(f"{one.channel} {one.state}" for one in alert.deliveries)
    words = [
        f"over since {_moment(alert.resolved_at)}" if alert.resolved_at is not None else "",
        "not told: quiet hours" if alert.quiet else told,
    ]
    if after := clean("; ".join(filter(None, words))):
        text.append("\n" + after, style=inks.dim)
    return text


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts // 10**9, UTC).strftime("%d %b %H:%M:%S")
