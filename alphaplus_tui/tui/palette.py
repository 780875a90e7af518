"""The command palette from the table of actions, and the jump to a symbol or screen."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from alphaplus_tui.domain.text import clean
from alphaplus_tui.tui.actions import ACTIONS, EVERYWHERE, LIST, keys_of
from alphaplus_tui.tui.catalogue import CATALOGUE

if TYPE_CHECKING:
    from alphaplus_tui.tui.app import ConsoleApp

Entry = tuple[str, str, Callable[[], object]]


class _Entries(Provider):
    """Entries whose texts may come from outside: never markup."""

    @property
    def console(self) -> "ConsoleApp":
        return cast("ConsoleApp", self.app)

    def entries(self) -> Iterator[Entry]:
        """Title, explanation and what it does."""
        raise NotImplementedError

    async def discover(self) -> Hits:
        for title, help_text, run in self.entries():
            yield DiscoveryHit(Content(title), run, text=title, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help_text, run in self.entries():
            score, offsets = matcher.fuzzy_search.match(query, title)
            if score > 0:
                content = Content(title)
                for at in offsets:
                    content = content.stylize(matcher.match_style, at, at + 1)
                yield Hit(score, content, run, text=title, help=help_text)


class ActionEntries(_Entries):
    """Everything that can be done on this screen."""

    def entries(self) -> Iterator[Entry]:
        context = self.console.context
        for action in ACTIONS:
            if action.context not in {context, EVERYWHERE} or action.context == LIST or action.id == "palette":
                continue
            keys = ", ".join(keys_of(action, self.console.desk.keys))
            yield action.description, f"key {keys}", partial(self.console.run_on_screen, action.run)
        for name in self.console.theme_names:
            yield f"Theme {name}", "use these colours", partial(self.console.choose_theme, name)


class JumpEntries(_Entries):
    """Symbols and screens."""

    def entries(self) -> Iterator[Entry]:
        for row in CATALOGUE:
            yield row.title, row.help, partial(self.console.run_on_screen, f"app.show('{row.name}')")
        for row in self.console.desk.session.state.instruments.values():
            instrument = row.instrument
            yield (
                clean(instrument.symbol),
                f"on {clean(instrument.exchange)}",
                partial(self.console.jump_to, instrument.id),
            )
