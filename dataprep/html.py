"""What notebooks show of a value: a few lines of HTML, escaped, in the colours of the page around them, dark or light."""

from collections.abc import Iterable
from html import escape
from typing import Final

LONG: Final = 300
"""Characters of one value that are shown."""

TABLE: Final = "border-collapse:collapse;font-size:90%;background:none;color:inherit;margin:0"
CELL: Final = (
    "text-align:left;vertical-align:top;padding:1px 12px 1px 0;background:none;border:0;white-space:normal;color:inherit"
)


def card(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Returns a title above a table of names and values; whatever they hold, it is text.

    Example:
        >>> card("Batch", [("images", "<b>")]).count("&lt;b&gt;")
        1
    """
    lines = "".join(
        f'<tr style="background:none"><td style="{CELL};opacity:.7;white-space:nowrap">{_text(name)}</td>'
        f'<td style="{CELL};overflow-wrap:anywhere">{_text(value)}</td></tr>'
        for name, value in rows
    )
    return f'<div style="color:inherit"><strong>{_text(title)}</strong><table style="{TABLE}">{lines}</table></div>'


def few(counts: dict[str, int], most: int = 8) -> str:
    """Returns how often some names come, the first of them by name, the others counted."""
    named = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    return ", ".join([*named, f"and {len(counts) - most:,} more"] if len(counts) > most else named)


def _text(value: object) -> str:
    """Returns text that is no markup, cut where it is long."""
    text = str(value)
    return escape(text if len(text) <= LONG else f"{text[:LONG]}…")
