"""Tables, styles and progress bars on the terminal, as plain as any line that `terminal.say` prints."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from dataprep.cli.terminal import plain


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
