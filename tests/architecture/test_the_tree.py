"""Promises about the files themselves."""

import ast
import re
from pathlib import Path

import pytest

from tests.support import REPOSITORY

SOURCES = sorted((REPOSITORY / "alphaplus_tui").rglob("*.py"))
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_the_first_line_says_what_a_file_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "no docstring"
    first = docstring.splitlines()[0]
    assert first.endswith("."), f"not a sentence: {first}"


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text())
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert not missing


def test_the_locks_hold_hashes_and_name_no_index() -> None:
    for lock in REPOSITORY.glob("requirements*.lock"):
        text = lock.read_text()
        packages = re.findall(r"^[a-z0-9].*==.*\\$", text, re.MULTILINE)
        unhashed = re.findall(r"^[a-z0-9][^\\\n]*==[^\\\n]*$", text, re.MULTILINE)
        assert packages
        assert not unhashed
        assert "://" not in text


def test_nothing_is_ever_unpickled_or_evaluated() -> None:
    forbidden = re.compile(r"\b(import pickle|import joblib|yaml\.load\(|(?<![\w.])eval\(|(?<![\w.])exec\()")
    found = [relative(path) for path in SOURCES if forbidden.search(path.read_text())]
    assert not found
