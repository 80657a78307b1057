"""Reading, digesting and measuring of common JPEG files that are plainly fine, by the compiled module and nothing else.

All else is left to `measure_batch`, which says the same of these files, and says what is wrong with others.
"""

from importlib.machinery import ExtensionFileLoader, ModuleSpec
from struct import Struct

from dataprep.cleaning.bare.files import Files

try:
    from _hashlib import openssl_sha256 as sha256  # `hashlib` loads all other digests as well
except ImportError:
    from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FACTS = Struct("<32siiq")
"""What is known of an image beside its measures: digest, height, width, and when it was captured, as ms since 1970 or `NEVER`."""
NEVER = -(2**63)
JPEG = b"\xff\xd8\xff"
PROFILE = 8  # of what `head` returns
PROFILES = 64  # that are remembered


def prepare(compiled: str, roots: "dict[str, str]", wanted: int, max_pixels: int, largest: int) -> "Measuring":
    """Returns what measures.

    Args:
        compiled: The file of `dataprep.images.native.measure`.
        roots: The folders that uris are relative to, by their first steps; by "" where there is only one.
        wanted: What to measure, as that module takes it.
        max_pixels: Larger images are left.
        largest: Files of more bytes are left.
    """
    loader = ExtensionFileLoader("measure", compiled)
    native = loader.create_module(ModuleSpec("measure", loader, origin=compiled))
    loader.exec_module(native)
    return Measuring(native, Files(roots, largest), wanted, max_pixels)


class Measuring:
    """Measures some images: called with their uris and sizes, as a scan has them."""

    def __init__(self, native: "Any", files: Files, wanted: int, max_pixels: int) -> None:
        self._native, self._files, self._wanted, self._max_pixels = native, files, wanted, max_pixels
        self._srgb: dict[bytes, bool] = {}  # by profile
        self.expect = files.expect

    def __call__(self, question: "tuple[list[str], list[int | None]]") -> "tuple[tuple[bytes, bytes], list[int]]":
        """Returns the facts and the measures of the images that are measured, and the numbers of those that are left."""
        facts, records, left = [], [], []
        for number, data in enumerate(self._files.read(*question)):
            found = None if data is None else self._measure(data)
            if found is None:
                left.append(number)
            else:
                facts.append(found[0])
                records.append(found[1])
        return (b"".join(facts), b"".join(records)), left

    def _measure(self, data: bytes) -> "tuple[bytes, bytes] | None":
        """Returns the facts and the measures of a common JPEG; None leaves it."""
        if data[:3] != JPEG:
            return None
        try:
            found = self._native.jpeg(data, self._wanted, self._max_pixels, False)
            if found is None and self._is_srgb(data):
                found = self._native.jpeg(data, self._wanted, self._max_pixels, True)
        except MemoryError:
            return None
        if found is None:
            return None
        height, width, start, stop, record = found
        when = NEVER if start == stop else _captured(data, start, stop)
        return None if when is None else (FACTS.pack(sha256(data).digest(), height, width, when), record)

    def _is_srgb(self, data: bytes) -> bool:
        """Returns whether a JPEG has a colour profile which plainly says sRGB."""
        from dataprep.cleaning.bare.icc import is_srgb

        head = self._native.head(data)
        profile = None if head is None else head[PROFILE]
        if profile is None:
            return False
        if profile not in self._srgb and len(self._srgb) < PROFILES:
            self._srgb[profile] = is_srgb(profile)
        return self._srgb.get(profile, False)


def _captured(data: bytes, start: int, stop: int) -> "int | None":
    from dataprep.cleaning.bare.exif import captured  # `datetime` takes as long to load as all of this

    return captured(data, start, stop)
