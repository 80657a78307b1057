"""A source of your own: the images of a ZIP archive, read where they lie, and the check of it.

python examples/own_source.py
"""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import dataprep as dp
from dataprep.testing import check_source, encoded, photo

SCHEMA = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("label", "split")),
        *(pa.field(name, pa.int64()) for name in ("bytes", "modified")),
        pa.field("error", pa.string()),
    ]
)


@dp.register
@dataclass(frozen=True)
class Zip:
    """The JPEG files of a ZIP archive; the first folder names the label.

    Attributes:
        path: The archive.
    """

    path: str

    def records(self) -> pa.Table:
        """Lists every file, sorted by uri, which is its name in the archive."""
        with zipfile.ZipFile(self.path) as archive:
            found = sorted((info.filename, info.file_size) for info in archive.infolist() if info.filename.endswith(".jpg"))
        if not found:
            raise dp.SourceError(f"no JPEG files in {self.path}")
        rows = [{"uri": uri, "label": uri.split("/")[0] if "/" in uri else None, "bytes": size} for uri, size in found]
        return pa.Table.from_pylist(rows, SCHEMA)

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        """Returns the bytes `start` to `stop` of one file."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(uri)[start:stop]
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise dp.SourceError(f"cannot be read: {error}") from error


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photos.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(8):
                archive.writestr(f"{('cat', 'dog')[number % 2]}/{number}.jpg", encoded(photo(number)))
        check_source(Zip(str(path)))
        manifest = dp.clean(Zip(str(path)), engine=dp.Local(0))
        loader = dp.Loader(manifest, dp.Pipeline(dp.Resize((32, 32))), batch_size=4, backend=dp.Threads(output="numpy"))
        print(manifest)
        print(*(batch.images.shape for batch in loader))
