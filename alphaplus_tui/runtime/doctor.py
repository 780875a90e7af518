"""A check-up of everything that AlphaPlus needs, with or without a running engine; it changes nothing."""

import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alphaplus_tui import __version__
from alphaplus_tui.domain.instrument import exchange_of
from alphaplus_tui.errors import AlphaPlusError, UsageError
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.models.keeper import RegistryKeeper
from alphaplus_tui.ports.store import DatabaseStatistics
from alphaplus_tui.runtime import machine
from alphaplus_tui.runtime.findings import Finding, fail, ok, warn
from alphaplus_tui.runtime.following import open_exchange
from alphaplus_tui.runtime.short import open_database
from alphaplus_tui.settings.exchange import DEMO
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.settings.secret_names import variables
from alphaplus_tui.settings.vault import NoKeyring, Vault
from alphaplus_tui.wire.control import Status

_EXCHANGE_WITHIN_S = 15.0
_DATABASE_WITHIN_S = 30.0
_CLOCK_OFF_NS, _CLOCK_WRONG_NS = 500_000_000, 5_000_000_000


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at."""

    settings: Settings
    paths: Paths
    config: Path
    vault: Vault
    status: Status | None
    """Of the engine that runs in the data folder."""
    holder: str
    """Who else holds the data folder, so that its database cannot be started; empty when nobody."""


async def examine(patient: Patient) -> AsyncIterator[Finding]:
    """Each finding as it is known."""
    settings, paths = patient.settings, patient.paths
    yield ok("version", f"AlphaPlus {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for found in machine.permissions(paths, patient.config, patient.vault.file):
        yield found
    for found in _secrets(patient):
        yield found
    for found in _engine(patient.status):
        yield found
    for name in settings.exchange.followed():
        yield await _exchange(name, settings, paths, patient.status)
    statistics: DatabaseStatistics | None = None
    async for found in _database(patient):
        if isinstance(found, DatabaseStatistics):
            statistics = found
        else:
            yield found
    began = _began(paths) if settings.database.embedded else None
    yield machine.disk(paths.data, stored_bytes=statistics.size_bytes if statistics else 0, since=began)
    for found in await asyncio.to_thread(_models, paths):
        yield found
    yield machine.descriptors()
    yield machine.terminal(os.environ)


def _secrets(patient: Patient) -> Iterator[Finding]:
    channels = patient.settings.alerts.every_channel
    missing = 0
    for channel in channels:
        try:
            if patient.vault.find(channel) is not None:
                continue
            reason = f"there is no secret {channel!r}"
        except AlphaPlusError as error:
            reason = f"{channel}: {error}"
        missing += 1
        fix = f"`alphaplus secrets set {channel}`, or the environment variable {variables(channel)[0]}"
        yield warn("alerts", reason, fix)
    if channels and not missing:
        yield ok("alerts", f"each of {len(channels)} channels has its address; `alphaplus alerts test` tries them")
    elif not channels:
        yield ok("alerts", f"{len(patient.settings.alerts.rules)} rules, told in the console only")


def _engine(status: Status | None) -> Iterator[Finding]:
    if status is None:
        yield ok("engine", "none runs in this data folder")
        return
    down = [row for row in status.services if row.state in {"FAILED", "BACKING_OFF"}]
    degraded = [row for row in status.services if row.health == "DEGRADED" and row not in down]
    for row in down:
        why = row.reason or row.last_error or "no reason given"
        yield fail(
            "engine",
            f"service {row.name} is {row.state}: {why}",
            f"look for {row.name} on the Logs screen, or in logs/alphaplus.log of the data folder",
        )
    for row in degraded:
        yield warn("engine", f"service {row.name} is degraded: {row.reason}", "what it says, or wait until it is over")
    if not down and not degraded:
        yield ok("engine", f"pid {status.pid}, {len(status.services)} services run well")
    missing = sum(row.missing for row in status.gaps)
    if missing:
        yield warn("gaps", f"{missing:,} trades are missing", "`alphaplus coverage` says which, and why")


async def _exchange(name: str, settings: Settings, paths: Paths, status: Status | None) -> Finding:
    if name == DEMO and not settings.exchange.endpoints(name)[0]:
        return ok("exchange", "the demo market is made on this machine")
    try:
        data = open_exchange(
            name, settings.exchange, paths, clock=SystemClock(), market=WallMarketClock(), meters=Meters()
        )
    except AlphaPlusError as error:
        return fail("exchange", f"{name}: {error}", "correct exchange.id or the symbol's prefix")
    try:
        async with asyncio.timeout(_EXCHANGE_WITHIN_S):
            offset_ns = await data.clock_offset_ns()
    except TimeoutError:
        return fail("exchange", f"{name} did not answer within {_EXCHANGE_WITHIN_S:g} s", "check the network")
    except (AlphaPlusError, OSError) as error:
        return fail("exchange", f"{name}: {error}", "check the network, exchange.rest_url and proxies")
    finally:
        await data.close()
    told = f"{name} answers; this machine's clock is {offset_ns / 1e6:+.0f} ms off"
    if status is not None:
        feeds = [row for row in status.feeds if exchange_of(row.instrument) == name]
        told += f"; {sum(row.state == 'LIVE' for row in feeds)} of {len(feeds)} feeds are live"
    if abs(offset_ns) > _CLOCK_WRONG_NS:
        return fail("exchange", told, "let the machine keep time: systemctl enable --now systemd-timesyncd")
    if abs(offset_ns) > _CLOCK_OFF_NS:
        return warn("exchange", told, "let the machine keep time (NTP); AlphaPlus corrects for it meanwhile")
    return ok("exchange", told)


async def _database(patient: Patient) -> "AsyncIterator[Finding | DatabaseStatistics]":
    if patient.holder:
        yield warn("database", f"not looked at: {patient.holder} uses the data folder", "try again when it is done")
        return
    from alphaplus_tui.storage.migrate import migrations  # noqa: PLC0415  beside what brings asyncpg

    try:
        async with (
            asyncio.timeout(_DATABASE_WITHIN_S),
            open_database(patient.settings, patient.paths) as database,
        ):
            statistics = await database.statistics()
    except UsageError:
        yield ok("database", "nothing is stored yet; the first start makes it")
        return
    except TimeoutError:
        yield fail("database", f"it did not answer within {_DATABASE_WITHIN_S:g} s", "look at logs/postgres.log")
        return
    except AlphaPlusError as error:
        advice = (
            f"{patient.paths.data / 'logs' / 'postgres.log'} has the rest; a full disk is the usual cause"
            if patient.settings.database.embedded
            else "check database.url, its password, and that the server runs"
        )
        yield fail("database", str(error), advice)
        return
    yield statistics
    told = f"{statistics.kind} {statistics.version}, schema {statistics.schema_version}"
    told += f", {statistics.size_bytes / 1e6:.1f} MB, {sum(statistics.rows.values()):,} rows"
    known = migrations()[-1].version
    if statistics.schema_version > known:
        yield fail("database", f"{told}: newer than this release ({known})", "update AlphaPlus")
    elif statistics.schema_version < known:
        yield warn("database", f"{told}: this release has schema {known}", "`alphaplus db migrate`, or start AlphaPlus")
    else:
        yield ok("database", told)


def _models(paths: Paths) -> Sequence[Finding]:
    if not paths.models.is_dir():
        return [ok("models", "none yet")]
    try:
        records = RegistryKeeper(paths.models, time.time_ns).records()
    except (AlphaPlusError, OSError) as error:
        return [fail("models", str(error), f"move {paths.models} away; models can be trained anew")]
    broken = [row for row in records if row.trouble]
    findings = [
        fail("models", f"{row.id}: {row.trouble}", "`alphaplus models rollback` serves the champion before it")
        for row in broken
    ]
    champion = next((row.id for row in records if row.stage == "champion"), "")
    if not broken:
        findings.append(
            ok("models", f"{len(records)} with the hashes they were sealed with; champion {champion or 'none'}")
        )
    return findings


def _began(paths: Paths) -> float | None:
    """When the embedded database was made."""
    try:
        return (paths.database / "PG_VERSION").stat().st_mtime
    except OSError:
        return None


def known_secrets(patient: Patient) -> Mapping[str, str]:
    """Every secret that this machine gives us, by name, so that none of them leaves it."""
    found: dict[str, str] = {}
    password = patient.settings.database.password
    if password is not None:
        found["database.password"] = password.get_secret_value()
    for name in {*patient.settings.alerts.every_channel, *patient.vault.names()}:
        try:
            secret = patient.vault.find(name)
        except NoKeyring:
            continue
        if secret is not None:
            found[name] = secret.value.get_secret_value()
    with suppress(OSError):
        found["api-token"] = patient.paths.api_token.read_text().strip()
    return found
