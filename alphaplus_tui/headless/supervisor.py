"""Tells a service manager such as systemd how we are: ready, alive, stopping (the protocol of sd_notify)."""

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping, Sequence
from typing import Self

import structlog

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Supervisor:
    """Without one that listens, everything here does nothing.

    address: of a datagram socket; empty: nobody listens.
    watchdog_s: within which it wants to hear that we live; None: it does not.
    """

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s
        self._silent = False

    @classmethod
    def of_environment(cls, environ: MutableMapping[str, str]) -> Self:
        """What the service manager left in ``environ``; taken out of it, as it is meant for us and for no child."""
        address, period, pid = (environ.pop(name, "") for name in _VARIABLES)
        if address[:1] not in {"/", "@"}:
            return cls()
        watched = period.isdecimal() and pid in {"", str(os.getpid())}
        return cls(address, watchdog_s=int(period) / 1e6 if watched and int(period) else None)

    def ready(self, status: str) -> None:
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=stopping")

    async def feed(self, overdue: Callable[[], Sequence[str]]) -> None:
        """Says that we live, twice within the time; never while a service is overdue, nor while the loop stands still.

        overdue: the services that should have beaten by now.
        """
        if not self._address or self.watchdog_s is None:
            await asyncio.Future[None]()
            return
        late: tuple[str, ...] = ()
        while True:
            waited_for = tuple(overdue())
            if not waited_for:
                self._tell("WATCHDOG=1")
            if waited_for != late:
                late = waited_for
                if late:
                    log.error("watchdog_not_fed", services=late)
                    self._tell(f"STATUS=waiting for {', '.join(late)}")
                else:
                    log.info("watchdog_fed_again")
                    self._tell("STATUS=running")
            await asyncio.sleep(self.watchdog_s / 2)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0)) as speaking:
            speaking.setblocking(False)
            try:
                speaking.sendto("\n".join(lines).encode(), self._address)
            except OSError as error:
                if not self._silent:
                    log.warning("supervisor_does_not_hear", error=str(error))
                self._silent = True
            else:
                self._silent = False
