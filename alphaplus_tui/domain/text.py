"""Makes text from outside harmless: no control characters, no bidi overrides, a bounded length."""

import re

_HARMFUL = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero-width and bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff\ufff9-\ufffb"  # lone surrogates, interlinear annotation
    "]+"
)


def clean(text: str, *, limit: int = 2000) -> str:
    """``text`` on one line without control characters; each run of them becomes one space at most."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(" ", text)
