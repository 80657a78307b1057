"""Reading, digesting and measuring of common JPEG files by the compiled module, and by Pillow where colours are converted.

All that is not plainly fine is left to `measure_batch`, which says the same of these files, and what is wrong with others.
"""

from importlib.machinery import ExtensionFileLoader, ModuleSpec
from struct import Struct

from dataprep.cleaning.bare import NEVER
from dataprep.cleaning.bare.files import Files

try:
    from _hashlib import openssl_sha256 as sha256  # `hashlib` loads all other digests as well
except ImportError:
    from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dataprep.cleaning.bare.colours import Colours

FACTS = Struct("<32siiq")
"""What is known of an image beside its measures: digest, height, width, and when it was captured, as ms since 1970 or `NEVER`."""
JPEG = b"\xff\xd8\xff"
PROFILE = 8  # of what `head` returns


def prepare(
    compiled: str,
    roots: "dict[str, str]",
    wanted: int,
    views: "list[tuple[int, int, int]]",
    max_pixels: int,
    largest: int,
    packages: str,
    shapes: bool,
) -> "Measuring":
    """Returns what measures.

    Args:
        compiled: The file of `dataprep.images.native.measure`.
        roots: The folders that uris are relative to, by their first steps; by "" where there is only one.
        wanted: What to measure, as that module takes it.
        views: The same by what is seen: the shorter side in pixels or 0, 1 for luminance or 3 for RGB, what to measure of it.
        max_pixels: Larger images are left.
        largest: Files of more bytes are left.
        packages: The folder in which Pillow is.
        shapes: Whether the module reads colour profiles as Pillow's Little CMS does.
    """
    loader = ExtensionFileLoader("measure", compiled)
    native = loader.create_module(ModuleSpec("measure", loader, origin=compiled))
    loader.exec_module(native)
    return Measuring(native, Files(roots, largest), wanted, views, max_pixels, packages, shapes)


class Measuring:
    """Measures some images: called with their uris and sizes, as a scan has them."""

    def __init__(
        self,
        native: "Any",
        files: Files,
        wanted: int,
        views: "list[tuple[int, int, int]]",
        max_pixels: int,
        packages: str,
        shapes: bool,
    ) -> None:
        self._native, self._files, self._wanted, self._max_pixels = native, files, wanted, max_pixels
        self._views, self._packages, self._shapes = views, packages, shapes
        self._colours: Colours | None = None
        self.expect = files.expect

    def __call__(self, question: "tuple[list[str], list[int | None]]") -> "tuple[Any, list[int]]":
        """Returns what is known of the images that are measured, and the numbers of those that are left.

        The first is their facts, end to end; their measures, end to end; and what is to be said of each, or None.
        """
        facts, records, remarks, left = [], [], [], []
        for number, data in enumerate(self._files.read(*question)):
            found = None if data is None else self._measure(data)
            if found is None:
                left.append(number)
            else:
                facts.append(found[0])
                records.append(found[1])
                remarks.append(found[2])
        return (b"".join(facts), b"".join(records), remarks), left

    def _measure(self, data: bytes) -> "tuple[bytes, bytes, str | None] | None":
        """Returns the facts and the measures of a common JPEG, and what is to be said of it; None leaves it."""
        if data[:3] != JPEG:
            return None
        try:
            remark = None
            found = self._native.jpeg(data, self._wanted, self._max_pixels, False)
            if found is None:
                found, remark = self._measure_profiled(data)
        except Exception:  # whatever is raised of a file, which may be anything: `measure_batch` says what is wrong
            return None
        if found is None:
            return None
        height, width, start, stop, record = found
        when = NEVER if start == stop else _captured(data, start, stop)
        return None if when is None else (FACTS.pack(sha256(data).digest(), height, width, when), record, remark)

    def _measure_profiled(self, data: bytes) -> "tuple[Any, str | None]":
        """Returns what the compiled module does of a JPEG with a colour profile, and what is to be said of it."""
        head = self._native.head(data)
        if head is None or head[PROFILE] is None:
            return None, None
        if self._colours is None:
            from dataprep.cleaning.bare.colours import Colours

            self._colours = Colours(self._native, self._views, self._packages, self._shapes)
        conversion, remark = self._colours.conversion(head[PROFILE])
        if conversion is None:
            return self._native.jpeg(data, self._wanted, self._max_pixels, True), remark
        return self._colours.measure(data, head, conversion, self._max_pixels), remark


def _captured(data: bytes, start: int, stop: int) -> "int | None":
    from dataprep.cleaning.bare.exif import captured  # `datetime` takes as long to load as all of this

    return captured(data, start, stop)
