"""One file, two files."""

from alphaplus_tui.domain.numerals import counted


def test_one_is_singular_and_thousands_are_parted() -> None:
    assert counted(1, "file") == "1 file"
    assert counted(0, "file") == "0 files"
    assert counted(12_345, "entry", "entries") == "12,345 entries"
