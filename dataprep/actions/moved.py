"""The rejects that a quarantine holds, for the next manifest: an image stays a row with its reason when its file is moved.

Beside a manifest, a file names the folders that its rejects were moved to. Which files are there, their undo logs and the file
system say; what was known of them, the manifest.
"""

import json
import os
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.actions.places import files_of
from dataprep.actions.undolog import NAME as LOG
from dataprep.actions.undolog import UndoLog
from dataprep.errors import DataprepError
from dataprep.files import naming, shown, write_text
from dataprep.manifest import Manifest, file_of

NAME: Final = "quarantines.json"
VERSION: Final = 1


def note_quarantine(out: Path, folder: str | Path) -> None:
    """Notes beside a manifest that its rejects are moved to a folder; before they are, so that a kill forgets none.

    Raises:
        DataprepError: It cannot be written, or what is there is no such note.
    """
    folders = dict.fromkeys([*_noted(out), os.path.abspath(folder)])
    write_text(out / NAME, json.dumps({"version": VERSION, "folders": list(folders)}) + "\n")


def moved_rows(out: str | Path) -> pa.Table | None:
    """Returns the rows of the manifest in a folder whose files quarantines hold, with the uris of their twins as `twin_uri`.

    Args:
        out: The folder that `clean` writes to.

    Returns:
        Its dropped rows, or None where no quarantine of them is noted.

    Raises:
        DataprepError: The manifest, the note or an undo log cannot be read.
    """
    path = Path(file_of(out))
    logs = [Path(folder) / LOG for folder in _noted(path.parent) if (Path(folder) / LOG).exists()]
    if not logs or not path.exists():
        return None
    manifest = Manifest.read(path)
    files, table = files_of(manifest.source), manifest.table
    if files is None:
        return None
    held = {below for log in map(UndoLog.read, logs) for below, there, _ in log.homes() if os.path.lexists(there)}
    uris = zip(table["uri"].to_pylist(), table["keep"].to_pylist(), strict=True)
    rows = [row for row, (uri, keep) in enumerate(uris) if not keep and files.below(uri) in held]
    found = table.take(pa.array(rows, pa.int64()))
    twins = pc.index_in(found["twin"], value_set=table["id"].combine_chunks(), skip_nulls=True)
    return found.append_column("twin_uri", table["uri"].take(twins))


def _noted(out: Path) -> list[str]:
    """Returns the folders that are noted beside a manifest."""
    path = out / NAME
    if not path.exists():
        return []
    with naming(path, "read"):
        data = path.read_bytes()
    try:
        noted = json.loads(data)
        if noted["version"] != VERSION or not all(isinstance(folder, str) for folder in noted["folders"]):
            raise ValueError
        return list(noted["folders"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataprepError(f"{shown(path)} does not say where quarantines are, as `quarantine` writes it; remove it") from error
