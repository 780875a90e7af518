"""What ccxt raises, in our own words."""

from collections.abc import Mapping

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import (
    AlphaPlusError,
    DeadlineExceeded,
    Disconnected,
    ProtocolError,
    RateLimited,
    VenueUnavailable,
)
from alphaplus_tui.exchanges.shared.link import retry_after_s

_WAIT_S = 10.0
"""Where the exchange asks us to wait and does not say how long."""
_BANNED_S = 60.0


def translated(error: Exception, headers: Mapping[str, str] | None = None, body: str | None = None) -> AlphaPlusError:
    """headers, body: of the answer that it may be about."""
    if isinstance(error, AlphaPlusError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    said = clean(str(error), limit=200) or type(error).__name__
    if kinds & {"RateLimitExceeded", "DDoSProtection"}:
        banned = " 418 " in str(error)
        told = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after")
        wait_s = retry_after_s(told, otherwise=_BANNED_S if banned else _WAIT_S)
        words = "banned" if banned else "asked to wait"
        return RateLimited(f"{words} for {wait_s:.0f} s: {said}", retry_after_s=wait_s, banned=banned)
    if kinds & {"RequestTimeout", "TimeoutError"}:
        return DeadlineExceeded(said)
    if kinds & {"ExchangeNotAvailable", "BadResponse"}:
        return VenueUnavailable(said)
    if kinds & {"NetworkError", "ExchangeClosedByUser", "OSError", "ClientError", "CancelledError"}:
        return Disconnected(said)
    if "BaseError" not in kinds and body is not None and body.lstrip()[:1] not in {"{", "["}:
        return VenueUnavailable(f"a page instead of JSON: {clean(body[:120], limit=80)}")
    if "BaseError" not in kinds:
        return ProtocolError(f"not as expected: {type(error).__name__}: {said}")
    return ProtocolError(said)
