"""Which files are images: the formats that are read, what their names end in, and what their bytes begin with.

The name decides only whether a file is looked at. What it is, its bytes say: each format is opened by its own decoder and no
other, so that what is not listed here costs nothing and reaches no code that was not meant for it.
"""

import re
from typing import Final, NamedTuple

from dataprep.errors import DecodeError

SEEN: Final = 4096
"""Bytes from the start of a file that tell its format."""


class Format(NamedTuple):
    """A format that is read.

    Attributes:
        name: Pillow's name of it, such as "JPEG".
        endings: What names of such files end in.
        start: What its first bytes match.
        plugin: The module that makes Pillow open it.
        extra: The extra that installs the plugin; None where it is Pillow's own.
    """

    name: str
    endings: tuple[str, ...]
    start: re.Pattern[bytes]
    plugin: str
    extra: str | None = None


def _starts(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


def _branded(brands: bytes) -> re.Pattern[bytes]:
    """Returns what a file in ISO's base format begins with that names some brand, as its own or among those it is readable as."""
    return _starts(rb".{4}ftyp(?:.{4}){0,12}?(?:" + brands + rb")")


FORMATS: Final = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), _starts(rb"\xff\xd8\xff"), "PIL.JpegImagePlugin"),
    Format("PNG", (".png", ".apng"), _starts(rb"\x89PNG\r\n\x1a\n"), "PIL.PngImagePlugin"),
    Format("WEBP", (".webp",), _starts(rb"RIFF.{4}WEBPVP8"), "PIL.WebPImagePlugin"),
    Format("GIF", (".gif",), _starts(rb"GIF8[79]a"), "PIL.GifImagePlugin"),
    Format("TIFF", (".tif", ".tiff"), _starts(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]|II\0\x2a|MM\x2a\0"), "PIL.TiffImagePlugin"),
    Format("BMP", (".bmp",), _starts(rb"BM"), "PIL.BmpImagePlugin"),
    Format("DIB", (".dib",), _starts(rb"[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"), "PIL.BmpImagePlugin"),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"), _starts(rb"P[1-6]\s|P[fFy]"), "PIL.PpmImagePlugin"),
    Format(
        "JPEG2000",
        (".jp2", ".j2k", ".jpx", ".j2c", ".jpc"),
        _starts(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP\x20\x20\r\n\x87\n"),
        "PIL.Jpeg2KImagePlugin",
    ),
    Format("ICO", (".ico",), _starts(rb"\0\0\x01\0"), "PIL.IcoImagePlugin"),
    Format("AVIF", (".avif",), _branded(rb"avif|avis"), "PIL.AvifImagePlugin"),
    Format(
        "HEIF", (".heic", ".heif", ".hif"), _branded(rb"hei[cxms]|hev[cxms]|mif1|msf1"), "pillow_heif.HeifImagePlugin", "formats"
    ),
    Format("JXL", (".jxl",), _starts(rb"\xff\x0a|\0\0\0\x0cJXL\x20\r\n\x87\n"), "pillow_jxl.JpegXLImagePlugin", "formats"),
    # says so little of itself that it comes last: whatever is nothing else may be one
    Format("TGA", (".tga",), _starts(rb".[\0\x01][\x01\x02\x03\x09\x0a\x0b]"), "PIL.TgaImagePlugin"),
)

RAW: Final = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw"),
    *(".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""What names of the raw files of cameras end in."""

ENDINGS: Final = frozenset([*RAW, *(ending for known in FORMATS for ending in known.endings)])
"""What the names of images end in, in lower case; also those of raw files, so that each is a row that says why it is not read."""

IS_RAW: Final = "a camera's raw file; convert it first"
IS_NONE: Final = "not an image of a known format"
REFUSED: Final = (
    (_starts(rb".{4}ftypcrx\x20"), IS_RAW),
    (
        _starts(rb"(?:II\x2a\0|MM\0\x2a).{4}CR|II\x2a\0.{4}HEAPCCDR|II\x1a\0.{4}HEAP|IIR[OS]|MMOR|IIU\0|FUJIFILMCCD|FOVb|\0MRM"),
        IS_RAW,
    ),
    (_starts(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript is a program, not an image; it is not run"),
    (_starts(rb"%PDF"), "a PDF document; export its pages as images first"),
    (_starts(rb"8BPS"), "a Photoshop document; export it first"),
    (_starts(rb"\s*(?:<\?xml.{0,1000}?)?<svg\b"), "an SVG drawing; render it first"),
    (_starts(rb"\x76\x2f\x31\x01"), "an OpenEXR image; convert it first"),
    (_starts(rb"#\?R(?:ADIANCE|GBE)"), "a Radiance HDR image; convert it first"),
    (_starts(rb"qoif"), "a QOI image; convert it first"),
    (_starts(rb"DDS\x20"), "a DirectDraw texture; convert it first"),
    (_starts(rb"icns"), "an ICNS icon; convert it first"),
    (_starts(rb"SIMPLE\x20\x20="), "a FITS image; convert it first"),
    (_starts(rb".{128}DICM"), "a DICOM file; export its image first"),
    (_starts(rb"\x93NUMPY"), "a NumPy array, not an image"),
    (_starts(rb"\x89HDF\r\n\x1a\n"), "an HDF5 file, not an image"),
    (_starts(rb".{4}ftyp(?:isom|iso[2-9]|mp4[12]|qt\x20\x20|M4V\x20)"), "a video, not an image"),
    (_starts(rb"PK\x03\x04|\x1f\x8b|Rar!|7z\xbc\xaf"), "an archive, not an image"),
)
"""What is told by its first bytes and not read, each with the reason."""


def is_image(name: str) -> bool:
    """Returns whether a file is looked at, going by what its name ends in."""
    dot = name.rfind(".")
    if name[dot:].lower() not in ENDINGS:
        return False
    return bool(name[name.rfind("/", 0, dot) + 1 : dot].strip("."))  # as `os.path.splitext`, in a tenth of its time


def format_of(data: bytes) -> Format:
    """Returns the format of a file.

    Args:
        data: Its first `SEEN` bytes, or all of them.

    Raises:
        DecodeError: It is of none that is read; the message says what it is, where that is known.
    """
    head = data[:SEEN]
    for start, why in REFUSED:
        if start.match(head):
            raise DecodeError(why)
    for known in FORMATS:
        if known.start.match(head):
            return known
    raise DecodeError(IS_NONE)
