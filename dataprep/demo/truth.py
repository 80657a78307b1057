"""The truth about a messy folder: what each file is, what it was made of, and why it may be dropped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dataprep.columns import (
    BLURRED,
    EXACT_DUPLICATE,
    NEAR_DUPLICATE,
    TOO_BRIGHT,
    TOO_DARK,
    TOO_SMALL,
    UNIFORM,
    UNREADABLE,
)
from dataprep.errors import DataprepError
from dataprep.files import naming, shown, write_text

VERSION: Final = 1

EXPECTED: Final[dict[str, tuple[str, ...]]] = {
    "original": (),
    "exact copy": (EXACT_DUPLICATE, NEAR_DUPLICATE),  # near where a better variant is kept for the whole family
    **dict.fromkeys(("re-encoded", "resized", "cropped 5 %", "cropped 10 %", "brightness"), (NEAR_DUPLICATE,)),
    "blurred": (BLURRED, UNIFORM),  # a texture such as bricks, blurred by 4 %, is hardly more than gray
    "dark": (TOO_DARK,),
    "blank": (UNIFORM, TOO_DARK, TOO_BRIGHT),
    "truncated": (UNREADABLE,),
    "not an image": (UNREADABLE,),
    "too small": (TOO_SMALL,),
}
"""The reasons for which each kind of file is rightly dropped."""

FAMILY: Final = ("original", *(kind for kind, reasons in EXPECTED.items() if NEAR_DUPLICATE in reasons))
"""The kinds that form a family, of which one image is to be kept."""


@dataclass(frozen=True)
class File:
    """The truth about one file.

    Attributes:
        uri: The path below `photos/`.
        kind: One of `EXPECTED`.
        of: The uri of the original that it was made of, or None.
        expected: The reasons for which it is rightly dropped; none for an original.
    """

    uri: str
    kind: str
    of: str | None
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """The truth about a folder: the seed, every file that passes for an image, and the uris of those that do not."""

    seed: int
    files: tuple[File, ...]
    ignored: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Writes JSON; raises `DataprepError` where it cannot be written."""
        write_text(path, json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Reads JSON; raises `DataprepError` where it cannot be read, holds no truth, or is of another version."""
        with naming(path, "read"):
            text = path.read_bytes()
        try:
            data = json.loads(text)
            version = data["version"]
            if version != VERSION:
                raise DataprepError(f"{shown(path)} is of version {version!r}, not {VERSION}; run `dataprep demo` again")
            files = tuple(File(**{**file, "expected": tuple(file["expected"])}) for file in data["files"])
            return cls(data["seed"], files, tuple(data["ignored"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataprepError(f"{shown(path)} holds no truth about a folder; `dataprep demo` writes one") from error
