"""Bytes to an upright image, or a `DecodeError` that says why not.

JPEG goes through libjpeg-turbo by simplejpeg (strict: a truncated file is an error, not a gray half), everything else
through Pillow. Both give the same pixels; Pillow is the oracle in the tests. A measure that needs few pixels gets a JPEG
decoded at 1/2, 1/4 or 1/8 of its size, which costs less than decoding it whole.

One policy for each kind of image: EXIF orientation is applied; transparency is laid over black; 16-bit is scaled to 8;
CMYK and palettes are converted by Pillow; of an animation, the first frame. Embedded colour profiles are not applied.
"""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import simplejpeg

from dataprep.errors import DecodeError
from dataprep.images.jpeg import Decoded, decode_jpeg, orientation_of, refuse_scans
from dataprep.images.limits import BROKEN, IS_POINTER, MAX_PIXELS, POINTER, reason, refuse_bomb
from dataprep.images.views import TRANSPOSED, scale, upright
from dataprep.types import Box


def decode(
    data: bytes,
    *,
    side: int | None = None,
    channels: int = 3,
    max_pixels: int = MAX_PIXELS,
    reuse: bool = False,
    part: Box | None = None,
) -> Decoded:
    """Decodes one image.

    Args:
        data: The bytes of a file.
        side: The shorter side, in pixels, that is enough; a larger JPEG is decoded at the smallest of 1/2, 1/4 and 1/8 of
            its size that still has it. None decodes in full.
        channels: 3 for RGB, 1 for luminance.
        max_pixels: Images of more pixels are refused before any of them is decoded.
        reuse: Whether the image may lie in memory that this thread's next such call overwrites.
        part: What is wanted of the whole RGB image: it may then come alone, with the pixels that the whole one has there. Faults
            of the file behind it are not seen.

    Raises:
        DecodeError: The bytes are empty, a pointer of Git LFS, truncated, of no known format, or of too many pixels.
    """
    if not data:
        raise DecodeError("the file is empty")
    if data.startswith(POINTER):
        raise DecodeError(IS_POINTER)
    try:
        if data[:3] == b"\xff\xd8\xff":
            refuse_scans(data)
            fast = decode_jpeg(data, side, channels, max_pixels, reuse, part)
            if fast is not None:
                return fast
        return _decode_any(data, side, channels, max_pixels)
    except DecodeError:
        raise
    except BROKEN as error:
        raise DecodeError(reason(error)) from error


def decoders() -> str:
    """Returns what decodes, with versions: another may read what these cannot."""
    return f"Pillow {PIL.__version__}, simplejpeg {simplejpeg.__version__}"


def _decode_any(data: bytes, side: int | None, channels: int, max_pixels: int) -> Decoded:
    """Decodes whatever Pillow reads."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        name = opened.format or "unknown"
        if name == "EPS":
            raise DecodeError("PostScript is a program, not an image; it is not run")
        width, height = opened.size
        refuse_bomb(height, width, max_pixels)
        if opened.format == "JPEG":
            factor = scale(height, width, side)
            opened.draft("L" if channels == 1 else "RGB", (width // factor, height // factor))
        orientation = 1 if name == "TIFF" else orientation_of(opened)  # Pillow turns TIFF upright itself
        image = np.asarray(_flatten(opened, "L" if channels == 1 else "RGB"))
    if orientation in TRANSPOSED:
        height, width = width, height
    return Decoded(upright(image, orientation), name, height, width)


def _flatten(image: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Returns an image of any mode as 8-bit RGB or luminance."""
    if image.mode.startswith("I"):  # 16 or 32 bits: scaled, since Pillow's own conversion clips at 255
        values = np.asarray(image).astype(np.int64)
        image = PIL.Image.fromarray((values.clip(0, 0xFFFF) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        image = PIL.Image.new("RGBA", image.size, (0, 0, 0, 255))
        image.alpha_composite(with_alpha)
    if image.mode == "LAB":  # Pillow converts it to RGB only
        image = image.convert("RGB")
    return image.convert(mode)
