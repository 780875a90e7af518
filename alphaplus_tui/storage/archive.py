"""Reads a backup from end to end: which tables are in it, how many rows of each, of which schema."""

import asyncio
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.storage.client_tools import ClientTools, last_words

_COPY = re.compile(rb"COPY (\S+) \(.*\) FROM stdin;\n")
_END = b"\\.\n"
LEDGER = "schema_migrations"


class Archive(NamedTuple):
    """What a whole archive holds."""

    rows: dict[str, int]
    """By table, with its schema; each partition by itself."""
    schema_version: int


async def read_archive(tools: ClientTools, file: Path) -> Archive:
    """Unpacks all of it, so that a damaged one is noticed. ``UsageError`` when it is no backup of ours."""
    command = tools.command("pg_restore", "--file=-", str(file), connected=False)
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - read in a thread; our own words, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tools.environment()
    )
    try:
        archive, complaints, code = await asyncio.to_thread(_read, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    if code != 0:
        raise FatalError(f"{file}: cannot be read as a backup: {last_words(complaints)}")
    if not archive.schema_version:
        raise UsageError(f"{file}: is no backup of AlphaPlus: it does not say which schema its tables have")
    return archive


def _read(process: "subprocess.Popen[bytes]") -> tuple[Archive, bytes, int]:
    assert process.stdout is not None
    assert process.stderr is not None
    archive = count_rows(process.stdout)
    return archive, process.stderr.read(), process.wait()


def count_rows(script: Iterable[bytes]) -> Archive:
    """Of the SQL that an archive unpacks to."""
    rows: dict[str, int] = {}
    version, table = 0, ""
    for line in script:
        if not table:
            begun = _COPY.fullmatch(line)
            if begun:
                table = begun[1].decode()
                rows[table] = 0
        elif line == _END:
            table = ""
        else:
            rows[table] += 1
            if table.endswith(f".{LEDGER}"):
                version = max(version, int(line.partition(b"\t")[0]))
    return Archive(rows, version)
