"""Wires what calls the user: the rules, and the channels that carry an alert out of this machine."""

from collections.abc import Mapping

from pydantic import SecretStr

from alphaplus_tui.notify.channels import AppriseNotifier
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.ground import Ground
from alphaplus_tui.services.alerts import AlertService


def alerting(on: Ground, reader: StoreReader, addresses: Mapping[str, SecretStr]) -> AlertService:
    """addresses: Apprise URLs by channel."""
    return AlertService(
        on.state,
        on.bus,
        reader,
        AppriseNotifier(addresses),
        on.settings.alerts,
        market=on.market,
        rng=on.rng,
        recorded=on.recorded,
    )
