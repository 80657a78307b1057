r"""The log that quarantine writes before it moves anything, and that undo reads: JSON, one object a line.

    {"dataprep": "undo log", "version": 1, "sources": {"": "/data/photos"}}
    {"folder": "cat"}                                                    a folder that quarantine makes
    {"file": "cat/0003.jpg", "reason": "blurred", "detail": "…"}         a file that it moves, or was about to

A line is an intention: what became of it, the file system says. The log is replaced whole, so there is never half a line.
Where a source has several parts, `sources` has the folder of each by its name, and files start with the name. Bytes of a path
that are not UTF-8 are lone surrogates, as in Python.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dataprep.actions.places import safe
from dataprep.errors import DataprepError
from dataprep.files import naming, shown, sweep, write_text

NAME: Final = "undo.jsonl"
KIND: Final = "undo log"
VERSION: Final = 1


@dataclass(frozen=True)
class UndoLog:
    """What a quarantine moved, or was about to.

    Attributes:
        path: The file of the log, in the folder that the files were moved to.
        roots: The folder that they were moved from under "", or those of the source's parts under their names.
        folders: Which folders were made, as paths below the folder of the log; "" for itself.
        files: Why each file was moved, `reason` and `detail`, by its path below either folder.
    """

    path: Path
    roots: dict[str, str]
    folders: set[str] = field(default_factory=set)
    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def homes(self) -> Iterator[tuple[str, str, str]]:
        """Yields each file's path below either folder, its path in quarantine, and its path in the source."""
        for below in self.files:
            name, rest = ("", below) if "" in self.roots else below.split("/", 1)
            yield below, os.path.join(self.path.parent, below), os.path.join(self.roots[name], rest)

    def sweep(self) -> None:
        """Removes what killed runs left unfinished, in quarantine and in the source."""
        with naming(self.path.parent, "used"):
            sweep({os.path.dirname(path) for _, *paths in self.homes() for path in paths})

    def write(self) -> None:
        """Writes the log through to the disk.

        Raises:
            DataprepError: It cannot be written; the former one is still there.
        """
        lines: list[dict[str, Any]] = [{"dataprep": KIND, "version": VERSION, "sources": self.roots}]
        lines += [{"folder": folder} for folder in sorted(self.folders)]
        lines += [{"file": below, **why} for below, why in self.files.items()]
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in lines))

    @classmethod
    def read(cls, path: Path) -> "UndoLog":
        """Reads a log.

        Raises:
            DataprepError: It cannot be read, is not an undo log, or is of another version.
        """
        with naming(path, "read"):
            text = path.read_bytes()
        try:
            header, *lines = [json.loads(line) for line in text.splitlines()]
            if header["dataprep"] != KIND:
                raise ValueError
            version = header["version"]
            folders = {line["folder"] and safe(line["folder"]) for line in lines if "folder" in line}
            files = {safe(line.pop("file")): line for line in lines if "file" in line}
            roots = {name: os.path.abspath(root) for name, root in header["sources"].items()}
            log = cls(path, roots, folders, files)
            list(log.homes())  # a file of a part that is not there is no file
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataprepError(f"{shown(path)} is not an undo log; quarantine writes one, called {NAME}") from error
        if version != VERSION:
            raise DataprepError(f"{shown(path)} is an undo log of version {version!r}; this dataprep reads version {VERSION}")
        return log
