"""How fast `clean` is, against the least that it could do, the usual loop over `imagehash`, and czkawka, written in Rust."""

import hashlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import imagehash
import PIL.Image
import pytest
import simplejpeg
from figures import Compare

from dataprep.cleaning.clean import clean
from dataprep.machine import cores as available_cores

pytestmark = pytest.mark.throughput

SIDE = 128  # pixels: what the standard rules ask for


def read_hash_decode(path: Path) -> None:
    """Does what no cleaning can go without: reads a file, digests it, decodes its luminance at the scale that is enough."""
    data = path.read_bytes()
    hashlib.sha256(data).hexdigest()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or min(height, width) >= factor * SIDE)
    simplejpeg.decode_jpeg(data, "GRAY", min_height=-(-height // factor), min_width=-(-width // factor))


def perceptual_hash(path: Path) -> str:
    """Hashes one image as the documentation of `imagehash` shows."""
    with PIL.Image.open(path) as opened:
        return str(imagehash.phash(opened))


def test_cleaning_keeps_up(thousand_photos: Path, tmp_path: Path, compare: Compare) -> None:
    """`clean` as a whole stays within a fixed multiple of reading and decoding alone, and near or ahead of hashing alone."""
    paths = sorted(thousand_photos.rglob("*.jpg"))
    cores = available_cores()
    runs = count()

    def floor() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(read_hash_decode, paths))

    def cleaned() -> None:
        manifest = clean(thousand_photos, cache=tmp_path / str(next(runs)))
        assert len(manifest) == len(paths)
        assert manifest.reasons().get("unreadable", 0) == 0

    def hashed() -> None:
        with ProcessPoolExecutor(cores) as pool:
            assert len(list(pool.map(perceptual_hash, paths, chunksize=16))) == len(paths)

    def similar() -> None:
        from czkawka import ImageSimilarity

        finder = ImageSimilarity()
        finder.set_directories([thousand_photos])
        finder.set_similarity(10)
        assert finder.find_similar() is not None

    things = {"clean": cleaned, "reading, SHA-256, decoding": floor, "imagehash.phash": hashed}
    floors = {("clean", "reading, SHA-256, decoding"): 0.2, ("clean", "imagehash.phash"): 0.8}
    if find_spec("czkawka"):
        things["czkawka"] = similar
        floors["clean", "czkawka"] = 0.5
    cleaned()  # what the first run in a process imports, no later one does
    compare("cleaning", things, len(paths), floors)
