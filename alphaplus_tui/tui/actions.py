"""Every action of the console in one table: keys, hints, help, palette and the user's keymap come from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from alphaplus_tui.tui.catalogue import CATALOGUE


@dataclass(frozen=True, slots=True)
class Action:
    """Something the user can do."""

    id: str
    context: str
    """``everywhere``, ``list``, or the name of a screen."""
    keys: str
    """As Textual writes them, with commas between."""
    description: str
    run: str
    """Textual's action; it belongs to the widget, screen or app that owns the context."""
    hint: str = ""
    """A word or two for the hints line; empty keeps it out."""
    beside: str = ""
    """The action whose key stands beside this one's in the hints line."""
    priority: bool = False


EVERYWHERE, LIST = "everywhere", "list"
MARKETS, SIGNALS, MODELS, SERVICES, LOGS = "markets", "signals", "models", "services", "logs"

_SCREENS = tuple(
    Action(f"screen.{row.name}", EVERYWHERE, row.key, f"{row.title}: {row.help}", f"app.show('{row.name}')")
    for row in CATALOGUE
)

ACTIONS: tuple[Action, ...] = (
    Action("find", MARKETS, "slash", "Find a symbol", "find", hint="find"),
    Action("timeframe_previous", MARKETS, "left_square_bracket", "Shorter timeframe", "timeframe(-1)"),
    Action(
        "timeframe_next",
        MARKETS,
        "right_square_bracket",
        "Longer timeframe",
        "timeframe(1)",
        hint="timeframe",
        beside="timeframe_previous",
    ),
    Action("why", MARKETS, "w", "Why: what the models say of the symbol", "why", hint="why"),
    Action("zoom_in", MARKETS, "plus,equals_sign", "Wider candles", "zoom(1)"),
    Action("zoom_out", MARKETS, "minus", "More candles", "zoom(-1)", hint="zoom", beside="zoom_in"),
    Action("pan_left", MARKETS, "left,h", "Back in time; moves the crosshair when it is on", "pan(1)"),
    Action("pan_right", MARKETS, "right,l", "Forward in time", "pan(-1)"),
    Action("chart_reset", MARKETS, "0", "The newest candles at the usual zoom", "chart_reset"),
    Action("crosshair", MARKETS, "x", "Crosshair", "crosshair", hint="crosshair"),
    Action("chart_style", MARKETS, "c", "Candles or a line", "chart_style"),
    Action("pin", MARKETS, "space", "Pin the symbol to the top", "pin", hint="pin"),
    Action("sort", MARKETS, "s", "Sort by the next column", "sort(1)"),
    Action("sort_reverse", MARKETS, "S", "Turn the order of sorting around", "sort_reverse"),
    Action("find_signal", SIGNALS, "slash", "Find a symbol", "find", hint="find"),
    Action("gate", SIGNALS, "v", "Only what one gate held back; the next gate, then all", "gate", hint="gate"),
    Action(
        "only_signals", SIGNALS, "s", "Only decisions that became signals, or all", "only_signals", hint="signals only"
    ),
    Action("explain", SIGNALS, "w", "Why: the contribution of each feature", "why", hint="why"),
    Action("chart_of", SIGNALS, "o", "Its chart on the Markets screen", "chart", hint="chart"),
    Action("train", MODELS, "t", "Train a model on stored history", "train", hint="train"),
    Action("cancel_training", MODELS, "x", "Cancel the training that runs", "cancel"),
    Action("promote", MODELS, "P", "Make the model the champion", "promote", hint="promote"),
    Action("pin_model", MODELS, "N", "Pin the model as champion, or let the rule decide again", "pin", hint="pin"),
    Action("roll_back", MODELS, "R", "Back to the champion before this one", "roll_back", hint="roll back"),
    Action("restart", SERVICES, "r", "Restart the service", "restart", hint="restart"),
    Action("stop", SERVICES, "s", "Stop or start the service", "stop_or_start", hint="stop/start"),
    Action("log_of", SERVICES, "o", "The log of the service", "log_of", hint="its log"),
    Action("search", LOGS, "slash", "Search the log", "search", hint="search"),
    Action("match_next", LOGS, "n", "Next match, later", "match(1)"),
    Action("match_previous", LOGS, "N", "Previous match, earlier", "match(-1)", hint="match", beside="match_next"),
    Action("follow", LOGS, "f", "Follow the newest lines", "follow", hint="follow"),
    Action("level", LOGS, "v", "Least level shown", "level", hint="level"),
    Action("service", LOGS, "s", "Only the service of this line; again for all", "service", hint="service"),
    Action("service_of", LOGS, "o", "Go to the service of this line", "service_of"),
    Action("up", LIST, "up,k", "Up", "move(-1)"),
    Action("down", LIST, "down,j", "Down", "move(1)"),
    Action("page_up", LIST, "pageup", "A page up", "page(-1)"),
    Action("page_down", LIST, "pagedown", "A page down", "page(1)"),
    Action("first", LIST, "g,home", "To the first", "edge(-1)"),
    Action("last", LIST, "G,end", "To the last", "edge(1)"),
    Action("open", LIST, "enter", "Open", "open"),
    *_SCREENS,
    Action("next_panel", EVERYWHERE, "tab", "Next panel", "screen.panel(1)"),
    Action("previous_panel", EVERYWHERE, "shift+tab", "Previous panel", "screen.panel(-1)"),
    Action("maximise", EVERYWHERE, "m", "One panel over the whole screen, or all of them", "screen.maximise"),
    Action("freeze", EVERYWHERE, "p", "Freeze the display; the market goes on behind it", "app.freeze"),
    Action("copy_row", EVERYWHERE, "y", "Copy the row", "screen.copy_row", hint="copy"),
    Action("copy_panel", EVERYWHERE, "Y", "Copy the panel", "screen.copy_panel"),
    Action("theme", EVERYWHERE, "T", "Next theme", "app.next_theme"),
    Action("notices", EVERYWHERE, "ctrl+n", "Notices so far", "app.notices"),
    Action("jump", EVERYWHERE, "ctrl+o", "Jump to a symbol or screen", "app.jump"),
    Action("panel_help", EVERYWHERE, "f1", "What this panel shows", "app.panel_help"),
    Action("help", EVERYWHERE, "question_mark", "All keys", "app.help", hint="help"),
    Action("palette", EVERYWHERE, "ctrl+p", "Everything that can be done", "app.command_palette", hint="palette"),
    Action("back", EVERYWHERE, "escape", "Back", "screen.back"),
    Action("quit", EVERYWHERE, "q", "Back, then quit", "app.back_or_quit", hint="quit"),
    Action("interrupt", EVERYWHERE, "ctrl+c", "Copy the selected text", "app.interrupt", priority=False),
)

