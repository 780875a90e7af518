"""Wires what calls the user: the rules, and the channels that carry an alert out of this machine."""

from collections.abc import Mapping
from random import Random

from pydantic import SecretStr

from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.notify.channels import AppriseNotifier
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.alerts import AlertService
from alphaplus_tui.settings.alerts import AlertSettings
from alphaplus_tui.state.view import StateView


def alerting(
    settings: AlertSettings,
    addresses: Mapping[str, SecretStr],
    reader: StoreReader,
    bus: Bus,
    *,
    state: StateView,
    recorded: bool,
    market: MarketClock,
    rng: Random,
) -> AlertService:
    """addresses: Apprise URLs by channel. recorded: nobody is told of what was long ago."""
    return AlertService(
        state, bus, reader, AppriseNotifier(addresses), settings, market=market, rng=rng, recorded=recorded
    )
