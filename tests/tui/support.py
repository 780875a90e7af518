"""A console over a fake session, with the clock standing still."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from textual.pilot import Pilot

from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.tui.app import ConsoleApp
from alphaplus_tui.tui.layout import Layout, save_layout
from alphaplus_tui.tui.screens.logs.screen import LogsScreen
from alphaplus_tui.tui.screens.markets.screen import MarketsScreen
from alphaplus_tui.tui.screens.models.screen import ModelsScreen
from alphaplus_tui.tui.screens.services.screen import ServicesScreen
from alphaplus_tui.tui.screens.signals.screen import SignalsScreen
from tests.fakes.session import FakeSession, FrozenClock
from tests.support import eventually

SIZES = ((80, 24), (120, 36), (200, 60))


def console(
    folder: Path,
    session: FakeSession | None = None,
    *,
    ui: UiSettings | None = None,
    keys: Mapping[str, str] | None = None,
    clock: FrozenClock | None = None,
    layout: Layout | None = None,
) -> ConsoleApp:
    """A console that has been welcomed already, unless ``layout`` says otherwise."""
    save_layout(folder, layout or Layout(welcomed=True))
    return ConsoleApp(
        session or FakeSession(), ui or UiSettings(), keys or {}, folder=folder, clock=clock or FrozenClock()
    )


def shown(app: ConsoleApp, size: tuple[int, int] = (120, 36)) -> AbstractAsyncContextManager[Pilot[None]]:
    return app.run_test(size=size)


async def until_painted(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await app.painted.wait()
    await pilot.pause()


def markets(app: ConsoleApp) -> MarketsScreen:
    assert isinstance(app.screen, MarketsScreen)
    return app.screen


def signals(app: ConsoleApp) -> SignalsScreen:
    assert isinstance(app.screen, SignalsScreen)
    return app.screen


def models(app: ConsoleApp) -> ModelsScreen:
    assert isinstance(app.screen, ModelsScreen)
    return app.screen


def services(app: ConsoleApp) -> ServicesScreen:
    assert isinstance(app.screen, ServicesScreen)
    return app.screen


def logs(app: ConsoleApp) -> LogsScreen:
    assert isinstance(app.screen, LogsScreen)
    return app.screen


async def open_signals(pilot: Pilot[None]) -> SignalsScreen:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.press("2")
    await eventually(lambda: isinstance(app.screen, SignalsScreen) and app.screen.decisions.size.area)
    await pilot.pause()
    return signals(app)


async def open_models(pilot: Pilot[None]) -> ModelsScreen:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.press("3")
    await eventually(lambda: isinstance(app.screen, ModelsScreen) and app.screen.validation.report is not None)
    await pilot.pause()
    return models(app)


async def open_services(pilot: Pilot[None]) -> ServicesScreen:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.press("4")
    await eventually(lambda: isinstance(app.screen, ServicesScreen) and app.screen.services.size.area)
    screen = services(app)
    await eventually(lambda: screen.coverage.rows is not None or not screen.coverage.display)
    await pilot.pause()
    return services(app)


async def open_logs(pilot: Pilot[None]) -> LogsScreen:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.press("5")
    await eventually(lambda: isinstance(app.screen, LogsScreen) and app.screen.pages.loaded)
    await pilot.pause()
    return logs(app)


def picture(app: ConsoleApp) -> list[str]:
    """The screen as text, a line a row."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage] - what the terminal gets; no public way
    assert len(strips) <= height
    return [strip.text.ljust(width) for strip in strips]


def toasts(app: ConsoleApp) -> list[str]:
    """Texts of the toasts that were raised and are still up."""
    return [notification.message for notification in app._notifications]  # pyright: ignore[reportPrivateUsage] - no public way
