"""Decoding: the same upright pixels as Pillow's for every kind of image, and a `DecodeError` for everything else."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import PIL.features
import PIL.Image
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DecodeError
from dataprep.images.decode import decode
from dataprep.images.jpeg import MAX_SCANS, Decoded, decode_jpeg
from dataprep.images.limits import MAX_PIXELS, quiet_decoders
from dataprep.images.tiff import orientation_of_exif
from dataprep.images.views import TRANSPOSED, luminance, reduce, scale, upright
from dataprep.testing import encoded, photo
from dataprep.types import Box, Image

JPEGS: dict[str, dict[str, object]] = {
    "4:4:4": {"quality": 95, "subsampling": 0},
    "4:2:2": {"quality": 60, "subsampling": 1},
    "4:2:0": {"quality": 85, "subsampling": 2},
    "coarse": {"quality": 5},
    "progressive": {"quality": 75, "progressive": True},
    "restart markers": {"quality": 75, "restart_marker_blocks": 4},
}
ORIENTATIONS = range(1, 9)


def orientation_exif(orientation: int) -> PIL.Image.Exif:
    """EXIF that holds an orientation."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif


def as_a_camera_stores(image: Image, orientation: int) -> Image:
    """An upright image laid down so that its EXIF orientation turns it back."""
    undo = {6: 8, 8: 6}.get(orientation, orientation)  # two quarter turns undo each other; the others are their own opposite
    return upright(image, undo)


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """A JPEG with one more segment at its start."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + jpeg[2:]


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def with_chunk(png: bytes, name: bytes, payload: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return png[:33] + chunk(name, payload) + png[33:]


def as_pillow(data: bytes, side: int | None = None, channels: int = 3) -> Decoded:
    """What Pillow alone makes of a JPEG, reduced by its decoder as far as the side allows, and turned upright."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        (width, height), mode = opened.size, "L" if channels == 1 else "RGB"
        factor = scale(height, width, side)
        opened.draft(mode, (width // factor, height // factor))
        orientation = opened.getexif().get(0x0112, 1)
        image = upright(np.asarray(opened.convert(mode)), orientation)
    return Decoded(image, "JPEG", *((width, height) if orientation in TRANSPOSED else (height, width)))


def same(left: Decoded, right: Decoded) -> bool:
    """Whether two results agree in every pixel and every fact."""
    return left[1:] == right[1:] and np.array_equal(left.image, right.image)


@pytest.mark.parametrize("side", [None, 64])
@pytest.mark.parametrize("size", [1, 12_345_678])
def test_a_pointer_of_git_lfs(size: int, side: int | None) -> None:
    """What Git LFS puts in the place of an image is told from a broken file, in the same words whatever it points to."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{size:064x}\nsize {size}\n".encode()
    with pytest.raises(DecodeError, match=r"^a pointer of Git LFS, not the image: run `git lfs pull`$"):
        decode(pointer, side=side)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_jpeg_as_pillow(skimage_photos: dict[str, Image], options: dict[str, object]) -> None:
    """A JPEG has the same pixels as from Pillow: whole and reduced, in colour and in gray, whatever its encoding."""
    for pixels in skimage_photos.values():
        data = encoded(pixels, **options)
        for channels in (1, 3):
            for side in (None, 20, 64, 128, 10_000):
                fast = decode_jpeg(data, side, channels, MAX_PIXELS)
                assert fast is not None
                assert same(fast, as_pillow(data, side, channels))


def test_gray_jpeg_as_pillow(skimage_photos: dict[str, Image]) -> None:
    """A grayscale JPEG has the same pixels as from Pillow, and equal red, green and blue where colour is asked for."""
    for pixels in skimage_photos.values():
        data = encoded(luminance(pixels), quality=80)
        for side in (None, 64):
            for channels in (1, 3):
                assert same(decode(data, side=side, channels=channels), as_pillow(data, side, channels))
        colour = decode(data).image
        assert (colour == colour[..., :1]).all()


@pytest.mark.slow
def test_real_photos_as_pillow(real_photos: list[Path]) -> None:
    """Photos from the wild have the same pixels as from Pillow."""
    for path in real_photos:
        data = path.read_bytes()
        if decode(data).remark is not None:  # of colours that Pillow leaves as they are
            continue
        assert same(decode(data), as_pillow(data))
        assert same(decode(data, side=128, channels=1), as_pillow(data, 128, 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 9), (16, 16), (255, 257)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    """A JPEG of any size is whole: no side is lost to rounding."""
    data = encoded(photo(0, *size))
    assert decode(data).image.shape == (*size, 3)
    for side in (1, 2, 8, 64):
        decoded = decode(data, side=side)
        assert (decoded.height, decoded.width) == size
        assert min(decoded.image.shape[:2]) >= min(*size, side)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 200))
def test_reduced_decode(height: int, width: int, side: int) -> None:
    """A JPEG is reduced to the least of 1/2, 1/4 and 1/8 whose shorter side is long enough, the whole size stated beside it."""
    data = encoded(np.zeros((height, width), np.uint8))
    decoded = decode(data, side=side, channels=1)
    assert (decoded.height, decoded.width) == (height, width)
    factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or min(height, width) >= factor * side)
    assert decoded.image.shape == (-(-height // factor), -(-width // factor))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {"quality": 95, "subsampling": 0}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_orientation(format: str, options: dict[str, object], orientation: int) -> None:
    """Every EXIF orientation gives the same upright picture, with its upright size, in every format that has one."""
    pixels = cv2.resize(photo(1, 3, 5), (80, 48), interpolation=cv2.INTER_CUBIC)  # smooth, so that JPEG keeps it
    stored = as_a_camera_stores(pixels, orientation)
    decoded = decode(encoded(stored, format, exif=orientation_exif(orientation), **options))
    assert (decoded.height, decoded.width) == (48, 80) == decoded.image.shape[:2]
    assert decoded.image.flags.c_contiguous
    assert np.abs(decoded.image.astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_orientation_reduced(orientation: int) -> None:
    """A reduced JPEG is upright too, and its whole size is the upright one."""
    data = encoded(as_a_camera_stores(photo(2, 240, 400), orientation), exif=orientation_exif(orientation))
    decoded = decode(data, side=60, channels=1)
    assert decoded.image.shape == (60, 100)
    assert (decoded.height, decoded.width) == (240, 400)
    assert same(decoded, as_pillow(data, 60, 1))


def test_orientation_behind_other_segments() -> None:
    """EXIF is found behind segments of 64 KiB, as image editors write them."""
    exif = encoded(photo(0, 40, 60), exif=orientation_exif(6))
    for jpeg in (
        with_segment(exif, 0xED, b"x" * 65_533),
        with_segment(with_segment(exif, 0xED, b"y" * 65_533), 0xE2, b"z" * 65_533),
    ):
        assert decode(jpeg).image.shape == (60, 40, 3)
    assert decode(with_segment(exif, 0xED, b"looks like pixels: \xff\xda")).image.shape == (60, 40, 3)


def test_orientation_of_xmp_is_left_alone() -> None:
    """Only EXIF turns an image: the orientation in XMP does not, in any format, as in browsers and DALI."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    pixels = photo(0, 40, 60)
    assert decode(with_segment(encoded(pixels), 0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + xmp)).image.shape == (40, 60, 3)
    assert decode(with_chunk(encoded(pixels, "PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)).image.shape == (40, 60, 3)
    assert decode(encoded(pixels, "WEBP", xmp=xmp)).image.shape == (40, 60, 3)


DAMAGED_EXIF = (
    b"",
    b"II",
    b"II*\0\xff\xff\xff\xff",
    b"garbage garbage",
    b"MM\0*\0\0\0\x08\0\x05\x01\x12",
    b"II*\0\x08\0\0\0\xff\xff",
)


@pytest.mark.parametrize("damaged", DAMAGED_EXIF)
def test_damaged_exif(quiet: None, damaged: bytes) -> None:
    """Damaged EXIF leaves the pixels readable, in every format."""
    pixels = photo(0, 40, 60)
    for data in (
        with_segment(encoded(pixels), 0xE1, b"Exif\0\0" + damaged),
        with_chunk(encoded(pixels, "PNG"), b"eXIf", damaged),
        encoded(pixels, "WEBP", exif=damaged),
    ):
        assert decode(data).image.shape == (40, 60, 3)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_orientation_of_no_meaning(orientation: int) -> None:
    """An EXIF orientation outside 1 to 8 is none."""
    for format in ("JPEG", "PNG"):
        assert decode(encoded(photo(0, 40, 60), format, exif=orientation_exif(orientation))).image.shape == (40, 60, 3)


def test_one_bit() -> None:
    """1-bit images are black and white, 0 and 255."""
    bits = np.random.default_rng(0).integers(0, 2, (20, 30)).astype(bool)
    for format in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(decode(encoded(bits, format), channels=1).image, bits * np.uint8(255))


MODES = {"JPEG": "L CMYK YCbCr", "TIFF": "L P CMYK LAB", "PNG": "L P", "GIF": "L P", "WEBP": "L", "BMP": "L P"}


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format, modes in MODES.items() for mode in modes.split()])
def test_every_mode(quiet: None, format: str, mode: str) -> None:
    """Whatever the mode of a file, its colours are Pillow's and its luminance is that of its colours."""
    source = PIL.Image.fromarray(photo(0, 40, 60))
    buffer = io.BytesIO()
    source.convert(mode).save(buffer, format)
    with PIL.Image.open(buffer) as opened:
        expected = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(decode(buffer.getvalue()).image, expected)
    gray = decode(buffer.getvalue(), channels=1).image
    assert gray.shape == (40, 60)
    assert np.abs(gray.astype(int) - luminance(expected)).mean() < 1.5


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame(format: str) -> None:
    """An animation counts as its first frame, and says how many there are."""
    frames = [PIL.Image.new("RGB", (30, 20), colour) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    buffer = io.BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:], **options)
    decoded = decode(buffer.getvalue())
    assert (decoded.image == (200, 0, 0)).all()
    assert decoded.remark == "the first of 3 pages"


def damaged(data: bytes) -> Iterator[bytes]:
    """A file cut at every 17th byte, and with every 17th byte flipped, in each bit once."""
    for at in range(0, len(data), 17):
        yield data[:at]
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        yield data[:at] + b"\xff" + data[at + 1 :]


FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "ICO", "TGA", "JPEG2000"]
if "avif" in PIL.features.get_supported():
    FORMATS.append("AVIF")


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files(quiet: None, format: str) -> None:
    """A damaged file gives an image or a `DecodeError`, never another exception, wherever the damage is."""
    readable = 0
    for data in damaged(encoded(photo(3, 32, 32), format)):
        for side, channels in ((None, 3), (8, 1)):
            try:
                readable += decode(data, side=side, channels=channels).image.size > 0
            except DecodeError as error:
                assert str(error)
                assert "\n" not in str(error)
    assert readable


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF", b"P6 "]),
)
def test_random_bytes(data: bytes, start: bytes) -> None:
    """Random bytes behind the first bytes of any format give an image or a `DecodeError`."""
    with quiet_decoders(10_000):
        try:
            assert decode(start + data, max_pixels=10_000).image.dtype == np.uint8
        except DecodeError as error:
            assert str(error)


