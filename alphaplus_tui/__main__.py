"""The entry point: ``alphaplus``, and ``python -m alphaplus_tui``."""

import time

_STARTED_AT = time.monotonic()


def main() -> None:
    """Runs the command line; leaves by ``SystemExit`` with the exit codes of the tree of errors."""
    from alphaplus_tui.cli.app import run  # noqa: PLC0415  the clock starts before anything is imported

    run(_STARTED_AT)


if __name__ == "__main__":
    main()
