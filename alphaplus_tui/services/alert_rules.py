"""Decides what the user's rules say to the state of the program: pure, but for what it remembers."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2s
from typing import NamedTuple

from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, AlertKind, Severity
from alphaplus_tui.domain.analysis import Signal
from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.domain.market import Provenance, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.settings.alerts import AlertRule
from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.state.view import ONLY, StateView

_AWAY = frozenset({FeedState.STALE, FeedState.RECONNECTING, FeedState.CONNECTING})
_DOWN = frozenset({"FAILED", "BACKING_OFF"})
_NAMED = 5
"""So many are named in one alert; the others are counted."""


class Found(NamedTuple):
    """One thing for which the condition of a rule holds now."""

    member: str
    words: str
    since: int | None = None
    """UTC ns; None where the state does not say it."""
    instrument: InstrumentId | None = None


class Reading(NamedTuple):
    """How the findings of a kind become alerts."""

    find: Callable[[AlertRule, StateView], Iterator[Found]]
    title: str
    together: str
    """All findings are one alert about this; empty: each is its own."""


def _stale(rule: AlertRule, state: StateView) -> Iterator[Found]:
    for row in state.feeds.values():
        if row.state in _AWAY and _wanted(rule, row.instrument):
            words = f"{symbol_of(row.instrument)} {row.state}" + (f" ({row.reason})" if row.reason else "")
            yield Found(row.instrument, words, row.since, row.instrument)


def _gaps(rule: AlertRule, state: StateView) -> Iterator[Found]:
    for row in state.gaps.values():
        if row.missing and _wanted(rule, row.instrument):
            why = f": {row.reason}" if row.reason else ""
            words = f"{symbol_of(row.instrument)} misses {row.missing:,} trades{why}"
            yield Found(f"{row.instrument} {row.first_seq}", words, row.noticed_at, row.instrument)


def _services(rule: AlertRule, state: StateView) -> Iterator[Found]:
    for row in state.services.values():
        if row.state in _DOWN and (not rule.services or row.name in rule.services):
            yield Found(row.name, f"{row.state}: {row.reason or row.last_error or 'no reason given'}")


def _drift(rule: AlertRule, state: StateView) -> Iterator[Found]:
    for row in state.models.values():
        if row.serving and row.drift_psi is not None and row.drift_psi >= rule.psi:
            yield Found(row.id, f"feature {row.drift_feature} has moved: PSI {row.drift_psi:.2f}")


def _disk(rule: AlertRule, state: StateView) -> Iterator[Found]:
    row = state.database.get(ONLY)
    if row is not None and 0 < row.disk_free_bytes < rule.free_mb * 1_000_000:
        yield Found("disk", f"{row.disk_free_bytes / 1e6:,.0f} MB are left on the disk of the data folder")


_READINGS: dict[str, Reading] = {
    "feed_stale": Reading(_stale, "Feeds stale", "feeds"),
    "gap": Reading(_gaps, "Trades missing", "gaps"),
    "service_failed": Reading(_services, "Service {} failed", ""),
    "drift": Reading(_drift, "Model {} drifts", ""),
    "disk": Reading(_disk, "Disk nearly full", ""),
}


class Cooldowns:
    """When each rule last called about what; outlives a restart through ``remember``."""

    def __init__(self) -> None:
        self._raised: dict[tuple[str, str], int] = {}

    def remember(self, rule: str, subject: str, raised_at: int) -> None:
        self._raised[rule, subject] = max(raised_at, self._raised.get((rule, subject), 0))

    def over(self, rule: AlertRule, subject: str, now: int) -> bool:
        last = self._raised.get((rule.title, subject))
        return last is None or now - last >= rule.cooldown_s * SECOND_NS


class _Standing(NamedTuple):
    """An alert whose condition still holds, and of whom it told."""

    alert: Alert
    told: frozenset[str]


class Conditions:
    """Looks at the state: what has begun, what lasts, what is over."""

    def __init__(self, rules: Iterable[AlertRule], cooldowns: Cooldowns) -> None:
        self._rules = [rule for rule in rules if rule.when in _READINGS]
        self._cooldowns = cooldowns
        self._since: dict[tuple[int, str], int] = {}
        self._standing: dict[tuple[int, str], _Standing] = {}

    def look(self, state: StateView, now: int) -> Iterator[tuple[AlertRule, Alert]]:
        """Alerts that are new (``resolved_at`` None) or over."""
        for number, rule in enumerate(self._rules):
            reading = _READINGS[rule.when]
            lasting = self._lasting(number, rule, reading.find(rule, state), now)
            subjects: dict[str, list[Found]] = {reading.together: lasting} if reading.together and lasting else {}
            if not reading.together:
                subjects = {found.member: [found] for found in lasting}
            yield from self._over(number, rule, subjects, now)
            for subject, found in subjects.items():
                alert = self._raise(number, rule, reading, subject=subject, found=found, now=now)
                if alert is not None:
                    yield rule, alert

    def _lasting(self, number: int, rule: AlertRule, found: Iterator[Found], now: int) -> list[Found]:
        """Those that have held for ``after_s``."""
        present = {one.member: one for one in found}
        for key in [key for key in self._since if key[0] == number and key[1] not in present]:
            del self._since[key]
        lasting: list[Found] = []
        for member, one in present.items():
            since = self._since.setdefault((number, member), now if one.since is None else min(now, one.since))
            if now - since >= rule.after_s * SECOND_NS:
                lasting.append(one)
        return lasting

    def _over(
        self, number: int, rule: AlertRule, subjects: dict[str, list[Found]], now: int
    ) -> Iterator[tuple[AlertRule, Alert]]:
        for key in [key for key in self._standing if key[0] == number and key[1] not in subjects]:
            yield rule, structs.replace(self._standing.pop(key).alert, resolved_at=now)

    def _raise(
        self, number: int, rule: AlertRule, reading: Reading, *, subject: str, found: list[Found], now: int
    ) -> Alert | None:
        standing = self._standing.get((number, subject))
        told = standing.told if standing else frozenset[str]()
        fresh = [one for one in found if one.member not in told]
        if not fresh or not self._cooldowns.over(rule, subject, now):
            return None
        words = ", ".join(one.words for one in fresh[:_NAMED])
        more = f", and {len(fresh) - _NAMED} more" if len(fresh) > _NAMED else ""
        instruments = {one.instrument for one in fresh}
        alert = make_alert(
            rule,
            subject=subject,
            instrument=instruments.pop() if len(instruments) == 1 else None,
            title=reading.title.format(subject),
            text=words + more,
            now=now,
        )
        self._cooldowns.remember(rule.title, subject, now)
        self._standing[number, subject] = _Standing(alert, told | {one.member for one in fresh})
        return alert


class Crossings:
    """Hears trades and signals: what happens in a moment."""

    def __init__(self, rules: Iterable[AlertRule], cooldowns: Cooldowns) -> None:
        rules = tuple(rules)
        self._prices = [rule for rule in rules if rule.when == "price"]
        self._signals = [rule for rule in rules if rule.when == "signal"]
        self._cooldowns = cooldowns
        self._last: dict[InstrumentId, float] = {}
        self._of: dict[InstrumentId, list[AlertRule]] = {}

    @property
    def wants_trades(self) -> bool:
        return bool(self._prices)

    def on_trade(self, trade: Trade, now: int) -> Iterator[tuple[AlertRule, Alert]]:
        """A crossing needs a price on the other side before it; what REST brings later says nothing about now."""
        instrument, price = trade.instrument, trade.price
        rules = self._of.get(instrument)
        if rules is None:
            rules = self._of[instrument] = [rule for rule in self._prices if _wanted(rule, instrument)]
        if not rules or trade.provenance is Provenance.BACKFILLED:
            return
        before = self._last.get(instrument)
        self._last[instrument] = price
        if before is None or before == price:
            return
        for rule in rules:
            title = _crossed(rule, before, price, symbol_of(instrument))
            if title and self._cooldowns.over(rule, instrument, now):
                self._cooldowns.remember(rule.title, instrument, now)
                text = f"the last price is {price:,.12g}, after {before:,.12g}"
                yield rule, make_alert(rule, subject=instrument, instrument=instrument, title=title, text=text, now=now)

    def on_signal(self, signal: Signal, now: int) -> Iterator[tuple[AlertRule, Alert]]:
        for rule in self._signals:
            wanted = _wanted(rule, signal.instrument) and rule.direction in {"", signal.direction.value}
            if wanted and self._cooldowns.over(rule, signal.instrument, now):
                self._cooldowns.remember(rule.title, signal.instrument, now)
                text = (
                    f"expected value {signal.expected_value_bps:+.1f} bps, entry {signal.entry:,.12g}, "
                    f"target {signal.target:,.12g}, stop {signal.stop:,.12g}"
                )
                title = f"{signal.direction.value.upper()} {symbol_of(signal.instrument)} {signal.timeframe}"
                yield (
                    rule,
                    make_alert(
                        rule, subject=signal.instrument, instrument=signal.instrument, title=title, text=text, now=now
                    ),
                )


def make_alert(
    rule: AlertRule, *, subject: str, instrument: InstrumentId | None, title: str, text: str, now: int
) -> Alert:
    """Its id comes from rule, subject and moment, so that a replay raises the same again."""
    raised_at = now // 1000 * 1000  # what the database can hold
    key = f"{rule.title}\n{rule.when}\n{subject}\n{title}\n{raised_at}"
    return Alert(
        id=blake2s(key.encode(), digest_size=10).hexdigest(),
        rule=rule.title,
        kind=AlertKind(rule.when),
        severity=Severity(rule.level),
        instrument=instrument,
        subject=clean(subject, limit=100),
        title=clean(title, limit=120),
        text=clean(text, limit=600),
        raised_at=raised_at,
    )


def _crossed(rule: AlertRule, before: float, price: float, symbol: str) -> str:
    """The title of the crossing; empty when there was none."""
    if rule.above is not None and before < rule.above <= price:
        return f"{symbol} rose to {rule.above:,.12g}"
    if rule.below is not None and before > rule.below >= price:
        return f"{symbol} fell to {rule.below:,.12g}"
    return ""


def _wanted(rule: AlertRule, instrument: InstrumentId) -> bool:
    return not rule.symbols or instrument in rule.symbols or symbol_of(instrument) in rule.symbols