@pytest.mark.slow
def test_hostile_files(hostile_files: list[Path]) -> None:
    """Every file of a malformed corpus gives an upright 8-bit image of the stated size, or a `DecodeError`."""
    with quiet_decoders():
        for path in hostile_files:
            for side, channels in ((None, 3), (128, 1)):
                try:
                    image, _, height, width, *_ = decode(path.read_bytes(), side=side, channels=channels)
                except DecodeError as error:
                    assert str(error), path
                    continue
                assert image.dtype == np.uint8 and image.flags.c_contiguous and image.ndim == (3 if channels == 3 else 2), path
                assert side is not None or image.shape[:2] == (height, width), path


def test_bombs(quiet: None) -> None:
    """An image of too many pixels is refused by what its header says, so one without any pixels is refused as too large."""
    size = struct.pack(">IIBBBBB", 20_000, 30_000, 8, 2, 0, 0, 0)
    with pytest.raises(DecodeError, match=r"600,?000,?000"):
        decode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    jpeg = encoded(photo(0, 40, 60))
    start = jpeg.index(b"\xff\xc0") + 5
    huge = jpeg[:start] + struct.pack(">HH", 60_000, 50_000) + jpeg[start + 4 :]
    with pytest.raises(
        DecodeError, match="50000×60000 is 3,000,000,000 pixels, over the limit of 178,956,970; give --max-pixels"
    ):
        decode(huge)