_NAMES = {
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "equals_sign": "=",
    "minus": "−",
    "question_mark": "?",
    "space": "space",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "enter": "enter",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}
MOST_HINTS = 8


def bindings(context: str) -> list[BindingType]:
    """The bindings that whoever owns ``context`` declares; the user's keymap goes over them by id."""
    return [
        Binding(action.keys, action.run, action.description, show=False, id=action.id, priority=action.priority)
        for action in ACTIONS
        if action.context == context
    ]


def key_names(keys: str) -> list[str]:
    """Keys as people read them."""
    return [
        _NAMES.get(key.strip(), key.strip().replace("ctrl+", "^").replace("shift+", "⇧")) for key in keys.split(",")
    ]


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """The keys of ``action`` as people read them, the user's own where there are."""
    return key_names(keymap.get(action.id, action.keys))


def hints(context: str, keymap: Mapping[str, str]) -> list[tuple[Action, str]]:
    """What the hints line says on the screen ``context``: at most eight actions, each with its key."""
    by_id = {action.id: action for action in ACTIONS}
    own = [action for action in ACTIONS if action.hint and action.context == context]
    common = [action for action in ACTIONS if action.hint and action.context == EVERYWHERE]
    shown = own[: MOST_HINTS - len(common)] + common
    return [
        (action, " ".join(keys_of(each, keymap)[0] for each in (by_id.get(action.beside), action) if each))
        for action in shown
    ]


def in_context(contexts: Iterable[str]) -> list[Action]:
    wanted = set(contexts)
    return [action for action in ACTIONS if action.context in wanted]
