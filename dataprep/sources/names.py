"""How a file's name becomes a uri and back, which names are those of images, and reading of a file by its name.

A uri is the path below a root with forward slashes. Bytes of a name that are not UTF-8 and the percent sign itself are
percent-encoded, so that every name that a file system allows is a string that a table can hold.
"""

import os
import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote_to_bytes

from dataprep.errors import DecodeError, SourceError
from dataprep.images.formats import format_of

OTHERS: Final = frozenset(
    ".txt .md .rst .csv .tsv .json .jsonl .ndjson .xml .yaml .yml .toml .ini .html .htm .css .js .py .ipynb .sh .log .lock .cfg "
    ".parquet .arrow .feather .npy .npz .mat .h5 .hdf5 .pkl .pickle .pt .pth .onnx .safetensors .db .sqlite .lmdb .rec .idx .lst "
    ".tfrecord .zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .pdf .doc .docx .xls .xlsx .ppt .pptx .mp4 .mov .avi .mkv .webm .mp3 "
    ".wav .flac .svg .cls .md5 .sha256 .svs .nii .dcm".split()
)
"""Endings whose files are not opened to see whether they are images after all: they are known to be something else."""

WEAK: Final = frozenset({"DIB", "ICO", "JXL", "PPM", "TGA"})
"""Formats that say so little of themselves in their first bytes that a file also has to be called as such."""


def ending(path: str) -> str:
    """Returns how a file's name ends, in lower case: ".jpg", or "" where there is no ending."""
    return PurePosixPath(path).suffix.lower()


def may_be_image(path: str) -> bool:
    """Returns whether a file whose name is not that of an image is worth a look at its first bytes."""
    return ending(path) not in OTHERS


def is_image_data(start: bytes) -> bool:
    """Returns whether the first bytes of a file are those of an image, without a doubt."""
    try:
        found = format_of(start).name
    except DecodeError:
        return False
    return found not in WEAK and (found != "BMP" or start[6:10] == bytes(4))


def uri_of(path: str) -> str:
    """Returns a path as a string of valid Unicode that `path_of` turns back."""
    return valid(path.replace(os.sep, "/").replace("%", "%25"))


def path_of(uri: str) -> str:
    """Returns the path that a uri stands for."""
    return os.fsdecode(unquote_to_bytes(uri))


def below(root: str, uri: str) -> str:
    """Returns the path of the file that a uri names below a root.

    Raises:
        SourceError: It names none below the root, which a manifest of someone else's may try.
    """
    path = path_of(uri)
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise SourceError(f"cannot be read: {uri!r} is not a path below a folder")
    return os.path.join(root, path)


def name_of(part: str) -> str:
    """Returns a step of a uri as a label: as a person wrote it, but for bytes that are not UTF-8."""
    return part.replace("%25", "%")


def valid(text: str) -> str:
    """Returns a text with bytes that are not UTF-8 percent-encoded, as in a uri; other texts as they are."""
    if text.isascii():
        return text
    escaped = os.fsencode(text).decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in escaped)


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob.strip("/")))


def matches(path: str, globs: Iterable[str]) -> bool:
    """Returns whether a path, or a folder that it is in, is meant by one of some globs.

    A glob without a slash, but at its end, means names on any level, others paths from the root; `*` stands for slashes, too.
    """
    steps = path.split("/")
    above = ["/".join(steps[: end + 1]) for end in range(len(steps))]
    return any(_pattern(glob).match(name) for glob in globs for name in (above if "/" in glob.rstrip("/") else steps))


def read_file(path: str, start: int = 0, stop: int | None = None) -> bytes:
    """Returns the bytes `start` to `stop` of a file.

    Raises:
        SourceError: It cannot be opened or read.
    """
    try:
        with open(path, "rb") as file:
            if start:
                file.seek(start)
            return file.read() if stop is None else file.read(max(0, stop - start))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a null byte in the path
        raise SourceError(f"cannot be read: {error}") from error
