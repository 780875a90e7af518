"""What a screen wishes of the session: commands, asked about first, and what came of them."""

from functools import partial

from alphaplus_tui.session.commands import Accepted, Command, Refused
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.overlays import Confirm


class Wishes:
    """A toast says what was done, or why it was not."""

    def __init__(self, screen: LiveScreen) -> None:
        self._screen = screen

    def confirm(self, question: str, consequence: str, command: Command, done: str) -> None:
        """Send ``command`` once the user agreed."""
        self._screen.console.push_screen(Confirm(question, consequence), partial(self._answered, command, done))

    def _answered(self, command: Command, done: str, agreed: bool | None) -> None:
        if agreed:
            self._screen.run_worker(self._send(command, done), name="send", group="send")

    async def _send(self, command: Command, done: str) -> None:
        match await self._screen.desk.session.send(command):
            case Accepted():
                self._screen.notify(done, markup=False, timeout=3)
            case Refused(reason):
                self._screen.notify(reason, title="Refused", severity="warning", markup=False)
