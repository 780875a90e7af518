"""The page about the API in docs/."""

from alphaplus_tui.api.page import page
from tests.support import REPOSITORY


def test_the_page_is_up_to_date() -> None:
    written = (REPOSITORY / "docs" / "api.md").read_text()
    assert written == page(), "write it anew: python -m alphaplus_tui.api.page > docs/api.md"


def test_the_page_tells_of_every_route_and_names_every_part() -> None:
    text = page()
    for told in ("### `GET /readyz`", "### `DELETE /api/v1/training/{training}`", "### Ticker", "WS /api/v1/stream"):
        assert told in text
    assert "$ref" not in text
