"""Which folders AlphaPlus uses: data, configuration, cache, and the short one for sockets."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from platformdirs import PlatformDirs

from alphaplus_tui.errors import ConfigError

Mode: TypeAlias = Literal["live", "demo", "replay"]

_APP = "alphaplus"
_PRIVATE = 0o700
_LONGEST_RUNTIME = 85
"""Bytes: a socket's path may have 107 (103 on macOS), and PostgreSQL's name takes 18 of them."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one AlphaPlus; nothing is created before ``prepare``."""

    data: Path
    cache: Path
    runtime: Path
    """For sockets alone: short, and nobody else's."""

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def log_file(self) -> Path:
        return self.logs / "alphaplus.log"

    @property
    def database(self) -> Path:
        """The embedded server's own folder."""
        return self.data / "postgres"

    @property
    def spool(self) -> Path:
        return self.data / "spool"

    @property
    def models(self) -> Path:
        """The registry: an index, and a folder for each model."""
        return self.data / "models"

    @property
    def api_token(self) -> Path:
        """What whoever asks the HTTP API must know."""
        return self.data / "api-token"

    @property
    def control_socket(self) -> Path:
        return self.runtime / "control.sock"

    def prepare(self) -> None:
        """Creates the folders for the owner alone; ``ConfigError`` where that cannot be."""
        for folder in (self.data, self.cache, self.logs, self.runtime):
            _make_private(folder)
        _check_owner(self.runtime)


def locate(mode: Mode, *, data_dir: Path | None = None, environ: Mapping[str, str] | None = None) -> Paths:
    """The folders for ``mode``; ``data_dir`` is used as it is in every mode."""
    environ = os.environ if environ is None else environ
    dirs = PlatformDirs(_APP, appauthor=False)
    if data_dir is not None:
        data = data_dir.expanduser().absolute()
    else:
        data = dirs.user_data_path if mode == "live" else dirs.user_data_path / mode
    return Paths(data=data, cache=dirs.user_cache_path, runtime=_runtime(data, environ))


def user_config_file() -> Path:
    """Where the user's own settings are, whether or not the file exists."""
    return PlatformDirs(_APP, appauthor=False).user_config_path / "alphaplus.toml"


def user_secrets_file() -> Path:
    """Where secrets are kept on a machine without a keyring, whether or not the file exists."""
    return user_config_file().with_name("secrets.json")


def _runtime(data: Path, environ: Mapping[str, str]) -> Path:
    mark = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    private = environ.get("XDG_RUNTIME_DIR", "")
    if private and _is_ours(Path(private)):
        folder = Path(private) / f"{_APP}-{mark}"
        if len(os.fsencode(folder)) <= _LONGEST_RUNTIME:
            return folder
    folder = Path(tempfile.gettempdir()) / f"{_APP}-{os.getuid()}-{mark}"
    if len(os.fsencode(folder)) <= _LONGEST_RUNTIME:
        return folder
    return Path("/tmp") / folder.name  # noqa: S108 - the name holds our user id, and prepare() checks the owner


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _make_private(folder: Path) -> None:
    try:
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir(mode=_PRIVATE, exist_ok=True)
        if not missing and _may_close(folder):
            folder.chmod(_PRIVATE)
        if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
            raise ConfigError(f"{folder}: is no folder that AlphaPlus may write to; name another with --data-dir")
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be used ({error.strerror or error}); name another folder with --data-dir"
        ) from None


def _may_close(folder: Path) -> bool:
    """Whether others may be kept out of a folder that was there: ours, and not a home or /tmp named by mistake."""
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & stat.S_ISVTX:
        return False
    return (folder / "engine.lock").exists() or not any(folder.iterdir()) or folder.name.startswith(f"{_APP}-")


def _check_owner(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{folder}: must be a folder of yours that nobody else can enter (it belongs to user "
            f"{found.st_uid}); remove it, or set XDG_RUNTIME_DIR"
        )
