"""Looks at what this machine gives us: folders and their modes, disk, files that may be open, the terminal."""

import locale
import os
import resource
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from alphaplus_tui.runtime.findings import Finding, fail, ok, warn
from alphaplus_tui.settings.paths import Paths

_FEW_FILES = 1024
_LITTLE_BYTES, _HARDLY_BYTES = 5_000_000_000, 500_000_000
_DAY_S = 86_400.0
_YOUNG_S = 3600.0
_SMALLEST = (80, 24)


def permissions(paths: Paths, config: Path, secrets: Path) -> Iterator[Finding]:
    """Folders 0700, files with secrets 0600, all of them ours."""
    wanted = ((paths.data, 0o077), (paths.runtime, 0o077), (paths.api_token, 0o077), (secrets, 0o077), (config, 0o022))
    wrong = 0
    for path, forbidden in wanted:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            wrong += 1
            yield fail(
                "permissions", f"{path}: cannot be looked at ({error.strerror})", "see whom its folder belongs to"
            )
            continue
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != os.getuid():
            wrong += 1
            yield fail("permissions", f"{path} belongs to user {found.st_uid}", f"chown {os.getuid()} {path}")
        elif mode & forbidden:
            wrong += 1
            right = "go-w" if forbidden == 0o022 else "go="
            yield fail("permissions", f"{path} is open to others (mode {mode:04o})", f"chmod {right} {path}")
    if not wrong:
        yield ok("permissions", f"folders and files with secrets are yours alone; data in {paths.data}")


def disk(folder: Path, *, stored_bytes: int, since: float | None) -> Finding:
    """The room that is left, and for how long.

    stored_bytes: what the database takes now; since: when it began (seconds since 1970), None where it is elsewhere.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free"
    age_s = time.time() - since if since is not None else 0.0
    days: float | None = None
    if stored_bytes and age_s > _YOUNG_S:
        per_day = stored_bytes / age_s * _DAY_S
        days = free / per_day
        told += (
            f"; {stored_bytes / 1e6:.0f} MB came in {age_s / _DAY_S:.1f} days, so it lasts for about {days:,.0f} more"
        )
    else:
        told += "; too young for a forecast"
    advice = "make room, or keep less: database.retain_trades_days"
    if free < _HARDLY_BYTES:
        return fail("disk", told, advice)
    if free < _LITTLE_BYTES or (days is not None and days < 7):
        return warn("disk", told, advice)
    return ok("disk", told)


def descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft} files may be open at once"
    if soft < _FEW_FILES:
        return warn("files", f"{told} (at most {hard})", f"ulimit -n {min(4096, hard)}, or LimitNOFILE= in the unit")
    return ok("files", told)


def terminal(environ: Mapping[str, str]) -> Finding:
    """What the console would be drawn on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        return warn("terminal", "there is none here", "only the console needs one; --headless, attach and web do not")
    name = environ.get("TERM", "")
    if name in {"", "dumb"}:
        return fail("terminal", f"TERM is {name!r}", "use a terminal that can place text, or --headless")
    columns, lines = shutil.get_terminal_size()
    encoding = locale.getpreferredencoding(do_setlocale=False)
    colours = (
        "none (NO_COLOR)"
        if environ.get("NO_COLOR")
        else "16 million"
        if environ.get("COLORTERM", "") in {"truecolor", "24bit"}
        else "256"
        if "256" in name
        else "16"
    )
    told = f"{name}, {columns}×{lines}, {encoding}, colours: {colours}"
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        return warn("terminal", told, f"make it at least {_SMALLEST[0]}×{_SMALLEST[1]}")
    if encoding.lower().replace("-", "") != "utf8":
        return warn("terminal", told, 'set LANG to a UTF-8 locale, or [ui] symbols = "ascii"')
    if colours in {"16", "256"}:
        return warn("terminal", told, "set COLORTERM=truecolor where the terminal has all colours")
    return ok("terminal", told)
