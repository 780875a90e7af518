"""The colours of the console: two themes of our own, and the styles that panels draw with."""

from collections.abc import Collection
from dataclasses import dataclass

from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="alphaplus",
    primary="#4aa3ff",
    secondary="#7d8ff5",
    accent="#35c9c9",
    warning="#f0b90b",
    error="#f6465d",
    success="#2ebd85",
    foreground="#cdd6e0",
    background="#0a0e14",
    surface="#0d1219",
    panel="#161d27",
    dark=True,
    variables={
        "block-cursor-background": "#1d3a5c",
        "block-cursor-foreground": "#ffffff",
        "border": "#233041",
        "border-blurred": "#1b2532",
        "footer-key-foreground": "#35c9c9",
        "input-selection-background": "#4aa3ff 35%",
        "scrollbar": "#233041",
        "scrollbar-background": "#0d1219",
    },
)
LIGHT = Theme(
    name="alphaplus-light",
    primary="#0b63c5",
    secondary="#5a4fcf",
    accent="#0a7d84",
    warning="#9a6700",
    error="#cf2e44",
    success="#0b7f55",
    foreground="#1c2733",
    background="#f1f4f7",
    surface="#fbfcfd",
    panel="#e4e9ef",
    dark=False,
    variables={
        "block-cursor-background": "#cfe2f8",
        "block-cursor-foreground": "#0b1622",
        "border": "#c3ccd6",
        "border-blurred": "#d5dce4",
        "footer-key-foreground": "#0a7d84",
        "scrollbar": "#c3ccd6",
        "scrollbar-background": "#fbfcfd",
    },
)
OWN_THEMES = (DARK, LIGHT)


def theme_names() -> list[str]:
    """All that may be chosen: ours first, then Textual's."""
    return [theme.name for theme in OWN_THEMES] + sorted(
        name for name, theme in BUILTIN_THEMES.items() if not theme.ansi
    )


_UP = {"green": ("success", "error"), "red": ("error", "success"), "blue": ("primary", "error")}


@dataclass(frozen=True, slots=True)
class Inks:
    """Styles by meaning; foregrounds only, unless the name says otherwise."""

    base: Style
    strong: Style
    dim: Style
    faint: Style
    accent: Style
    primary: Style
    ok: Style
    warning: Style
    error: Style
    up: Style
    down: Style
    up_dim: Style
    down_dim: Style
    on_surface: Style
    on_bar: Style
    on_cursor: Style
    on_idle_cursor: Style
    on_hover: Style
    on_up: Style
    on_down: Style
    on_up_depth: Style
    on_down_depth: Style
    on_match: Style
    badge_demo: Style
    badge_live: Style
    badge_replay: Style
    label: Style
    """The last price on its axis."""
    key: Style

    def direction(self, value: float | None) -> Style:
        """Up, down or neither."""
        if value is None or value == 0:
            return self.dim
        return self.up if value > 0 else self.down


def first_theme(chosen: str, setting_then: str, setting: str, there: Collection[str]) -> str | None:
    """The one chosen in the console, as long as the setting is what it was then; else the setting's, if it exists."""
    if chosen in there and setting_then == setting:
        return chosen
    return setting if setting in there else None


def make_inks(theme: Theme, *, up_color: str, no_color: bool = False) -> Inks:
    """The styles of ``theme``; without colour, falling is dimmer than rising."""
    spec = theme.to_color_system().generate()

    def named(name: str) -> Color:
        return Color.parse(spec[name])

    text, surface, panel = named("foreground"), named("surface"), named("panel")
    rising, falling = (named(name) for name in _UP[up_color])
    primary, accent, warning = named("primary"), named("accent"), named("warning")

    def ink(color: Color, *, bold: bool = False) -> Style:
        return Style(color=color.rich_color, bold=bold)

    def ground(color: Color) -> Style:
        return Style(bgcolor=color.rich_color)

    def badge(color: Color) -> Style:
        return Style(color=surface.rich_color, bgcolor=color.rich_color, bold=True)

    down = ink(falling)
    return Inks(
        base=ink(text),
        strong=ink(text if not theme.dark else text.blend(Color.parse("#ffffff"), 0.6), bold=True),
        dim=ink(text.blend(surface, 0.42)),
        faint=ink(text.blend(surface, 0.74)),
        accent=ink(accent),
        primary=ink(primary),
        ok=ink(named("success")),
        warning=ink(warning),
        error=ink(named("error")),
        up=ink(rising),
        down=down + Style(dim=True) if no_color else down,
        up_dim=ink(rising.blend(surface, 0.5)),
        down_dim=ink(falling.blend(surface, 0.5)),
        on_surface=ground(surface),
        on_bar=ground(panel),
        on_cursor=ground(surface.blend(primary, 0.28)),
        on_idle_cursor=ground(surface.blend(primary, 0.13)),
        on_hover=ground(surface.blend(text, 0.06)),
        on_up=ground(surface.blend(rising, 0.38)),
        on_down=ground(surface.blend(falling, 0.38)),
        on_up_depth=ground(surface.blend(rising, 0.17)),
        on_down_depth=ground(surface.blend(falling, 0.17)),
        on_match=Style(color=surface.rich_color, bgcolor=warning.rich_color),
        badge_demo=badge(warning),
        badge_live=badge(named("success")),
        badge_replay=badge(named("secondary")),
        label=badge(primary),
        key=ink(accent, bold=True),
    )