def scan_of_nothing(data: bytes) -> bytes:
    """The last scan of a progressive JPEG without its pixels: a header, and no block."""
    start = data.rindex(b"\xff\xda")
    return data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]


@pytest.mark.parametrize("scans", [MAX_SCANS, MAX_SCANS + 1])
def test_scan_bombs(scans: int, quiet: None) -> None:
    """A JPEG of one scan more than the limit is refused for that; at the limit it is decoded, or refused for another reason."""
    data = encoded(photo(0, 40, 60), progressive=True)
    bomb = data[:-2] + scan_of_nothing(data) * (scans - data.count(b"\xff\xda")) + data[-2:]
    with pytest.raises(DecodeError) as refused:
        decode(bomb)
    assert ("scans" in str(refused.value)) == (scans > MAX_SCANS)


def test_bytes_that_look_like_scans(quiet: None) -> None:
    """What stands in metadata, or behind the end as in a photo with a film, is no scan."""
    data = encoded(photo(0, 40, 60))
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 2 * 200) + b"\xff\xda" * 200
    assert np.array_equal(decode(data[:2] + comment + data[2:] + b"\xff\xda" * 200).image, decode(data).image)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_limit_is_inclusive(format: str) -> None:
    """An image of just `max_pixels` is decoded; one pixel less of limit refuses it, naming both numbers."""
    data = encoded(photo(0, 40, 60), format)
    assert decode(data, max_pixels=2_400).image.shape == (40, 60, 3)
    with pytest.raises(DecodeError, match="60×40 is 2,400 pixels, over the limit of 2,399"):
        decode(data, max_pixels=2_399)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"no image", "not an image of a known format"),
        (b"<html><body>404</body></html>", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "PostScript"),
    ],
)
def test_no_images(data: bytes, message: str) -> None:
    """What is no image says so, and a PostScript program is not run."""
    with pytest.raises(DecodeError, match=message):
        decode(data)


