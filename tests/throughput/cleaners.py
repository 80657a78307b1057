"""The same cleaning job by what people use today, and the least that it could cost.

Each goes through a folder with as many threads or processes as it is given. What it imports is imported before the clock starts;
the processes that it starts fall on it. fastdup wants an old NumPy, so it has an environment of its own, of which
DATAPREP_FASTDUP names the Python.
"""

import hashlib
import io
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import imagehash
import PIL.Image
import simplejpeg
from vision import have_torchvision

SIDE = 128  # pixels: what the standard rules ask for
RADIUS = 10  # bits of 64, for those that ask


def photos_of(folder: Path) -> list[Path]:
    """Returns the files of a folder."""
    return sorted(folder.rglob("*.jpg"))


def read_hash_decode(path: Path) -> None:
    """Does what no cleaning can go without: reads a file, digests it, decodes its luminance at the scale that is enough."""
    data = path.read_bytes()
    hashlib.sha256(data).hexdigest()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or min(height, width) >= factor * SIDE)
    simplejpeg.decode_jpeg(data, "GRAY", min_height=-(-height // factor), min_width=-(-width // factor))


def least(folder: Path, workers: int) -> None:
    """Reads, digests and decodes in threads."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(read_hash_decode, photos_of(folder)))


def perceptual_hash(path: Path) -> str:
    """Hashes one image as the documentation of `imagehash` shows."""
    with PIL.Image.open(path) as opened:
        return str(imagehash.phash(opened))


def hashed(folder: Path, workers: int) -> None:
    """Hashes in processes."""
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(perceptual_hash, photos_of(folder), chunksize=16))


def similar(folder: Path, workers: int) -> None:
    """Looks for copies in as many threads as there are cores."""
    from czkawka import ImageSimilarity

    finder = ImageSimilarity()
    finder.set_directories([folder])
    finder.set_similarity(RADIUS)
    assert finder.find_similar() is not None


def encoded(folder: Path, workers: int) -> None:
    """Hashes in processes, and looks for copies."""
    from imagededup.methods import PHash

    with quiet():
        hashes = PHash(verbose=False).encode_images(str(folder), recursive=True, num_enc_workers=workers)
        PHash(verbose=False).find_duplicates(encoding_map=hashes, max_distance_threshold=RADIUS)
    assert len(hashes) == len(photos_of(folder))


def inspected(folder: Path, workers: int) -> None:
    """Looks for dark, pale, blurred, blank and odd images and for copies, in processes."""
    from cleanvision import Imagelab

    with quiet():
        laboratory = Imagelab(data_path=str(folder), verbose=False)
        laboratory.find_issues(n_jobs=workers, verbose=False)
    assert len(laboratory.issues) == len(photos_of(folder))


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps a peer from printing and warning while it runs."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
        yield


class Fastdup(AbstractContextManager["Fastdup"]):
    """Extracts features and clusters them. Entered, its Python has imported it; called, it runs."""

    CODE = (
        "import sys, fastdup; folder, work, workers = sys.argv[1:]; print('ready', flush=True); input(); "
        "fastdup.create(work_dir=work, input_dir=folder).run(overwrite=True, num_threads=int(workers))"
    )

    def __init__(self, folder: Path, workers: int) -> None:
        self.arguments = (str(folder), str(workers))

    def __enter__(self) -> "Fastdup":
        self.work = tempfile.TemporaryDirectory()
        (folder, workers), python = self.arguments, os.environ["DATAPREP_FASTDUP"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [python, "-c", self.CODE, folder, self.work.name, workers],
            env={**environment, "SENTRY_OPT_OUT": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        while (line := self.process.stdout.readline()).strip() != "ready":
            assert line, "fastdup cannot be imported there"
        return self

    def __call__(self) -> None:
        said, _ = self.process.communicate("\n")
        assert self.process.returncode == 0, said[-2000:]

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        self.work.cleanup()


NEEDS = {"imagehash": "imagehash", "czkawka": "czkawka", "imagededup": "imagededup.methods", "cleanvision": "cleanvision"}
RUN: Mapping[str, Callable[[Path, int], object]] = {
    "imagehash": hashed,
    "czkawka": similar,
    "imagededup": encoded,
    "cleanvision": inspected,
}


def cleaner(name: str, folder: Path, workers: int) -> Callable[[], object] | None:
    """Returns a peer that is ready to go through a folder, None where it is not installed."""
    if name == "fastdup":
        return Fastdup(folder, workers) if os.environ.get("DATAPREP_FASTDUP") else None
    if find_spec(name) is None or (name == "imagededup" and not have_torchvision()):
        return None
    with quiet():
        import_module(NEEDS[name])
    return partial(RUN[name], folder, workers)
