"""Holds a little disk back, which PostgreSQL gets when the disk is full: its log must be able to end."""

import os
import shutil
from pathlib import Path

import structlog

_BYTES = 48 * 1024 * 1024
"""Three segments of PostgreSQL's log."""
_ROOM_TO_TAKE = 512 * 1024 * 1024
_ROOM_TO_GIVE = 16 * 1024 * 1024

_log = structlog.get_logger(__name__)


class Ballast:
    """One file that is there while there is room, and gone while there is none."""

    def __init__(
        self, path: Path, *, size: int = _BYTES, room_to_take: int = _ROOM_TO_TAKE, room_to_give: int = _ROOM_TO_GIVE
    ) -> None:
        """room_to_take, room_to_give: free bytes above which it is made, and below which it is given up."""
        self._path, self._size = path, size
        self._room_to_take, self._room_to_give = room_to_take, room_to_give

    def trim(self) -> None:
        """Look at the disk, and make it or give it up; a disk that cannot be asked is left alone."""
        try:
            free = shutil.disk_usage(self._path.parent).free
            there = self._path.exists()
            if there and free < self._room_to_give:
                self._path.unlink()
                _log.warning("disk_full", freed_bytes=self._size, free_bytes=free)
            elif not there and free > self._room_to_take:
                self._make()
        except OSError as error:
            _log.debug("ballast_left_alone", reason=str(error))

    def _make(self) -> None:
        """With real blocks: a file of holes would hold nothing back."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, 0, self._size)
            else:
                for _ in range(self._size // 65_536):
                    os.write(file, bytes(65_536))
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
