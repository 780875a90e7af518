"""The token of the HTTP API: a file that only its owner can read."""

import os
import re
import secrets
import stat
from pathlib import Path

from alphaplus_tui.errors import ConfigError

_TOKEN = re.compile(r"[A-Za-z0-9_\-]{32,256}")


def ensure_token(file: Path) -> str:
    """The token in ``file``; a new one where there is none, or where others could have read it."""
    token = _private(file)
    if token is not None:
        return token
    token = secrets.token_urlsafe(32)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(token + "\n")
        draft.replace(file)
    except OSError as error:
        raise ConfigError(f"{file}: the token of the API cannot be written ({error.strerror or error})") from None
    return token


def read_token(file: Path) -> str:
    """The token that an engine wrote into ``file``; ``ConfigError`` where there is none."""
    try:
        text = file.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"{file}: the token of the API cannot be read ({error.strerror or error}); "
            "an AlphaPlus that serves the API writes it"
        ) from None
    if not _TOKEN.fullmatch(text):
        raise ConfigError(f"{file}: holds no token of the API; remove it, and AlphaPlus writes a new one")
    return text


def _private(file: Path) -> str | None:
    """What the file holds, if it is a token that is nobody else's."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor) as stream:
        found = os.fstat(descriptor)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            return None
        text = stream.read(1024).strip()
    return text if _TOKEN.fullmatch(text) else None
