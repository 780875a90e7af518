"""``alphaplus attach``: the console on an AlphaPlus that runs already, here or elsewhere."""

# ruff: noqa: PLC0415  what draws is imported when something is to be drawn

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from alphaplus_tui.cli import collector
from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.cli.found import NotRunning, find_running, running_engine
from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.signals import Stop, end_within
from alphaplus_tui.cli.tty import check_terminal
from alphaplus_tui.errors import EXIT_FAILURE, Disconnected, UsageError
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.settings.addresses import is_loopback
from alphaplus_tui.settings.paths import locate

if TYPE_CHECKING:
    from alphaplus_tui.remote.channel import Channel
    from alphaplus_tui.remote.session import Meet
    from alphaplus_tui.settings.root import Settings

TOKEN_SECRET = "attach.token"  # noqa: S105  the name of a secret
_ROUTE = "/api/v1/session"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_INTERPRETER_ENDS_WITHIN_S = 1.5


class Place(NamedTuple):
    """Where an AlphaPlus is reached."""

    address: str
    """As people call it."""
    meet: Meet
    folder: Path
    """Where this console keeps what it remembers."""
    secrets: tuple[str, ...] = ()


def run_attach(wishes: Wishes, url: str | None, *, token_file: Path | None) -> None:
    """The console on the AlphaPlus of ``url``; without one, on this machine's."""
    loaded = wishes.load()
    check_console_settings(loaded)
    check_terminal()
    settings = loaded.settings
    if url is None:
        if token_file is not None:
            raise UsageError("--token-file belongs to a URL; the AlphaPlus of this machine needs no token")
        place = local_place(find_running(wishes)[0])
    else:
        place = elsewhere(wishes, url, token_file)
    attach(settings, place)


def attach_instead(settings: Settings, data: Path) -> None:
    """The console on the engine that uses ``data``, which is then the end of the program; nothing where none does."""
    info = running_engine(data)
    if info is not None:
        say(f"{info} uses {data}: this console is attached to it, and leaves it running")
        attach(settings, local_place(data))


def attach(settings: Settings, place: Place) -> None:
    """Opens the console; ends the program with its exit code."""
    collector.starting()
    with Logs(level=settings.logging.level, secrets=place.secrets):
        code = asyncio.run(_visit(settings, place))
    end_within(_INTERPRETER_ENDS_WITHIN_S, code)
    raise SystemExit(code)


async def _visit(settings: Settings, place: Place) -> int:
    from alphaplus_tui.remote.session import RemoteSession

    stop = Stop()
    stop.listen()
    async with AsyncExitStack() as held:
        connecting = asyncio.ensure_future(held.enter_async_context(RemoteSession(place.meet, place.address)))
        stopping = asyncio.ensure_future(stop.event.wait())
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait({connecting})
            return stop.code or EXIT_FAILURE
        session = connecting.result()
        from alphaplus_tui.cli.console import show
        from alphaplus_tui.tui.app import ConsoleApp

        app = ConsoleApp(session, settings.ui, settings.keys, folder=place.folder, clock=session.clock)
        code = await show(app, stop, start=_drawn)
    return stop.code or code


async def _drawn() -> None:
    collector.started()


def local_place(data: Path) -> Place:
    """The engine of a data folder of this machine, also after it was started anew."""
    return Place(f"the AlphaPlus of {data}", partial(_meet_here, data), data)


async def _meet_here(data: Path, request: bytes) -> tuple[bytes, Channel]:
    from alphaplus_tui.remote.channel import meet_on_socket

    info = await asyncio.to_thread(running_engine, data)
    if info is None or info.control_socket is None:
        raise Disconnected(f"no AlphaPlus uses {data}")
    return await meet_on_socket(Path(info.control_socket), request)


def elsewhere(wishes: Wishes, url: str, token_file: Path | None) -> Place:
    """An AlphaPlus behind its API; ``UsageError`` for what is no address, and without a token."""
    from alphaplus_tui.remote.channel import meet_on_web

    address = session_url(url)
    token = _token(address, token_file, wishes)
    if address.startswith("ws:") and not is_loopback(urlsplit(address).hostname or ""):
        say(f"{url}: the token and everything shown travel unencrypted; wss:// or a tunnel keeps them private")
    folder = wishes.data_dir or locate("live").data / "attached"
    return Place(url, partial(meet_on_web, address, token), folder, (token,))


def session_url(url: str) -> str:
    """The route of a session behind ``url``; ``UsageError`` for what is no address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url!r}: is no address ({error})") from None
    if parts.scheme not in _SCHEMES or not host or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"{url!r}: write ws://HOST:PORT or wss://HOST:PORT (http and https are understood too)")
    path = parts.path.rstrip("/")
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{path.removesuffix(_ROUTE)}{_ROUTE}"


def _token(address: str, token_file: Path | None, wishes: Wishes) -> str:
    """From the file that was named, the data folder of this machine's AlphaPlus, or the secrets."""
    if token_file is not None:
        try:
            text = token_file.read_text().strip()
        except (OSError, ValueError) as error:
            raise UsageError(f"--token-file {token_file}: cannot be read ({error})") from None
        return _checked(text, f"--token-file {token_file}")
    own = _own_token_file(address, wishes)
    if own is not None:
        from alphaplus_tui.settings.api_token import read_token

        return read_token(own)
    found = wishes.vault().find(TOKEN_SECRET)
    if found is not None:
        return _checked(found.value.get_secret_value().strip(), found.origin)
    raise UsageError(
        "the token of that AlphaPlus is wanted (the file api-token of its data folder): --token-file FILE, or "
        f"`alphaplus secrets set {TOKEN_SECRET}`"
    )


def _own_token_file(address: str, wishes: Wishes) -> Path | None:
    """Where the address is that of this machine's AlphaPlus."""
    parts = urlsplit(address)
    if not is_loopback(parts.hostname or ""):
        return None
    try:
        data, info = find_running(wishes)
    except NotRunning:
        return None
    return data / "api-token" if info.api and urlsplit(info.api).port == parts.port else None


def _checked(text: str, origin: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"{origin}: holds no token")
    return text
