"""How a command ends where only a part of it could be done, and what it opens at its end."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dataprep.errors import DataprepError


class PartlyError(DataprepError):
    """A part was done, and the sentence says what is not."""


@contextmanager
def partly(done: str | Callable[[], str], begun: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Lets an error say that something was done before it.

    Args:
        done: What was, as the begin of the sentence.
        begun: Whether it was, asked when the error is there.
    """
    try:
        yield
    except (DataprepError, OSError) as error:
        if not begun():
            raise
        if isinstance(error, PartlyError):
            raise
        raise PartlyError(f"{done if isinstance(done, str) else done()} {error}") from error


def address(path: Path) -> str:
    """Returns a file as browsers and terminals open it."""
    return Path(os.path.abspath(path)).as_uri()


def open_page(path: Path) -> None:
    """Opens a page in the browser, where there is one.

    Raises:
        PartlyError: There is none.
    """
    import webbrowser

    if not webbrowser.open(address(path)):
        raise PartlyError(f"no browser can be started here; open {address(path)} yourself")
