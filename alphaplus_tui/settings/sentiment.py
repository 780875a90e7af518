"""The section of the settings about news."""

from typing import Annotated

from pydantic import AfterValidator, Field

from alphaplus_tui.settings.exchange import RestUrl
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas


class SentimentSettings(Section):
    """What the world says."""

    feeds: Annotated[
        tuple[Annotated[RestUrl, Field(min_length=1)], ...],
        Field(max_length=50),
        split_commas,
        AfterValidator(refuse_twins),
    ] = ()
    """Addresses of RSS and Atom feeds; empty: none are read."""
    fear_greed_url: RestUrl = ""
    """Address of an index of fear and greed; empty: none is asked."""
