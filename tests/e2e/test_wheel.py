"""The built wheel, installed elsewhere, is the whole product."""

import asyncio
import os
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.harness import environment
from tests.support import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("machine")]


async def output(*arguments: str, home: Path, cwd: Path) -> str:
    """What a command prints; it must end with 0."""
    kept = environment(home)
    kept.pop("PYTHONPATH")
    process = await asyncio.create_subprocess_exec(
        *arguments, env=kept, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")

    async def build() -> None:
        command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
        await output(*command, home=folder, cwd=REPOSITORY)

    asyncio.run(build())
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_configuration_assets_migrations_and_styles(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "alphaplus_tui/_packed/config/alphaplus.toml" in names
    assert any(name.startswith("alphaplus_tui/_packed/assets/") for name in names)
    assert any(name.startswith("alphaplus_tui/storage/migrations/") and name.endswith(".sql") for name in names)
    assert any(name.endswith(".tcss") for name in names)
    assert not any(name.startswith(("tests/", "docs/")) for name in names)


async def test_it_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    venv.create(elsewhere, with_pip=False)
    # what it depends on is there already: only the product itself is installed anew
    packages = next(elsewhere.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(os.pathsep.join(p for p in sys.path if p.endswith("site-packages")))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    python = str(elsewhere / "bin" / "python")
    where = await output(
        python, "-c", "import alphaplus_tui; print(alphaplus_tui.__file__)", home=tmp_path, cwd=tmp_path
    )
    assert str(packages) in where

    program = (python, "-m", "alphaplus_tui")
    await output(*program, "config", "init", home=tmp_path, cwd=tmp_path)
    written = (await output(*program, "config", "path", home=tmp_path, cwd=tmp_path)).strip()
    assert Path(written).read_text() == (REPOSITORY / "config" / "alphaplus.toml").read_text()
    demo = await output(*program, "--demo", "--headless", "--duration", "3s", home=tmp_path, cwd=tmp_path)
    assert '"event":"summary"' in demo.splitlines()[-1]
