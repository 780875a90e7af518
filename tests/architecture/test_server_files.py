"""What servers are set up with names files, settings and exit codes that exist."""

import re
from pathlib import Path

from alphaplus_tui.cli.signals import EXIT_BY_SIGNAL
from alphaplus_tui.errors import EXIT_ALREADY_RUNNING, EXIT_CONFIG, EXIT_USAGE
from alphaplus_tui.settings.root import load_settings
from tests.support import REPOSITORY

DOCKER = REPOSITORY / "assets" / "docker"


def test_the_unit_restarts_what_restarting_can_help_and_nothing_else() -> None:
    unit = (REPOSITORY / "assets/systemd/alphaplus.service").read_text().splitlines()
    hopeless = f"RestartPreventExitStatus={EXIT_USAGE} {EXIT_ALREADY_RUNNING} {EXIT_CONFIG}"
    for line in ("Type=notify", "NotifyAccess=main", f"SuccessExitStatus={max(EXIT_BY_SIGNAL.values())}", hopeless):
        assert line in unit
    assert any(line.startswith("WatchdogSec=") for line in unit)


def test_compose_mounts_what_is_there() -> None:
    compose = (DOCKER / "compose.yaml").read_text()
    mounted = re.findall(r"^\s+- (\.[^:]*):", compose, re.MULTILINE)
    assert len(mounted) >= 4
    for path in mounted:
        assert (DOCKER / path).exists(), path


def test_compose_sets_settings_that_exist() -> None:
    compose = (DOCKER / "compose.yaml").read_text()
    said = dict(re.findall(r"^\s+(ALPHAPLUS_\w+__\w+): (.+)$", compose, re.MULTILINE))
    plain = {name: re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", value).strip('"') for name, value in said.items()}
    settings = load_settings(None, environ=plain).settings
    assert not settings.database.embedded
    assert settings.database.password is not None
    assert settings.api.serves(headless=True)
    assert len(settings.exchange.symbols) == 3


def test_the_image_copies_what_is_there() -> None:
    dockerfile = (DOCKER / "Dockerfile").read_text()
    words = [word for line in re.findall(r"^COPY (?!--)(.*)$", dockerfile, re.MULTILINE) for word in line.split()[:-1]]
    assert words
    for word in words:
        assert Path(REPOSITORY, word).exists(), word
