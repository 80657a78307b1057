"""How files are to be turned, for targets that were marked on pixels as they are stored: asked of the files, once.

Most annotations are of the upright image, as viewers show it, and as `cv2.imread` reads it. Others are of the rows as they are
stored, which `PIL.Image.open` shows; of an image that EXIF turns, these are elsewhere.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dataprep.errors import DataprepError, LoaderError
from dataprep.images.decode import orientation_of
from dataprep.images.limits import quiet_decoders
from dataprep.images.views import TRANSPOSED
from dataprep.protocols import Source
from dataprep.types import Sizes

HEAD: Final = 1 << 18  # bytes from the start of a file, in which EXIF is where it says anything
READERS: Final = 8


def orientations_of(source: Source, uris: Sequence[str]) -> NDArray[np.int64]:
    """Returns the EXIF orientation, 1 to 8, of each file; of a TIFF, which is never stored otherwise than upright here, 1.

    Raises:
        LoaderError: A file cannot be read.
    """
    with quiet_decoders(), ThreadPoolExecutor(READERS) as pool:
        return np.array(list(pool.map(lambda uri: _orientation(source, uri), uris)), np.int64)


def _orientation(source: Source, uri: str) -> int:
    try:
        with PIL.Image.open(io.BytesIO(source.read(uri, 0, HEAD))) as opened:
            found = orientation_of(opened, str(opened.format))
    except DataprepError as error:
        raise LoaderError(f"{uri}: {error}; whether it is to be turned is asked for `stored=True`") from error
    except Exception:  # no file that `clean` could read; what is wrong is said when it is loaded
        return 1
    return found if 1 <= found <= 8 else 1


def turned(sizes: Sizes, orientations: NDArray[np.int64]) -> Sizes:
    """Returns (N, 2) height and width of images as they are stored, from those of the upright ones, or the other way round."""
    return np.where(np.isin(orientations, TRANSPOSED)[:, None], sizes[:, ::-1], sizes)


def make_upright(places: NDArray[np.float64], orientations: NDArray[np.int64], sizes: Sizes) -> NDArray[np.float64]:
    """Returns (M, 2) places of stored images as places of the upright ones.

    Args:
        places: x and y, in continuous pixels.
        orientations: (M,) EXIF orientations.
        sizes: (M, 2) height and width of the upright images.
    """
    moved = np.where(np.isin(orientations, TRANSPOSED)[:, None], places[:, ::-1], places)
    down, right = np.isin(orientations, (3, 4, 7, 8)), np.isin(orientations, (2, 3, 6, 7))
    return np.stack(
        [np.where(right, sizes[:, 1] - moved[:, 0], moved[:, 0]), np.where(down, sizes[:, 0] - moved[:, 1], moved[:, 1])], axis=1
    )
