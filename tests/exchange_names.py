"""Writes the list of exchanges that ccxt knows, so that settings can be checked without importing it.

``python -m tests.exchange_names`` after each new version of ccxt.
"""

import textwrap
from pathlib import Path

import ccxt

from tests.support import REPOSITORY

FILE = REPOSITORY / "alphaplus_tui" / "exchanges" / "ccxt" / "names.py"


def names_module() -> str:
    """What the file should say for the ccxt that is installed."""
    names = sorted(str(name) for name in ccxt.exchanges)
    lines = textwrap.wrap(" ".join(names), width=114, break_long_words=False, break_on_hyphens=False)
    listed = "\n".join(f"    {line}" for line in lines)
    return (
        '"""The exchanges that ccxt knows; `python -m tests.exchange_names` writes this file."""\n\n'
        f'CCXT_NAMES = frozenset(\n    """\n{listed}\n    """.split()  # noqa: SIM905 - a list fills a page\n)\n'
    )


def main(file: Path = FILE) -> None:
    file.write_text(names_module())


if __name__ == "__main__":
    main()
