"""The mood of a headline, from VADER's lexicon and the field's own words."""

import re
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

FIELD: Mapping[str, float] = {
    **dict.fromkeys(("surges", "surge", "surged", "soars", "soar", "soared", "skyrockets", "rallies", "rally"), 2.4),
    **dict.fromkeys(("rallied", "jumps", "jumped", "climbs", "climbed", "rebounds", "rebound", "recovers"), 1.8),
    **dict.fromkeys(("bullish", "bull", "bulls", "alltimehigh", "goldencross", "tothemoon", "bullrun"), 2.6),
    **dict.fromkeys(("rises", "rise", "rose", "inflow", "inflows", "adoption", "adopts", "upgrade", "upgrades"), 1.4),
    **dict.fromkeys(("approve", "approves", "approved", "greenlight", "greenlights", "breakout", "outperforms"), 1.9),
    **dict.fromkeys(("accumulates", "accumulation", "raises", "raised", "partnership", "partners", "unveils"), 1.0),
    **dict.fromkeys(("plunges", "plunge", "plunged", "tumbles", "tumble", "tumbled", "crashes", "crashed"), -2.6),
    **dict.fromkeys(("plummets", "plummet", "plummeted", "selloff", "capitulation", "deathcross", "slumps"), -2.5),
    **dict.fromkeys(("bearish", "bears", "slides", "slid", "sinks", "sank", "slips", "slipped", "dips"), -1.7),
    **dict.fromkeys(("falls", "fell", "declines", "retreats", "outflow", "outflows", "dumps", "dumped"), -1.6),
    **dict.fromkeys(("hack", "hacks", "hacked", "hacker", "hackers", "exploit", "exploits", "exploited"), -2.8),
    **dict.fromkeys(("rugpull", "ponzi", "phishing", "drained", "heist", "laundering", "insolvent"), -3.0),
    **dict.fromkeys(("bankrupt", "bankruptcy", "insolvency", "depeg", "depegs", "depegged", "halts", "halted"), -2.4),
    **dict.fromkeys(("sue", "sues", "sued", "lawsuit", "lawsuits", "charges", "charged", "indicted"), -1.9),
    **dict.fromkeys(("sentenced", "prison", "subpoena", "probe", "crackdown", "delist", "delists", "delisted"), -1.9),
    **dict.fromkeys(("liquidation", "liquidations", "liquidated", "bans", "banned", "outage", "layoffs"), -1.9),
}
"""Words on VADER's scale, -4 to 4, that mean more to the field than to others."""
NEUTRAL = (
    *("interest", "trust", "trusts", "share", "shares", "security", "securities", "asset", "assets", "treasury"),
    *("treasuries", "stable", "block", "blocks", "top", "like", "proof", "gas", "credit", "yields", "united"),
)
"""Words that have a mood elsewhere and are only names here."""
_PHRASES = {
    "all-time high": "alltimehigh",
    "all time high": "alltimehigh",
    "record high": "alltimehigh",
    "golden cross": "goldencross",
    "death cross": "deathcross",
    "to the moon": "tothemoon",
    "bull run": "bullrun",
    "bull market": "bullrun",
    "bear market": "bearish",
    "rug pull": "rugpull",
    "sell-off": "selloff",
    "sell off": "selloff",
}
_PHRASE = re.compile("|".join(map(re.escape, _PHRASES)), re.IGNORECASE)


class Mood:
    """Scores headlines; reading the lexicon takes a tenth of a second, once."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it opens its lexicon as newer Pythons advise against
            library = import_module("vaderSentiment.vaderSentiment")
            self._analyzer: Any = library.SentimentIntensityAnalyzer()  # Any: it has no types
        self._analyzer.lexicon.update(FIELD)
        for word in NEUTRAL:
            self._analyzer.lexicon.pop(word, None)

    def of(self, text: str) -> float:
        """-1 (bad) to 1 (good); 0 when no word has a mood."""
        plain = _PHRASE.sub(lambda found: _PHRASES[found[0].lower()], text)
        return float(self._analyzer.polarity_scores(plain)["compound"])
