"""Measuring of JPEG files whose colours are not those of sRGB: the same pixels as `dataprep.images.jpeg` has, without NumPy.

What nearly all profiles say, the compiled module reads; for the others Pillow is imported, with its Little CMS.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dataprep.images.profiles import Conversion

USUAL, UPRIGHT = 1, 1  # as `head` says that an image has the usual colours, and lies as it should
YCBCR = 1
UNFIT, SRGB = 0, 1  # as `profile` says that a profile makes no sense, and that it is sRGB; 2 is another one
KNOWN = 128  # profiles that are remembered: a thousand photos have some twenty


class Colours:
    """Finds what profiles say, and measures what becomes of pixels."""

    def __init__(self, native: "Any", views: "list[tuple[int, int, int]]", packages: str, shapes: bool) -> None:
        """Takes the compiled module, what to measure of which view, where Pillow is, and whether the module reads profiles."""
        self._native, self._views, self._packages, self._shapes = native, views, packages, shapes
        self._known: dict[bytes, tuple[Conversion | bytes | None, str | None]] = {}

    def conversion(self, profile: bytes) -> "tuple[Conversion | bytes | None, str | None]":
        """Returns what converts the colours of a profile, if anything does, and what is to be said of them."""
        found = self._known.get(profile)
        if found is None:
            found = self._shaped(profile) or self._asked(profile)
            if len(self._known) < KNOWN:
                self._known[profile] = found
        return found

    def _shaped(self, profile: bytes) -> "tuple[bytes | None, str | None] | None":
        """Returns the same by the compiled module, None where it leaves the profile; its conversions are tables."""
        found = self._native.profile(profile) if self._shapes else None
        if found is None or found[0] == UNFIT:
            return None
        meaning, name, tables = found
        return (None, None) if meaning == SRGB else (tables, f"{name[:40].strip() or 'its colour profile'} converted to sRGB")

    def _asked(self, profile: bytes) -> "tuple[Conversion | None, str | None]":
        """Returns the same by Pillow."""
        if self._packages not in sys.path:
            sys.path.append(self._packages)
        from dataprep.images import profiles

        found = profiles.conversion_of(profile)
        if found is None:
            return None, None
        if isinstance(found, str) or found.mode == "CMYK":
            return None, profiles.UNFIT
        return found, found.remark

    def measure(self, data: bytes, head: "Any", conversion: "Conversion | bytes", max_pixels: int) -> "Any":
        """Returns what `jpeg` of the compiled module does, of converted pixels; None leaves the image."""
        _, height, width, colours, usual, orientation, start, stop, _, _ = head
        common = (colours, usual, orientation) == (YCBCR, USUAL, UPRIGHT) and height * width <= max_pixels
        if not common or not self._views or not (isinstance(conversion, bytes) or conversion.mode == "RGB"):
            return None
        records = [self._measure_view(data, height, width, conversion, *view) for view in self._views]
        known = [record for record in records if record is not None]
        return (height, width, start, stop, _overlaid(known)) if len(known) == len(records) else None

    def _measure_view(
        self, data: bytes, height: int, width: int, conversion: "Conversion | bytes", side: int, channels: int, wanted: int
    ) -> "bytes | None":
        """Returns the record of one view, in which all else is zero."""
        factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or (side and min(height, width) >= factor * side))
        planes = self._native.decode(data, 0, factor)
        if planes is None:
            return None
        measure = self._native.gray if channels == 1 else self._native.rgb
        record: bytes | None = measure(self._convert(planes[1], conversion, channels), wanted)
        return record

    def _convert(self, plane: "tuple[int, int, bytes]", conversion: "Conversion | bytes", channels: int) -> memoryview:
        """Returns the luminance or the colours of an image of some rows and columns in sRGB."""
        rows, columns, pixels = plane
        shape = (rows, columns) if channels == 1 else (rows, columns, 3)
        if isinstance(conversion, bytes):
            made = memoryview(bytearray(rows * columns * channels)).cast("B", shape)
            self._native.recolour(memoryview(pixels).cast("B", (rows, columns, 3)), conversion, made)
            return made
        import PIL.Image

        image = conversion(PIL.Image.frombytes("RGB", (columns, rows), pixels)).convert("L" if channels == 1 else "RGB")
        return memoryview(image.tobytes()).cast("B", shape)


def _overlaid(records: "list[bytes]") -> bytes:
    """Returns one record of several of which each has filled its own part."""
    whole = 0
    for record in records:
        whole |= int.from_bytes(record, "little")
    return whole.to_bytes(len(records[0]), "little")