def test_quiet_decoders_put_back() -> None:
    """What `quiet_decoders` sets is as it was afterwards, also after an error."""
    before = (cv2.getNumThreads(), PIL.Image.MAX_IMAGE_PIXELS)
    with pytest.raises(KeyError), quiet_decoders(1_000):
        assert PIL.Image.MAX_IMAGE_PIXELS == 500
        raise KeyError
    assert (cv2.getNumThreads(), PIL.Image.MAX_IMAGE_PIXELS) == before


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 150), st.sampled_from([1, 3]))
def test_reduce(height: int, width: int, side: int, channels: int) -> None:
    """Reducing makes the shorter side `side`, keeps aspect and mean, and leaves smaller images as they are."""
    image = photo(0, height, width) if channels == 3 else luminance(photo(0, height, width))
    reduced = reduce(image, side)
    if min(height, width) <= side:
        assert reduced is image
        return
    assert min(reduced.shape[:2]) == side and reduced.ndim == image.ndim
    assert abs(max(reduced.shape[:2]) - max(height, width) * side / min(height, width)) <= 0.5
    assert abs(reduced.mean() - image.mean()) < 4


def test_luminance() -> None:
    """Luminance is ITU-R 601, as Pillow's, within rounding; one channel stays as it is."""
    pixels = photo(5)
    assert np.abs(luminance(pixels).astype(int) - np.asarray(PIL.Image.fromarray(pixels).convert("L"))).max() <= 1
    gray = luminance(pixels)
    assert luminance(gray) is gray


def test_orientation_behind_any_segments() -> None:
    """EXIF turns an image however many segments stand before it, and what looks like a scan in them is none; as in Pillow."""
    exif = encoded(photo(0, 40, 60), exif=orientation_exif(6))
    for payload in (b"x" * 65_533, b"thumbnail \xff\xd8\xff\xda" + b"y" * 60_000, b"\xff" * 65_533):
        for count in (1, 2, 5):
            data = exif
            for marker in range(count):
                data = with_segment(data, 0xE2 + marker, payload)
            assert same(decode(data), as_pillow(data))
            assert decode(data).image.shape == (60, 40, 3)


