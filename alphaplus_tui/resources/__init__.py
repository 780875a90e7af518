"""Reads the files that come with AlphaPlus, ``config/`` and ``assets/``, from the checkout or from the wheel."""

from pathlib import Path

import alphaplus_tui

_PACKAGE = Path(alphaplus_tui.__file__).resolve().parent
_PACKED = _PACKAGE / "_packed"


def resource(name: str) -> Path:
    """The file or folder ``name``, such as ``config/alphaplus.toml``; ``FileNotFoundError`` when there is none."""
    root = _PACKED if _PACKED.is_dir() else _PACKAGE.parent
    found = root / name
    if not found.exists():
        raise FileNotFoundError(f"{name} is missing from this installation of AlphaPlus ({root})")
    return found


def read_resource(name: str) -> str:
    """The text of the file ``name``."""
    return resource(name).read_text(encoding="utf-8")
