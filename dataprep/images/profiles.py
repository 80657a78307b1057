"""Colours as sRGB: what a file's ICC profile says of them is applied, where it says something else than sRGB.

Nearly all profiles say sRGB in some words or other; their pixels are left as they are, to the bit. The others are converted as by
Little CMS, relative colorimetric with black point compensation, as in Photoshop: by compiled code where they are a matrix and
curves, which comes to the same in a fiftieth of the time to look at one, and a fifth for a pixel; else by Little CMS itself.
"""

import io
import re
from functools import cache, lru_cache
from itertools import chain, pairwise, product
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import PIL.Image

from dataprep.images import native

if TYPE_CHECKING:  # bare Python, which has no NumPy, asks for conversions, too
    from dataprep.images.tones import Toned

ALIKE: Final = 3  # levels that a profile may differ from sRGB and still be it: rounding, and curves of few points
WHITE, BLACK = 192, 64  # levels that white and black have to reach in sRGB, and the middle halfway, or it makes no sense
SPACES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
FITS: Final = {"RGB": ("RGB", "RGBA", "L", "LA", "P", "PA"), "L": ("L", "LA"), "CMYK": ("CMYK",)}  # to modes, by a profile's
LONG: Final = 1 << 20  # bytes of a profile of which nothing is remembered
UNFIT: Final = "its colour profile makes no sense and is not applied"
NAMELESS: Final = "its colour profile"


class Conversion(NamedTuple):
    """What turns the colours of a profile into sRGB.

    Attributes:
        name: What the profile calls itself.
        mode: Pillow's mode of what it takes: "RGB", "L" or "CMYK".
        transform: Pillow's, to "RGB"; or tables for `recolour` of the compiled code.
    """

    name: str
    mode: str
    transform: Any

    @property
    def remark(self) -> str:
        """What was done."""
        return f"{self.name} converted to sRGB"

    def __call__(self, image: PIL.Image.Image) -> PIL.Image.Image:
        """Returns an image of its mode as sRGB; gray ones stay gray."""
        if isinstance(self.transform, bytes):
            return _converted(image, self.transform)
        from PIL import ImageCms

        converted = ImageCms.applyTransform(image, self.transform)
        assert converted is not None, "it is not done in place"
        return converted.getchannel("G") if self.mode == "L" else converted


def to_srgb(image: PIL.Image.Image, profile: bytes | None) -> "Toned":
    """Returns an 8-bit image in sRGB, its transparency as it was.

    Args:
        image: In any mode; one of more than 8 bits, or that does not fit its profile, is left as it is.
        profile: An ICC profile, or whatever stands in its place; None leaves the image as it is.
    """
    from dataprep.images.tones import Toned

    if not profile or image.mode not in (*FITS["RGB"], *FITS["CMYK"]):
        return Toned(image)
    found = conversion_of(profile)
    if found is None:
        return Toned(image)
    if isinstance(found, str) or image.mode not in FITS[found.mode]:
        return Toned(image, UNFIT)
    if not image.has_transparency_data:
        return Toned(found(image.convert(found.mode)), found.remark)
    rgba = image.convert("RGBA")
    converted = found(rgba.convert("RGB").convert(found.mode)).convert("RGB")
    converted.putalpha(rgba.getchannel("A"))
    return Toned(converted, found.remark)


def conversion_of(profile: bytes) -> Conversion | str | None:
    """Returns what converts the colours of a profile, why there is nothing that does, or None where they are sRGB as they are."""
    return _known(profile) if len(profile) <= LONG else _find(profile)


@lru_cache(maxsize=128)  # a thousand photos have some twenty, in any order; what converts takes up to 0.7 MB
def _known(profile: bytes) -> Conversion | str | None:
    return _find(profile)


def _find(profile: bytes) -> Conversion | str | None:
    """Returns what `conversion_of` does, by compiled code where that reads the profile."""
    code = shaping()
    found = None if code is None else code.profile(profile)
    if found is None:
        return find_by_pillow(profile)
    meaning, name, tables = found
    return (UNFIT, None, Conversion(name[:40].strip() or NAMELESS, "RGB", tables))[meaning]


def _converted(image: PIL.Image.Image, tables: bytes) -> PIL.Image.Image:
    """Returns an image in RGB as sRGB, by the tables of compiled code."""
    code, shape = native.module("measure"), (image.height, image.width, 3)
    assert code is not None, "the tables are its own"
    pixels = image.tobytes()
    made = bytearray(len(pixels))
    code.recolour(memoryview(pixels).cast("B", shape), tables, memoryview(made).cast("B", shape))
    return PIL.Image.frombytes("RGB", image.size, bytes(made))


@cache
def shaping() -> ModuleType | None:
    """Returns the compiled code that reads profiles, if it finds in one the very colours of the Little CMS that is installed."""
    from PIL import ImageCms

    code = native.module("measure")
    try:
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    except ImportError:  # Pillow was built without Little CMS
        return None
    at = int.from_bytes(srgb[srgb.index(b"rXYZ") + 4 :][:4], "big") + 8
    wider = srgb[:at] + (40_000).to_bytes(4, "big") + srgb[at + 4 :]
    theirs, ours = find_by_pillow(wider), None if code is None else code.profile(wider)
    if ours is None or not isinstance(theirs, Conversion):
        return None
    image = PIL.Image.frombytes("RGB", (256, 17), _probe("RGB"))
    return code if _converted(image, ours[2]).tobytes() == theirs(image).tobytes() else None


def find_by_pillow(profile: bytes) -> Conversion | str | None:
    """Returns what `conversion_of` does, by Little CMS, in 6 ms."""
    from PIL import ImageCms

    mode = SPACES.get(profile[16:20])
    if mode is None:
        return UNFIT
    probe = _probe(mode)
    try:
        theirs, ours = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        how = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        found = Conversion(_name(theirs), mode, ImageCms.buildTransform(theirs, ours, mode, "RGB", *how))
        made = found(PIL.Image.frombytes(mode, (256, len(probe) // (256 * len(mode))), probe)).tobytes()
    except Exception:  # whatever Little CMS makes of bytes that may be anything
        return UNFIT
    channels = 1 if mode == "L" else 3
    gray = [sum(made[at : at + channels]) / channels for at in range(0, 256 * channels, channels)]
    brightens = all(next - last >= -ALIKE for last, next in pairwise(gray))
    if gray[-1] < WHITE or gray[0] > BLACK or not BLACK / 2 < gray[128] < (255 + WHITE) / 2 or not brightens:
        return UNFIT
    return None if mode != "CMYK" and all(abs(a - b) <= ALIKE for a, b in zip(made, probe, strict=True)) else found


@cache
def _probe(mode: str) -> bytes:
    """Returns rows of 256 colours in a mode: first from black to white, then some of all."""
    if mode == "L":
        return bytes(range(256))
    if mode == "CMYK":
        return b"".join(bytes([0, 0, 0, 255 - level]) for level in range(256))
    ramp = ((level, level, level) for level in range(256))
    return bytes(chain.from_iterable([*ramp, *product(range(0, 256, 17), repeat=3)]))


def _name(profile: Any) -> str:
    """Returns what a profile calls itself, in few and plain characters."""
    from PIL import ImageCms

    return re.sub(r"[^ -~]+", " ", ImageCms.getProfileDescription(profile))[:40].strip() or NAMELESS
