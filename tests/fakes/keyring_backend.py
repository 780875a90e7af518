"""A keyring in memory, or in a file so that several processes share it; one that hangs, and one that refuses."""

import json
import os
import threading
from pathlib import Path
from typing import ClassVar

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class MemoryKeyring(KeyringBackend):
    """``FAKE_KEYRING`` in the environment names the file, where there is one."""

    priority: ClassVar[float] = 5  # pyright: ignore[reportIncompatibleVariableOverride] - a property of the class in the library

    def __init__(self) -> None:
        super().__init__()
        named = os.environ.get("FAKE_KEYRING")
        self.file = Path(named) if named else None
        self.kept: dict[str, str] = json.loads(self.file.read_text()) if self.file and self.file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[f"{service}/{username}"] = password
        self._save()

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[f"{service}/{username}"]
        self._save()

    def _save(self) -> None:
        if self.file:
            self.file.write_text(json.dumps(self.kept))


class LockedKeyring(MemoryKeyring):
    """Nobody unlocks it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("the collection is locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("the collection is locked")


class HangingKeyring(MemoryKeyring):
    """Waits for somebody to type a password."""

    over = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return None
