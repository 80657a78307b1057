"""What is refused unread, and what is said of what a decoder raised."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import PIL.Image

from dataprep.errors import DecodeError

MAX_PIXELS: Final = 178_956_970
"""Larger images are refused unread: Pillow's own limit against decompression bombs, 512 MiB of RGB."""

BYTES_A_PIXEL: Final = 8
"""Four channels of 16 bits, as they are: what files need at most."""
MEMORY_A_PIXEL: Final = 64
"""Of a TIFF of floats 47: as they are, as Pillow has them, scaled in double precision, and copies of each."""
BYTES_BESIDE: Final = 1 << 26
"""For metadata, profiles and thumbnails."""

POINTER: Final = b"version https://git-lfs.github.com/spec/v1"
"""How a file begins that Git LFS put in the place of an image."""
IS_POINTER: Final = "a pointer of Git LFS, not the image: run `git lfs pull`"
RAISE: Final = "give --max-pixels a larger one if this is no attack"


def refuse_bomb(height: int, width: int, max_pixels: int) -> None:
    """Raises `DecodeError` for an image of more pixels than the limit."""
    if height * width > max_pixels:
        raise DecodeError(f"{width}×{height} is {height * width:,} pixels, over the limit of {max_pixels:,}; {RAISE}")


def refuse_large(size: int | None, max_pixels: int) -> None:
    """Raises `DecodeError` for a file of more bytes than an image within the limit of pixels can need.

    That is `BYTES_A_PIXEL` and `BYTES_BESIDE`, so that a sparse file of terabytes is not read. None stands for an unknown size.
    """
    limit = most_bytes(max_pixels)
    if size is not None and size > limit:
        raise DecodeError(f"{size:,} bytes, over the limit of {limit:,} for {max_pixels:,} pixels; {RAISE}")


def most_bytes(max_pixels: int) -> int:
    """Returns how many bytes the file of an image within the limit of pixels can need."""
    return BYTES_A_PIXEL * max_pixels + BYTES_BESIDE


def most_memory(max_pixels: int) -> int:
    """Returns how many bytes decoding and measuring an image within the limit of pixels may take, whatever its format."""
    return MEMORY_A_PIXEL * max_pixels + 2 * most_bytes(max_pixels)


def reason(error: BaseException) -> str:
    """Returns one line that says what is wrong with a file, without addresses of objects in it."""
    if isinstance(error, PIL.UnidentifiedImageError):
        return "damaged at its start"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if isinstance(error, PIL.Image.DecompressionBombError):
        return f"{str(error).partition(',')[0]}; {RAISE}"  # the numbers, without "could be decompression bomb DOS attack"
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def quiet_decoders(max_pixels: int = MAX_PIXELS) -> Iterator[None]:
    """Sets the decoders up for many files, and back: no warnings (a fault ends as a row's error), one pixel limit.

    Threads may overlap in it: the first one in sets up and the last one out puts back, since both belong to all threads.
    OpenCV's threads are not touched: setting their number in a forked process waits for threads that the fork left behind.
    """
    _QUIET.enter((max_pixels + 1) // 2)  # Pillow refuses more than twice as many, also for images inside containers
    try:
        yield
    finally:
        _QUIET.leave()


class _Quiet:
    """What is put back when the last of those who are within it leaves."""

    def __init__(self) -> None:
        self.lock, self.within = threading.Lock(), 0
        self.limit: int | None = None
        self.filters = warnings.catch_warnings()

    def enter(self, limit: int) -> None:
        """Begins to be quiet, and lets images have so many pixels, or as many as others within allow."""
        with self.lock:
            if self.within == 0:
                self.limit, self.filters = PIL.Image.MAX_IMAGE_PIXELS, warnings.catch_warnings()
                self.filters.__enter__()
                warnings.simplefilter("ignore")
                PIL.Image.MAX_IMAGE_PIXELS = limit
            PIL.Image.MAX_IMAGE_PIXELS = max(limit, PIL.Image.MAX_IMAGE_PIXELS or 0)
            self.within += 1

    def leave(self) -> None:
        """Puts back what was there before, once nobody is within."""
        with self.lock:
            self.within -= 1
            if self.within == 0:
                self.filters.__exit__(None, None, None)
                PIL.Image.MAX_IMAGE_PIXELS = self.limit


_QUIET: Final = _Quiet()
if hasattr(os, "register_at_fork"):  # a lock that another thread holds would stay locked in the child
    os.register_at_fork(after_in_child=_QUIET.__init__)  # type: ignore[misc]  # to be as new


def quiet_threads() -> None:
    """Lets decoders warn of nothing in any thread, for good: filters belong to all threads, so that none can put them back."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
