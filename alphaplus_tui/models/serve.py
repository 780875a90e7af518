"""Starts the inference process: ``python -m alphaplus_tui.models.serve THREADS``."""

import sys


def main() -> None:
    # TA-Lib would import it for its own sake, which takes a second; nothing here uses it
    sys.modules["pandas"] = None  # pyright: ignore[reportArgumentType]  None is how an import is refused
    from alphaplus_tui.models.server import serve  # noqa: PLC0415  only now

    serve(threads=int(sys.argv[1]))


if __name__ == "__main__":
    main()
