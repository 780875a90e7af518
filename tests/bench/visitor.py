"""A visitor of a running engine without a screen: says at the end how it fared, also after having been stopped."""

import asyncio
import json
import signal
import sys
import time
from functools import partial
from pathlib import Path

from alphaplus_tui.remote.channel import meet_on_socket
from alphaplus_tui.remote.session import RemoteSession
from alphaplus_tui.tui.clock import market_now

_STOPPED_S = 2.0
_CURRENT_S = 0.5


def age_s(session: RemoteSession) -> float:
    """Of the newest price."""
    newest = max((row.ts_recv for row in session.state.prices.values()), default=0)
    return (market_now(session.state, session.clock) - newest) / 1e9


async def main(socket: Path) -> None:
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    caught_up_s: float | None = None
    woke_at: float | None = None
    began = time.monotonic()
    async with RemoteSession(partial(meet_on_socket, socket), "the engine") as session:
        attached_s = time.monotonic() - began
        print(json.dumps({"attached_s": attached_s}), flush=True)
        looked_at = time.monotonic()
        while not end.is_set():
            now = time.monotonic()
            if now - looked_at > _STOPPED_S:
                woke_at = now
            if woke_at is not None and age_s(session) < _CURRENT_S:
                caught_up_s, woke_at = now - woke_at, None
            looked_at = now
            await asyncio.sleep(0.01)
        print(json.dumps({"caught_up_s": caught_up_s, "age_s": age_s(session)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
