"""How a file comes under its name: as a whole or not at all, in place of a former one."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives a name beside a file to write to, and at the end puts what was written in its place.

    What a run left there that was killed as it wrote is removed.
    """
    target = Path(path)
    _remove_left_over(target)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _remove_left_over(target: Path) -> None:
    """Removes temporary files of processes that are no more."""
    with suppress(OSError):
        for name in os.listdir(target.parent):
            found = re.fullmatch(re.escape(target.name) + r"\.(\d+)\.tmp", name)
            if found and not _is_there(int(found[1])):
                target.with_name(name).unlink(missing_ok=True)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no number of a process
        return True
    return True
