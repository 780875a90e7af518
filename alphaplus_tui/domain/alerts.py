"""What AlphaPlus calls the user for: an alert, whom it was told, and what became of that."""

from enum import StrEnum

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId


class AlertKind(StrEnum):
    """What a rule watches."""

    PRICE = "price"
    SIGNAL = "signal"
    FEED_STALE = "feed_stale"
    GAP = "gap"
    SERVICE_FAILED = "service_failed"
    DRIFT = "drift"
    DISK = "disk"


class Severity(StrEnum):
    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


class DeliveryState(StrEnum):
    """Of an alert on its way to one channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    """Given up, after several tries or because another could not help."""


class Delivery(Struct, frozen=True):
    """What became of an alert on its way to one channel."""

    channel: str
    state: DeliveryState
    tries: int = 0
    reason: str = ""
    """Why the last try failed."""


class Alert(Struct, frozen=True):
    """Something a rule of the user's found; stored when it is raised, and again when anything of it changes."""

    id: str
    rule: str
    kind: AlertKind
    severity: Severity
    instrument: InstrumentId | None
    """The instrument it is about; None where it is about something else."""
    subject: str
    """What it is about: an instrument, a service, a model, ``disk``."""
    title: str
    text: str
    raised_at: int
    """On the market's clock, UTC ns."""
    resolved_at: int | None = None
    """When the condition was over; None while it lasts, and for what happens in a moment (price, signal)."""
    quiet: bool = False
    """It fell into the quiet hours: kept and shown, told to no channel."""
    deliveries: tuple[Delivery, ...] = ()
