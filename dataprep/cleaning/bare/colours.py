"""Measuring of JPEG files whose colours are not those of sRGB: the same pixels as `dataprep.images.jpeg` has, without NumPy."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dataprep.images.profiles import Conversion

USUAL, UPRIGHT = 1, 1  # as `head` says that an image has the usual colours, and lies as it should
YCBCR = 1


class Colours:
    """Asks Little CMS of profiles, and measures what it makes of pixels."""

    def __init__(self, native: "Any", views: "list[tuple[int, int, int]]", packages: str) -> None:
        """Takes the compiled module, what to measure of which view, and the folder in which Pillow is."""
        if packages not in sys.path:
            sys.path.append(packages)
        import PIL.Image

        self._native, self._views, self._image = native, views, PIL.Image

    def conversion(self, profile: bytes) -> "tuple[Conversion | None, str | None]":
        """Returns what converts the colours of a profile, if anything does, and what is to be said of them."""
        from dataprep.images.profiles import UNFIT, conversion_of

        found = conversion_of(profile)
        if found is None:
            return None, None
        if isinstance(found, str) or found.mode == "CMYK":
            return None, UNFIT
        return found, found.remark

    def measure(self, data: bytes, head: "Any", conversion: "Conversion", max_pixels: int) -> "Any":
        """Returns what `jpeg` of the compiled module does, of converted pixels; None leaves the image."""
        _, height, width, colours, usual, orientation, start, stop, _, _ = head
        common = (colours, usual, orientation) == (YCBCR, USUAL, UPRIGHT) and height * width <= max_pixels
        if not common or conversion.mode != "RGB" or not self._views:
            return None
        records = [self._measure_view(data, height, width, conversion, *view) for view in self._views]
        known = [record for record in records if record is not None]
        return (height, width, start, stop, _overlaid(known)) if len(known) == len(records) else None

    def _measure_view(
        self, data: bytes, height: int, width: int, conversion: "Conversion", side: int, channels: int, wanted: int
    ) -> "bytes | None":
        """Returns the record of one view, in which all else is zero."""
        factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or (side and min(height, width) >= factor * side))
        planes = self._native.decode(data, 0, factor)
        if planes is None:
            return None
        rows, columns, pixels = planes[1]
        converted = conversion(self._image.frombytes("RGB", (columns, rows), pixels)).convert("L" if channels == 1 else "RGB")
        shape = (rows, columns) if channels == 1 else (rows, columns, 3)
        measure = self._native.gray if channels == 1 else self._native.rgb
        record: bytes | None = measure(memoryview(converted.tobytes()).cast("B", shape), wanted)
        return record


def _overlaid(records: "list[bytes]") -> bytes:
    """Returns one record of several of which each has filled its own part."""
    whole = 0
    for record in records:
        whole |= int.from_bytes(record, "little")
    return whole.to_bytes(len(records[0]), "little")
