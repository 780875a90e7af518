"""Features of the anchor: what the leading market (BTC) did, and how this one relates to it."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.features.windows import (
    DAY,
    delayed,
    log_close,
    log_ratio,
    ratio,
    returns,
    rolling_mean,
    volatility,
)


def anchor_log(panel: Panel) -> Floats:
    return panel.shared("anchor_log", lambda panel: np.log(panel.anchor_close))


def anchor_returns(panel: Panel) -> Floats:
    return panel.shared("anchor_returns", lambda panel: np.diff(anchor_log(panel), prepend=anchor_log(panel)[:1]))


def anchor_volatility(panel: Panel, window: int = DAY) -> Floats:
    return panel.shared(
        f"anchor_volatility {window}",
        lambda panel: np.sqrt(np.maximum(rolling_mean(np.square(anchor_returns(panel)), window), 0.0)),
    )


def anchor_return(panel: Panel, candles: int) -> Floats:
    """The anchor's log return, in units of its own volatility."""
    change = anchor_log(panel) - delayed(anchor_log(panel), candles)
    return ratio(change, anchor_volatility(panel) * np.sqrt(candles))


def ahead_of_anchor(panel: Panel, candles: int) -> Floats:
    """Log return less the anchor's, in units of this market's volatility."""
    spread = log_close(panel) - anchor_log(panel)
    return ratio(spread - delayed(spread, candles), volatility(panel) * np.sqrt(candles))


def correlation(panel: Panel) -> Floats:
    """Of the returns with the anchor's over a day, means taken as zero; absent where one of them stood still."""
    product = rolling_mean(returns(panel) * anchor_returns(panel), DAY)
    return np.clip(ratio(product, volatility(panel) * anchor_volatility(panel)), -1.0, 1.0)


def anchor_unrest(panel: Panel, window: int) -> Floats:
    """The anchor's volatility of late against its day's."""
    return log_ratio(anchor_volatility(panel, window), anchor_volatility(panel))


SPECS = (
    *(
        Feature(f"anchor_return_{n}", f"return of the anchor over {n} candles", DAY + 1, anchor_return, (n,))
        for n in (1, 6, 24)
    ),
    Feature("ahead_of_anchor_72", "return over 72 candles less the anchor's", DAY + 1, ahead_of_anchor, (72,)),
    Feature("anchor_correlation", "correlation with the anchor over a day", DAY + 1, correlation),
    Feature("anchor_unrest_12", "volatility of the anchor of late against its day's", DAY + 1, anchor_unrest, (12,)),
)
