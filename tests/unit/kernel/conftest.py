"""The kernel logs every end of a service: kept off the screen, where drawing tracebacks costs seconds."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield
