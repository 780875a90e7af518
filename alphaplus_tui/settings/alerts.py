"""The section of the settings about alerts: what to watch for, whom to tell, and when to keep quiet."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alphaplus_tui.settings.secret_names import SecretName
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas

AlertKindName = Literal["price", "signal", "feed_stale", "gap", "service_failed", "drift", "disk"]
SeverityName = Literal["information", "warning", "error"]
Channels = Annotated[tuple[SecretName, ...], Field(max_length=20), split_commas, AfterValidator(refuse_twins)]
_Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], split_commas, AfterValidator(refuse_twins)
]

_TAKES: dict[str, frozenset[str]] = {
    "price": frozenset({"symbols", "above", "below"}),
    "signal": frozenset({"symbols", "direction"}),
    "feed_stale": frozenset({"symbols", "after_s"}),
    "gap": frozenset({"symbols", "after_s"}),
    "service_failed": frozenset({"services", "after_s"}),
    "drift": frozenset({"psi", "after_s"}),
    "disk": frozenset({"free_mb", "after_s"}),
}
"""Which keys a rule may have beside those that all have."""
_EVERY = frozenset({"when", "name", "severity", "cooldown_s", "channels"})
_SEVERITIES: dict[str, SeverityName] = {
    "price": "information",
    "signal": "information",
    "service_failed": "error",
    "disk": "error",
}
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class AlertRule(Section):
    """One thing to watch for: a ``[[alerts.rules]]`` table."""

    when: AlertKindName
    """What happens."""
    name: Annotated[str, Field(max_length=60)] = ""
    """What alerts of this rule are called; empty: by what they watch."""
    symbols: _Names = ()
    """Of price, signal, feed_stale and gap: only these, ``BTC/USDT`` or ``kraken:BTC/USD``; empty: all."""
    above: Annotated[float, Field(gt=0)] | None = None
    """Of price: the last price rises to this or over it."""
    below: Annotated[float, Field(gt=0)] | None = None
    """Of price: the last price falls to this or under it."""
    direction: Literal["", "long", "short"] = ""
    """Of signal: only this one; empty: both."""
    services: _Names = ()
    """Of service_failed: only these; empty: all."""
    after_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """Of feed_stale, gap, service_failed, drift and disk: only when it lasts so long."""
    psi: Annotated[float, Field(gt=0, le=100)] = 0.25
    """Of drift: the population stability index that a serving model's feature reaches."""
    free_mb: Annotated[int, Field(ge=1, le=1_000_000_000)] = 2048
    """Of disk: less room than this is left."""
    severity: SeverityName | None = None
    """Empty: error for service_failed and disk, information for price and signal, else warning."""
    cooldown_s: Annotated[float, Field(ge=0, le=31_536_000)] = 900.0
    """Between two alerts of this rule about the same."""
    channels: Channels | None = None
    """Whom to tell; empty list: only the console. Without it: ``alerts.channels``."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        foreign = sorted(self.model_fields_set - _TAKES[self.when] - _EVERY)
        if foreign:
            allowed = ", ".join(sorted(_TAKES[self.when]))
            raise ValueError(f"a rule for {self.when!r} takes no {', '.join(foreign)}; it takes {allowed}")
        if self.when == "price" and ((self.above is None and self.below is None) or not self.symbols):
            raise ValueError("a rule for 'price' needs symbols, and above or below")
        return self

    @property
    def level(self) -> SeverityName:
        return self.severity or _SEVERITIES.get(self.when, "warning")

    @property
    def title(self) -> str:
        return self.name or self.when


def _check_hours(text: str) -> str:
    if text and not _HOURS.fullmatch(text):
        raise ValueError("must be two times of day such as '22:00-07:00', or empty")
    return text


class AlertSettings(Section):
    """What AlphaPlus calls for, and whom."""

    channels: Channels = ()
    """Names of secrets that hold Apprise URLs; a rule without its own channels tells these."""
    quiet_hours: Annotated[str, AfterValidator(_check_hours)] = ""
    """``22:00-07:00`` in this machine's time zone: only errors are told then; empty: never quiet."""
    rules: Annotated[tuple[AlertRule, ...], Field(max_length=200)] = ()

    def channels_of(self, rule: AlertRule) -> tuple[str, ...]:
        return self.channels if rule.channels is None else rule.channels

    @property
    def every_channel(self) -> tuple[str, ...]:
        """All that some rule or the section names, each once."""
        named = [*self.channels, *(name for rule in self.rules for name in rule.channels or ())]
        return tuple(dict.fromkeys(named))

    def quiet_at(self, minute: int) -> bool:
        """Whether the minute of the day, 0 to 1439, lies in the quiet hours."""
        found = _HOURS.fullmatch(self.quiet_hours)
        if found is None:
            return False
        start_h, start_m, end_h, end_m = map(int, found.groups())
        start, end = start_h * 60 + start_m, end_h * 60 + end_m
        return start <= minute < end if start <= end else minute >= start or minute < end
