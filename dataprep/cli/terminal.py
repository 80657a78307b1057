"""What reaches the terminal: all of it goes through here, where no name, label or reason can steer the terminal.

Names of files are hostile: escape sequences in them could recolour, overwrite or hide lines, or type for the user.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, what turns the direction of writing, and halves of characters."""


def plain(text: str) -> str:
    r"""Returns a line in which all that is no letter to see is spelt out, such as \x1b; a byte that is not UTF-8 is \xff."""
    return UNSEEN.sub(_spell, text)


def say(text: object, quiet: bool = False, *, error: bool = False) -> None:
    """Prints a line, unless quiet; on standard error if it is about one."""
    if not quiet:
        click.echo(plain(str(text)), err=error)


def say_json(data: Any) -> None:
    """Prints data as JSON, which spells out all but ASCII."""
    click.echo(json.dumps(data, indent=2))


class Terminal(Console):
    """A console for tables, styles and progress bars; what is in them is as plain as any line."""

    def __init__(self, *, error: bool = False) -> None:
        """Prints to standard output, or to standard error."""
        super().__init__(stderr=error, highlight=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields what is printed, before it is styled."""
        for segment in super().render(renderable, options):
            text = segment.text
            yield segment if segment.control or text == "\n" else Segment("\n".join(map(plain, text.split("\n"))), segment.style)


def _spell(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
