"""A table in a Parquet file that knows whether it is as it was written.

Readers of Parquet trust what they read: damage gives other values, or ends the process natively. So the footer holds the SHA-256
of the file, as if zeros stood in its place, and a file is read only if it is right. One without it is of another version or
program; it is read by a process of its own first, which costs a second and may die. Files are opened by Arrow: where a program
ends soon after a Python file was read by Arrow's threads, it aborted.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from dataprep.errors import ManifestError
from dataprep.files import is_url, naming, replacing, shown
from dataprep.manifest.remote import had, putting

KEY: Final = "dataprep.sha256"
PLACE: Final = re.compile(re.escape(KEY.encode()) + rb"..([0-9a-f]{64})", re.DOTALL)
"""Where a footer has the digest: after its key come the type and the length of its text."""
ZEROS: Final = b"0" * 64
END: Final = b"PAR1"
CHUNK: Final = 1 << 22  # bytes

ALONE: Final = "import sys, os, pyarrow as pa, pyarrow.parquet as pq; pq.read_table(pa.OSFile(os.fsencode(sys.argv[1])))"
"""The program that reads a file which nothing vouches for."""


def write_table(table: pa.Table, path: str | Path) -> None:
    """Writes a file, to a temporary name first, or an object of a store.

    Raises:
        ManifestError: It cannot be written.
    """
    if is_url(path):
        with putting(str(path)) as file:
            write_table(table, file)
        return
    with naming(path, kind=ManifestError), replacing(path) as temporary:
        write_file(table, temporary)


def write_file(table: pa.Table, path: str | Path) -> None:
    """Writes into a file as it is, which nobody must see before it is done."""
    with pa.OSFile(os.fsencode(path), "wb") as sink, pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({KEY: ZEROS.decode()})
    with open(path, "r+b") as file:
        place = _place(file)
        assert place is not None, "it was written just now"
        digest = _digest(file, place)
        file.seek(place)
        file.write(digest)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a file that `write_table` wrote, or another one.

    Args:
        path: The file.
        columns: Which columns, all where None.

    Raises:
        ManifestError: It cannot be read, is no Parquet file, is damaged, or lacks a column.
    """
    with here(path) as file:
        check_file(file)
        return read_checked(file, columns)


@contextmanager
def here(path: str | Path) -> Iterator[str | Path]:
    """Gives a file of this machine: of an object of a store a copy, else the file itself."""
    if is_url(path):
        with had(str(path)) as copy:
            yield copy
    else:
        yield path


def check_file(path: str | Path) -> None:
    """Checks that a file can be read without harm.

    Raises:
        ManifestError: It cannot be read, is no Parquet file, or is damaged.
    """
    with naming(path, "read", ManifestError), open(path, "rb") as file:
        _check(file, path)


def read_checked(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads a file that was checked.

    Raises:
        ManifestError: It is damaged all the same, or lacks a column.
    """
    try:
        with pa.OSFile(os.fsencode(path)) as source, pq.ParquetFile(source) as parquet:
            if lacking := [name for name in columns or () if name not in parquet.schema_arrow.names]:
                raise ManifestError(f"{shown(path)} is not a manifest: it has no column {lacking[0]!r}")
            return parquet.read(columns if columns is None else list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{shown(path)} is damaged: {_first_line(error)}; run `dataprep clean` again") from error


def schema_of(path: str | Path) -> tuple[int, pa.Schema]:
    """Returns how many rows a file that was checked has, and its schema."""
    with pa.OSFile(os.fsencode(path)) as source, pq.ParquetFile(source) as parquet:
        return parquet.metadata.num_rows, parquet.schema_arrow


def digest_of(path: str | Path) -> str | None:
    """Returns the digest that a file says to have, which is not counted; None without one, or where it cannot be read."""
    with suppress(OSError), open(path, "rb") as file:
        place = _place(file)
        if place is not None:
            file.seek(place)
            return file.read(len(ZEROS)).decode("ascii")
    return None


def _check(file: IO[bytes], path: str | Path) -> None:
    place = _place(file)
    if place is None:
        _try_elsewhere(path)
    else:
        file.seek(place)
        if file.read(len(ZEROS)) != _digest(file, place):
            raise ManifestError(
                f"{shown(path)} is damaged: it is not as it was written; run `dataprep clean` again, "
                "which reads no image that its cache knows"
            )


def _place(file: IO[bytes]) -> int | None:
    """Returns where in a file its digest is, or None without one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 8, 0))
    length = int.from_bytes(file.read(4), "little") + 8
    start = max(size - length, 0)
    file.seek(start)
    found = PLACE.search(file.read())
    return None if found is None else start + found.start(1)


def _digest(file: IO[bytes], place: int) -> bytes:
    """Returns the digest of a file, in hex, as if zeros stood at its place."""
    hasher = hashlib.sha256()
    file.seek(0)
    while place - file.tell() > 0 and (data := file.read(min(CHUNK, place - file.tell()))):
        hasher.update(data)
    hasher.update(ZEROS)
    file.seek(place + len(ZEROS))
    while data := file.read(CHUNK):
        hasher.update(data)
    return hasher.hexdigest().encode()


def _try_elsewhere(path: str | Path) -> None:
    """Checks that a process can read a file and live.

    Raises:
        ManifestError: It cannot, or does not.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - len(END), 0))
        if file.read() != END or size < 3 * len(END):
            raise ManifestError(f"{shown(path)} is not a manifest: not a Parquet file, or cut off")
    ended = subprocess.run([sys.executable, "-P", "-c", ALONE, os.fsencode(path)], capture_output=True, check=False)
    if ended.returncode:
        why = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"its reader died ({ended.returncode})"
        raise ManifestError(f"{shown(path)} is not a manifest, or is damaged: {why}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
