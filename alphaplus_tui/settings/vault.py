"""Keeps secrets: read from the environment, then the system's keyring, then a file that only its owner can read."""

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from pydantic import SecretStr

from alphaplus_tui.errors import AlphaPlusError, ConfigError
from alphaplus_tui.settings.secret_names import check_secret_name, variables

T = TypeVar("T")

_SERVICE = "alphaplus"
_KEYRING_WITHIN_S = 5.0
_UNLOCK_WITHIN_S = 120.0
"""When somebody sits there who may be asked to unlock it."""
_MOST_BYTES = 1_000_000


class Keyring(Protocol):
    """What we ask of a backend of the library keyring."""

    @property
    def priority(self) -> float: ...

    def get_password(self, service: str, username: str, /) -> str | None: ...

    def set_password(self, service: str, username: str, password: str, /) -> None: ...

    def delete_password(self, service: str, username: str, /) -> None: ...


class NoKeyring(AlphaPlusError):
    """This machine has no keyring that can be used, or it does not answer."""

    title = "No keyring"


class FoundSecret(NamedTuple):
    value: SecretStr
    origin: str
    """``environment NAME``, ``keyring`` or ``file /path``."""


class Vault:
    """Nothing is read before it is asked for; the keyring only for what is said to be in it, or is nowhere else."""

    def __init__(self, file: Path, *, environ: Mapping[str, str] | None = None) -> None:
        """file: where secrets are kept on machines without a keyring, and which ones the keyring has."""
        self.file = file
        self._environ = os.environ if environ is None else environ

    def find(self, name: str) -> FoundSecret | None:
        """None when it is nowhere. ``ConfigError`` for a file that others can read, ``NoKeyring`` when it is locked."""
        for variable in variables(name):
            if value := self._environ.get(variable):
                return FoundSecret(SecretStr(value), f"environment {variable}")
        kept = self._read()
        in_file = kept.values.get(name)
        if name in kept.in_keyring or in_file is None:
            try:
                value = _with_keyring(lambda ring: ring.get_password(_SERVICE, name), within_s=_KEYRING_WITHIN_S)
            except NoKeyring:
                if name in kept.in_keyring and in_file is None:
                    raise
                value = None
            if value:
                return FoundSecret(SecretStr(value), "keyring")
        return FoundSecret(SecretStr(in_file), f"file {self.file}") if in_file else None

    def in_environment(self, variable: str) -> bool:
        return bool(self._environ.get(variable))

    def keep(self, name: str, value: str, *, in_file: bool) -> str:
        """Keep it in the keyring, or in the file when that was asked for; returns where. ``NoKeyring``."""
        check_secret_name(name)
        kept = self._read()
        if in_file:
            self._write(kept.with_value(name, value))
            return f"file {self.file}"
        _with_keyring(lambda ring: ring.set_password(_SERVICE, name, value), within_s=_UNLOCK_WITHIN_S)
        self._write(kept.with_keyring(name))
        return "keyring"

    def forget(self, name: str) -> tuple[str, ...]:
        """Delete it wherever it is kept; returns from where. The environment is not ours to change."""
        kept, gone = self._read(), list[str]()
        if name in kept.in_keyring:
            _with_keyring(lambda ring: _delete(ring, name), within_s=_UNLOCK_WITHIN_S)
            gone.append("keyring")
        if name in kept.values:
            gone.append(f"file {self.file}")
        if gone:
            self._write(kept.without(name))
        return tuple(gone)

    def names(self) -> dict[str, str]:
        """Those that are kept, and where; without asking the keyring."""
        kept = self._read()
        return dict.fromkeys(kept.values, f"file {self.file}") | dict.fromkeys(kept.in_keyring, "keyring")

    def _read(self) -> "_Kept":
        try:
            with self.file.open("rb") as stream:
                found = os.fstat(stream.fileno())
                raw = stream.read(_MOST_BYTES)
        except FileNotFoundError:
            return _Kept({}, ())
        except OSError as error:
            raise ConfigError(f"file {self.file}: cannot be read ({error.strerror or error})") from None
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
            raise ConfigError(
                f"file {self.file}: holds secrets, and others than you can read it; "
                f"make it yours alone: chmod 600 {self.file}"
            )
        try:
            tree = cast("dict[str, Any]", json.loads(raw))
            return _Kept(
                {str(name): str(value) for name, value in tree["values"].items()}, tuple(map(str, tree["in_keyring"]))
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                f"file {self.file}: is no file of secrets; delete it and set them again with `alphaplus secrets set`"
            ) from None

    def _write(self, kept: "_Kept") -> None:
        """Replaced at once, so that a crash leaves the old or the new one."""
        text = json.dumps({"values": kept.values, "in_keyring": sorted(kept.in_keyring)}, indent=1)
        fresh = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.file)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise ConfigError(f"file {self.file}: cannot be written ({error.strerror or error})") from None


class _Kept(NamedTuple):
    """What the file says."""

    values: dict[str, str]
    in_keyring: tuple[str, ...]

    def with_value(self, name: str, value: str) -> "_Kept":
        return _Kept({**self.values, name: value}, self.in_keyring)

    def with_keyring(self, name: str) -> "_Kept":
        """The keyring has it from now on, and the file no longer does."""
        fresh = self.without(name)
        return _Kept(fresh.values, (*fresh.in_keyring, name))

    def without(self, name: str) -> "_Kept":
        values = {other: value for other, value in self.values.items() if other != name}
        return _Kept(values, tuple(other for other in self.in_keyring if other != name))


def _with_keyring(work: Callable[[Keyring], T], *, within_s: float) -> T:
    """In a thread, for a keyring may wait for somebody to unlock it. ``NoKeyring`` whatever goes wrong."""
    results: list[T] = []
    errors: list[str] = []

    def run() -> None:
        try:
            import keyring  # noqa: PLC0415  a third of a second, and only where it is needed

            ring = cast("Keyring", keyring.get_keyring())
            if ring.priority <= 0:
                errors.append("this machine has none that works")
            else:
                results.append(work(ring))
        except Exception as error:  # noqa: BLE001 - backends raise whatever their libraries raise
            errors.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(within_s)
    if results:
        return results[0]
    reason = errors[0] if errors else f"it did not answer within {within_s:g} s; it may be locked"
    raise NoKeyring(f"the system's keyring cannot be used: {reason}")


def _delete(ring: Keyring, name: str) -> None:
    if ring.get_password(_SERVICE, name) is not None:
        ring.delete_password(_SERVICE, name)