@given(st.binary(max_size=120), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"]))
def test_any_exif(body: bytes, start: bytes) -> None:
    """Whatever stands where EXIF does, its orientation is 1 to 8, with its name before it or without."""
    assert orientation_of_exif(start + body) in ORIENTATIONS
    assert orientation_of_exif(b"Exif\0\0" + start + body) == orientation_of_exif(start + body)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_of_pillow(orientation: int) -> None:
    """The orientation is that which Pillow writes and reads, beside other entries and in either order of bytes."""
    exif = orientation_exif(orientation)
    exif[0x010F], exif[0x0110] = "maker", "model"
    for order in ("<", ">"):
        exif.endian = order
        assert orientation_of_exif(exif.tobytes()) == orientation


def rows_of_four(height: int, width: int) -> bytes:
    """A JPEG of 4:4:1, of which four rows share their colour: one of 4:1:1 whose header says so."""
    data = bytearray(simplejpeg.encode_jpeg(photo(0, height // 4, width * 4), colorsubsampling="411"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    data[frame + 11] = 0x14
    return bytes(data)


def test_jpeg_of_441() -> None:
    """A JPEG of 4:4:1 has Pillow's pixels, and one that is cut is refused."""
    data = rows_of_four(160, 24)
    found = decode(data)
    assert same(found, as_pillow(data))
    assert np.abs(decode(data, channels=1).image.astype(int) - luminance(found.image)).max() <= 1
    for cut in (data[: len(data) // 2], data[: len(data) // 2] + b"\xff\xd9"):
        with pytest.raises(DecodeError):
            decode(cut)


@pytest.mark.parametrize("scans", range(1, 10))
def test_parts_of_a_progressive_jpeg(scans: int) -> None:
    """A part of a progressive JPEG has the pixels of the whole, also where its last scans lack and are made up."""
    data = encoded(photo(4, 320, 240), quality=90, progressive=True)
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    data = data[: starts[scans]] + b"\xff\xd9" if scans < len(starts) else data
    whole = decode(data).image
    for box in (Box(0, 0, 40, 60), Box(50, 70, 30, 30), Box(200, 100, 120, 140), Box(7, 9, 1, 1)):
        part = decode(data, part=box)
        moved = box._replace(top=box.top - part.top, left=box.left - part.left)
        np.testing.assert_array_equal(part.image[moved.rows, moved.columns], whole[box.rows, box.columns])


RAW_TABLES: dict[str, list[tuple[int, int, int, int]]] = {
    "DNG": [(254, 4, 1, 1), (262, 3, 1, 2), (50706, 1, 4, 0x00000401)],
    "a sensor's pixels": [(262, 3, 1, 32803)],
    "linear": [(262, 3, 1, 34892)],
    "a sensor's pixels below": [(254, 4, 1, 1), (262, 3, 1, 2), (330, 4, 1, 200)],
}


@pytest.mark.parametrize("kind", RAW_TABLES)
def test_raw_files_in_the_form_of_tiff(kind: str) -> None:
    """A camera's raw file is refused as such, though the preview that comes first in it could be read."""
    entries = [(256, 4, 1, 4), (257, 4, 1, 4), *RAW_TABLES[kind]]
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    below = struct.pack("<HHHIII", 1, 262, 3, 1, 32803, 0)
    with pytest.raises(DecodeError, match=r"^a camera's raw file; convert it first$"):
        decode((b"II*\0\x08\0\0\0" + table).ljust(200, b"\0") + below)


@pytest.mark.parametrize("tiled", [False, True])
def test_damaged_tiff_of_jpeg(tiled: bool) -> None:
    """A TIFF whose strips or tiles are JPEG is read if they are whole, and refused if one is damaged, as a JPEG is."""
    data = tiff_of_jpeg(photo(4, 128, 96), tiled)
    assert np.abs(decode(data).image.astype(int) - photo(4, 128, 96)).mean() < 12
    rng, refused = np.random.default_rng(0), 0
    for _ in range(40):
        at = int(rng.integers(len(data) // 3, len(data) - 300))
        try:
            decode(data[:at] + rng.bytes(200) + data[at + 200 :])
        except DecodeError:
            refused += 1
    assert refused >= 30


def tiff_of_jpeg(image: Image, tiled: bool) -> bytes:
    """A TIFF of two strips, or of four tiles, each a JPEG of its own."""
    height, width = image.shape[0] // 2, image.shape[1] // (2 if tiled else 1)
    parts = [
        image[top : top + height, left : left + width]
        for top in range(0, image.shape[0], height)
        for left in range(0, image.shape[1], width)
    ]
    pieces = [simplejpeg.encode_jpeg(np.ascontiguousarray(part), quality=90, colorsubsampling="444") for part in parts]
    starts = np.cumsum([0, *map(len, pieces)])
    behind = 8 + 2 + 12 * 12 + 4
    arrays = struct.pack(f"<{len(pieces)}I", *(behind + 8 * len(pieces) + start for start in starts[:-1]))
    arrays += struct.pack(f"<{len(pieces)}I", *map(len, pieces))
    where, lengths = (324, 325) if tiled else (273, 279)
    entries = [
        (256, 4, 1, image.shape[1]), (257, 4, 1, image.shape[0]), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 6), (277, 3, 1, 3),
        (278, 4, 1, height), (284, 3, 1, 1), (322, 4, 1, width), (323, 4, 1, height),
        (where, 4, len(pieces), behind), (lengths, 4, len(pieces), behind + 4 * len(pieces)),
    ]  # fmt: skip
    kept = [entry for entry in entries if tiled or entry[0] not in (322, 323)]
    kept = sorted([*kept, *[(530, 3, 2, 0x00010001), (65000, 3, 1, 0)][: 12 - len(kept)]])
    table = struct.pack("<H", len(kept)) + b"".join(struct.pack("<HHII", *entry) for entry in kept) + bytes(4)
    return b"II*\0\x08\0\0\0" + table.ljust(behind - 8, b"\0") + arrays + b"".join(pieces)
