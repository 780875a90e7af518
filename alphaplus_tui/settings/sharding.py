"""The section of the settings about several AlphaPlus on one database."""

from alphaplus_tui.settings.section import Section


class ShardingSettings(Section):
    """Several AlphaPlus on one database."""

    enabled: bool = False
    """Share the instruments with all other AlphaPlus on the same database that have the same ``exchange.symbols``."""
