"""Says how many of a thing there are."""


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 file``, ``2,000 files``; ``things`` where the plural is not made with an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
