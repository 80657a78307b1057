"""What reaches the terminal: all of it goes through here, where no name, label or reason can steer the terminal.

Names of files are hostile: escape sequences in them could recolour, overwrite or hide lines, or type for the user.
"""

import json
import logging
import re
import sys
from typing import Any, Final

UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and what turns the direction of writing; bytes that are not UTF-8 are spelt out by the stream."""

SAID: Final = logging.NullHandler()
"""Takes what `clean` logs."""


def plain(text: str) -> str:
    r"""Returns a line in which all that is no letter to see is spelt out, such as \x1b."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: object, quiet: bool = False, *, error: bool = False) -> None:
    """Prints a line, unless quiet; on standard error if it is about one."""
    if not quiet:
        (sys.stderr if error else sys.stdout).write(f"{plain(str(text))}\n")


def say_error(text: object) -> None:
    """Prints a line on standard error."""
    say(text, error=True)


def say_json(data: Any) -> None:
    """Prints data as JSON, which spells out all but ASCII."""
    sys.stdout.write(f"{json.dumps(data, indent=2)}\n")


def take_log() -> None:
    """Lets nothing of what `clean` logs reach standard error: the summary that is printed says it."""
    logging.getLogger("dataprep.clean").addHandler(SAID)
