"""A manifest in a store: one object, put and had whole, by way of a file of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dataprep.errors import ManifestError, SourceError
from dataprep.files import naming


@contextmanager
def putting(url: str) -> Iterator[Path]:
    """Gives the name of a file to write, which then is put in its place.

    Raises:
        ManifestError: It cannot be put there.
    """
    with TemporaryDirectory(prefix="dataprep-") as folder:
        file = Path(folder) / "manifest.parquet"
        yield file
        put_file(file, url)


@contextmanager
def had(url: str) -> Iterator[Path]:
    """Gives a copy of an object as a file.

    Raises:
        ManifestError: It cannot be read; what is wrong with the copy is said of the object.
    """
    from dataprep.sources.stores import fetch

    place, _, name = url.rpartition("/")
    with TemporaryDirectory(prefix="dataprep-") as folder:
        file = Path(folder) / "manifest.parquet"
        try:
            file.write_bytes(fetch(place, name))
        except SourceError as error:
            raise ManifestError(f"{url} {error}") from error
        try:
            yield file
        except ManifestError as error:
            raise ManifestError(str(error).replace(str(file), url)) from error


def put_file(file: Path, url: str) -> None:
    """Puts a file into a store as it is.

    Raises:
        ManifestError: It cannot be read, or put there.
    """
    from dataprep.sources.stores import put

    place, _, name = url.rpartition("/")
    with naming(file, "read", ManifestError):
        data = file.read_bytes()
    try:
        put(place, name, data)
    except SourceError as error:
        raise ManifestError(str(error)) from error
