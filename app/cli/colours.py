"""The colours of words that say how something stands."""

_GOOD = "killed measured proven passed passing fix-ready ENDORSE SATISFIED finished yes"
_BAD = (
    "survived failed error timed-out regressed cannot-fail not-fixed breaks-others reproduced"
    " OBJECT P0"
)
_MIXED = "inconclusive skipped xfailed xpassed cancelled REFINE P1 running queued unverified"

STYLES = {
    **dict.fromkeys(_GOOD.split(), "green"),
    **dict.fromkeys(_BAD.split(), "bold red"),
    **dict.fromkeys(_MIXED.split(), "yellow"),
}
"""Words with their styles."""

_SGR = {"bold": "1", "green": "32", "bold red": "1;31", "yellow": "33"}
"""Styles as a terminal is told them."""


def style_of(text: str) -> str:
    """Return the style of a cell by its first word; empty for none."""
    return STYLES.get(text.partition(" ")[0], "") if text else ""


def painted(text: str, style: str) -> str:
    """Return `text` as a terminal shows it in a style; as it is for none."""
    return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if style and text else text
