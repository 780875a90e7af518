"""``alphaplus doctor``: looks at everything that can be wrong, says how to mend it, and packs it up for others."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from alphaplus_tui import __version__
from alphaplus_tui.cli.configuration import masked
from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import engine_socket
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import EXIT_FAILURE, AlphaPlusError, AlreadyRunning, ConfigError, UsageError
from alphaplus_tui.logs.reader import read_page
from alphaplus_tui.logs.record import encode
from alphaplus_tui.logs.redaction import Redactor, secret_parts
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.remote.client import ask_status
from alphaplus_tui.runtime import machine
from alphaplus_tui.runtime.doctor import Patient, examine, known_secrets
from alphaplus_tui.runtime.findings import Finding, fail, ok
from alphaplus_tui.settings.engine_lock import acquire, running
from alphaplus_tui.settings.paths import user_config_file

if TYPE_CHECKING:
    from alphaplus_tui.settings.root import Loaded
    from alphaplus_tui.wire.control import Status

_LOG_LINES = 2000
_MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def examine_all(wishes: Wishes, *, bundle: Path | None, force: bool, as_json: bool) -> None:
    """Exit code 1 when something fails; warnings are no failure."""
    if bundle is not None and bundle.exists() and not force:
        raise UsageError(f"{bundle}: is there already; choose another name, or --force replaces it")
    loaded, wrong = _settings(wishes)
    findings = [wrong]
    packed: dict[str, str] = {}
    if loaded is not None:
        more, packed = _looked_at(wishes, loaded)
        findings += more
    else:
        findings += [machine.descriptors(), machine.terminal(os.environ)]
    if bundle is not None:
        _pack(bundle, findings, packed, force=force)
    if as_json:
        typer.echo(msgspec.json.encode({"event": "doctor", "findings": findings}).decode())
    for found in [] if as_json else findings:
        typer.echo(clean(f"{_MARKS[found.level]}  {found.check:<12} {found.text}", limit=600))
        if found.fix and found.level != "ok":
            typer.echo(clean(f"      {'':<12} → {found.fix}", limit=600))
    if bundle is not None and not as_json:
        typer.echo(clean(f"packed into {bundle}; look through it before you give it away"))
    if any(found.level == "fail" for found in findings):
        raise SystemExit(EXIT_FAILURE)


def _settings(wishes: Wishes) -> tuple[Loaded | None, Finding]:
    try:
        loaded = wishes.load()
        check_console_settings(loaded)
    except ConfigError as error:
        return None, fail("settings", str(error).replace("\n", "; "), "correct what it names, and ask again")
    except AlphaPlusError as error:
        return None, fail("settings", str(error), "see what it says")
    where = f"from {loaded.file}" if loaded.file else "the defaults; `alphaplus config init` writes a file"
    return loaded, ok("settings", f"{where}; exchange {loaded.settings.exchange.id}")


def _looked_at(wishes: Wishes, loaded: Loaded) -> tuple[list[Finding], dict[str, str]]:
    """What was found, and what belongs into a bundle, by file name, without secrets."""
    paths = wishes.paths(loaded)
    socket = engine_socket(paths)
    with ExitStack() as stack:
        holder = ""
        if socket is None and paths.data.is_dir():
            try:
                stack.enter_context(acquire(paths.data, "doctor"))
            except AlreadyRunning:
                holder = str(running(paths.data) or "another AlphaPlus")
            except ConfigError as error:
                return [fail("folders", str(error), "give AlphaPlus a folder that it may write to: --data-dir")], {}
        patient = Patient(loaded.settings, paths, wishes.config or user_config_file(), wishes.vault(), None, holder)
        secrets = known_secrets(patient)
        hidden = [part for value in secrets.values() for part in (value, *secret_parts(value))]
        redactor = Redactor(hidden)
        with Logs(level="error", secrets=hidden):
            findings, status = run_short(lambda: _examine(patient, socket))
    return [_redacted(found, redactor) for found in findings], _contents(loaded, paths.log_file, status, redactor)


async def _examine(patient: Patient, socket: Path | None) -> tuple[list[Finding], Status | None]:
    status: Status | None = None
    findings: list[Finding] = []
    if socket is not None:
        try:
            status = await ask_status(socket)
        except AlphaPlusError as error:
            findings.append(fail("engine", f"it runs and does not answer: {error}", "look into its log, or restart it"))
    seen = Patient(patient.settings, patient.paths, patient.config, patient.vault, status, patient.holder)
    findings += [found async for found in examine(seen)]
    return findings, status


def _contents(loaded: Loaded, log_file: Path, status: Status | None, redactor: Redactor) -> dict[str, str]:
    values = {
        ".".join(path): {"value": value, "origin": loaded.origin(".".join(path))}
        for path, value in masked(loaded).items()
    }
    told = {"settings.json": json.dumps(values, indent=1, ensure_ascii=False)}
    if status is not None:
        told["status.json"] = msgspec.json.format(msgspec.json.encode(status), indent=1).decode()
    lines = read_page(log_file, limit=_LOG_LINES).lines if log_file.exists() else ()
    told["log.jsonl"] = "".join(encode(line.record).decode() for line in lines)
    return {name: redactor.known(text) for name, text in told.items()}


def _pack(bundle: Path, findings: list[Finding], contents: Mapping[str, str], *, force: bool) -> None:
    report = {
        "alphaplus": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "variables": sorted(name for name in os.environ if name.startswith("ALPHAPLUS_")),
        "findings": findings,
    }
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doctor.json", msgspec.json.format(msgspec.json.encode(report), indent=1))
        for name, text in contents.items():
            archive.writestr(name, text)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(bundle, flags, 0o600), "wb") as stream:
            stream.write(packed.getvalue())
    except OSError as error:
        raise UsageError(f"{bundle}: cannot be written ({error.strerror or error})") from None


def _redacted(found: Finding, redactor: Redactor) -> Finding:
    return Finding(found.check, found.level, redactor.text(found.text), redactor.text(found.fix))
