"""The database for a short command: the running engine's, or started for a moment under the lock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.errors import AlreadyRunning
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.runtime.short import ShortDatabase, open_database
from alphaplus_tui.settings.engine_lock import EngineInfo, acquire, running
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

T = TypeVar("T")

_WAIT_FOR_COMMAND_S = 10.0


def with_database(
    wishes: Wishes, what: str, work: Callable[[Settings, ShortDatabase], Awaitable[T]], *, create: bool = False
) -> T:
    """Does ``work``; ``what`` names the command to others that want the data folder meanwhile.

    create: make a database where there is none yet.
    """

    async def run(settings: Settings, paths: Paths) -> T:
        async with open_database(settings, paths, create=create) as database:
            return await work(settings, database)

    return with_data_folder(wishes, what, run)


def with_data_folder(
    wishes: Wishes, what: str, work: Callable[[Settings, Paths], Awaitable[T]], *, alone: bool = False
) -> T:
    """Does ``work`` while nobody else changes the data folder, or beside the engine that runs there.

    alone: not beside an engine either; ``AlreadyRunning``.
    """
    loaded = wishes.load()
    settings, paths = loaded.settings, wishes.paths(loaded)
    password = settings.database.password
    secrets = [password.get_secret_value()] if password else []
    paths.prepare()
    with Logs(level=settings.logging.level, to_stderr=True, secrets=secrets), held(paths, what, alone=alone):
        return run_short(lambda: work(settings, paths))


@contextmanager
def held(paths: Paths, what: str, *, alone: bool = False) -> Generator[None]:
    """The data folder is ours, or (unless ``alone``) a running engine's, whose server we join."""
    try:
        lock = acquire(paths.data, what, wait_for_command_s=_WAIT_FOR_COMMAND_S, on_wait=_say_waiting)
    except AlreadyRunning:
        holder = running(paths.data)
        if alone or holder is None or holder.is_command:
            raise
        yield
        return
    with lock:
        yield


def engine_socket(paths: Paths) -> Path | None:
    """Where the running engine of the data folder can be asked; None when none runs."""
    holder = running(paths.data)
    if holder is None or holder.is_command or holder.control_socket is None:
        return None
    return Path(holder.control_socket)


def _say_waiting(holder: EngineInfo) -> None:
    say(f"waiting up to {_WAIT_FOR_COMMAND_S:g} s for {holder}")
