"""The files that come with AlphaPlus are found, wherever it is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import alphaplus_tui
from alphaplus_tui.resources import read_resource, resource


def test_a_file_of_the_checkout_is_read() -> None:
    assert "[exchange]" in read_resource("config/alphaplus.toml")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"config/nothing\.toml"):
        resource("config/nothing.toml")


def test_an_installed_package_reads_what_was_packed_into_it(tmp_path: Path) -> None:
    package = tmp_path / "alphaplus_tui"
    (package / "_packed" / "config").mkdir(parents=True)
    (package / "_packed" / "config" / "alphaplus.toml").write_text("# packed")
    source = Path(alphaplus_tui.__file__).parent
    shutil.copy(source / "__init__.py", package)
    shutil.copytree(source / "resources", package / "resources")
    code = "from alphaplus_tui.resources import read_resource; print(read_resource('config/alphaplus.toml'))"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "# packed\n"
