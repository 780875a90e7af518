"""TA-Lib, loaded at its first use and without pandas: specs are also read where nothing is computed."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import talib
else:

    class _Late:
        """Stands for the module; an attribute is looked up once."""

        def __getattr__(self, name: str) -> object:
            found = getattr(_load(), name)
            setattr(self, name, found)
            return found

    talib = _Late()


def _load() -> object:
    """TA-Lib wraps every function for pandas and polars where it finds them: 0.5 s and 80 MB that nobody needs."""
    if "talib" in sys.modules:
        return sys.modules["talib"]
    hidden = [name for name in ("pandas", "polars") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]  # that is how an import is forbidden
    try:
        return import_module("talib")
    finally:
        for name in hidden:
            del sys.modules[name]


__all__ = ["talib"]
