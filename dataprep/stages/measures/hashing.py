"""Perceptual hashes: measures whose Hamming distance says how alike two pictures look.

The bits are those of the imagehash library on the same pixels, in less time and without scipy and PyWavelets. Every hash but
the crop-resistant one sees the image reduced to a shorter side of 128 pixels, which a JPEG decoder gives cheaply, so its bits
differ a little from imagehash's on the whole image; `side=None` has these, at the price of a whole decode.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from dataprep.arguments import check
from dataprep.columns import fields_of, hash_column, variants_column
from dataprep.describe import register
from dataprep.images.resize import resize
from dataprep.opencv import opencv
from dataprep.stages.arguments import SIDE, SIDE_OR_ALL
from dataprep.types import Image

Invariant: TypeAlias = Literal["none", "flip", "dihedral"]
"""What a copy may be and still count as one: nothing more, mirrored, or mirrored and turned by quarters."""

OVERSAMPLING = 4  # imagehash's highfreq_factor: the DCT sees four times as many pixels as the hash has bits a side
HAAR = 0.5**0.5  # what a Haar wavelet scales sums and differences by
SIXTH = np.minimum(np.arange(256) // 42.5, 5).astype(np.int64)  # which sixth of the circle a hue of 0..255 lies in
SEGMENTED = 300  # pixels a side of the square in which regions are sought
LEAST_REGION = 500  # pixels of that square; smaller regions have no hash of their own


@frozen
class Hash(ABC):
    """A perceptual hash of luminance, as many bits for every image: what `Deduplicate` and `Variants` take.

    Example:
        >>> isinstance(dp.PHash(bits=256), dp.Hash)
        True
        >>> dp.PHash(bits=256).column, dp.DHash().column
        ('phash256', 'dhash64')

    Attributes:
        bits: 64 or 256; the column is named by the kind and the bits, such as `phash64`, and holds big-endian bytes, row by row.
        side: The shorter side, in pixels, at which the image is seen; None for all of it, which gives the bits of imagehash.
    """

    bits: int = field(default=64, validator=check((64, 256).__contains__, "a hash has 64 or 256 bits"))
    side: int | None = field(default=128, validator=SIDE_OR_ALL)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1

    @property
    def unrelated(self) -> int:
        """Bits in which unrelated pictures differ, in the median."""
        return self.bits // 2

    @property
    def radii(self) -> tuple[int, int]:
        """What suits it as radius in `Deduplicate`, in bits: where it finds copies, and where it verifies another hash."""
        return (10, 14) if self.bits == 64 else (48, 80)

    @property
    def size(self) -> int:
        """Bits in a row and in a column: 8 or 16."""
        return 8 if self.bits == 64 else 16

    @property
    def column(self) -> str:
        """The name of its column, such as `phash64`."""
        return hash_column(type(self).__name__, self.bits).name

    @property
    def fields(self) -> tuple[pa.Field, ...]:
        """One column of bits // 8 bytes."""
        return (hash_column(type(self).__name__, self.bits).field,)

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the hash of (H, W) luminance."""
        return {self.column: self.codes(image, "none")[0]}

    @abstractmethod
    def codes(self, image: Image, invariant: Invariant) -> list[bytes]:
        """Returns the hash of (H, W) luminance and of its mirrored and turned copies."""


@register
@frozen
class PHash(Hash):
    """The DCT hash: which of the lowest frequencies lie above their median; column `phash64` or `phash256`.

    Source: Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, as in `imagehash.phash`.

    Example:
        >>> image = dp.decode(manifest.paths()[0].read_bytes(), channels=1).image
        >>> hashes = [int.from_bytes(dp.PHash().measure(one)["phash64"]) for one in (image, image // 2)]
        >>> (hashes[0] ^ hashes[1]).bit_count() <= 4  # bits of 64 that differ in a copy that is darker
        True
    """

    def codes(self, image: Image, invariant: Invariant) -> list[bytes]:
        """Returns the hash of (H, W) luminance and of its mirrored and turned copies, all from one DCT.

        Mirroring changes the sign of every other frequency, and turning transposes them.
        """
        pixels = _thumbnail(image, self.size * OVERSAMPLING, self.size * OVERSAMPLING).astype(np.float64)
        basis = _dct_basis(self.size, self.size * OVERSAMPLING)
        low = (basis @ pixels @ basis.T).round(6)  # zero but for rounding errors, as in symmetric pictures, is zero everywhere
        signs = np.where(np.arange(self.size) % 2, -1.0, 1.0)
        copies = [low, low * signs]
        if invariant == "dihedral":
            copies += [copy * signs[:, None] for copy in copies]
            copies += [copy.T for copy in copies]
        return [_packed(copy > _median(copy)) for copy in (copies if invariant != "none" else copies[:1])]


@register
@frozen
class DHash(Hash):
    """The gradient hash: whether each pixel of a thumbnail is brighter than its left neighbour; column `dhash64` or `dhash256`.

    Source: Krawetz, "Kind of like that", 2013, as in `imagehash.dhash`.

    Example:
        >>> rising = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
        >>> dp.DHash().measure(rising)["dhash64"].hex()
        'ffffffffffffffff'
        >>> dp.DHash().measure(rising[:, ::-1])["dhash64"].hex()  # mirrored
        '0000000000000000'
    """

    def codes(self, image: Image, invariant: Invariant) -> list[bytes]:
        """Returns the hash of (H, W) luminance and of its mirrored and turned copies."""
        thumbnails = [_thumbnail(copy, self.size, self.size + 1) for copy in _copies(image, invariant)]
        return [_packed(pixels[:, 1:] > pixels[:, :-1]) for pixels in thumbnails]


@register
@frozen
class AverageHash(Hash):
    """The average hash: which pixels of a thumbnail are brighter than its mean; column `averagehash64` or `averagehash256`.

    The cheapest, but it lumps together what is laid out alike: of 48,205 pairs of different ordinary photographs (ImageNet) 111
    are within 10 bits of 64, none by `PHash` and `DHash`. Take a radius of 3, or let `Deduplicate` verify it.
    Source: Krawetz, "Looks like it", 2011, as in `imagehash.average_hash`.

    Example:
        >>> half = np.zeros((128, 128), np.uint8)
        >>> half[:, 64:] = 255
        >>> dp.AverageHash().measure(half)["averagehash64"].hex()  # 4 dark and 4 bright in each row of 8
        '0f0f0f0f0f0f0f0f'
    """

    def codes(self, image: Image, invariant: Invariant) -> list[bytes]:
        """Returns the hash of (H, W) luminance and of its mirrored and turned copies, whose bits are mirrored and turned."""
        pixels = _thumbnail(image, self.size, self.size)
        return [_packed(copy) for copy in _copies(pixels > pixels.mean(), invariant)]


@register
@frozen
class WaveletHash(Hash):
    """The Haar wavelet hash: which blocks of the image are brighter than their median; `wavelethash64` or `wavelethash256`.

    It lumps together as much as `AverageHash`, 125 of the same pairs; take a radius of 3, or let `Deduplicate` verify it.
    Source: Petrov, "Wavelet image hash in Python", 2016, as in `imagehash.whash`.

    Example:
        >>> half = np.zeros((128, 128), np.uint8)
        >>> half[:64] = 255
        >>> dp.WaveletHash().measure(half)["wavelethash64"].hex()  # 4 bright rows of 8
        'ffffffff00000000'
    """

    def codes(self, image: Image, invariant: Invariant) -> list[bytes]:
        """Returns the hash of (H, W) luminance and of its mirrored and turned copies, whose bits are mirrored and turned."""
        scale = max(1 << (min(image.shape).bit_length() - 1), self.size)  # the largest power of 2 that the image holds
        blocks = _blocks(_thumbnail(image, scale, scale) / 255, self.size)
        return [_packed(copy) for copy in _copies(blocks > np.median(blocks), invariant)]


@register
@frozen
class ColorHash:
    """The colour hash, 42 bits and 6 zeros in the column `colorhash`: the shares of black, gray and of hues, 3 bits each.

    It tells pictures by their palette alone, which mirroring, turning and cropping hardly change: of 1,000 pairs of different
    photographs (ImageNet) 78 are within 2 bits and 252 within 4, and half within 6. So it verifies another hash, or is verified
    by one: within 4 bits are 99 % of the copies that were saved as JPEG of quality 30 or cropped by 5 %, within 2 bits 90 %.
    Source: `imagehash.colorhash` with its default of 3 bits for each share.

    Example:
        >>> image = dp.decode(manifest.paths()[0].read_bytes()).image
        >>> hashes = [dp.ColorHash().measure(one)["colorhash"] for one in (image, image[:, ::-1])]
        >>> hashes[0] == hashes[1]  # mirroring leaves the palette as it is
        True

    Attributes:
        side: The shorter side, in pixels, at which the image is seen.
    """

    side: int = field(default=128, validator=SIDE)
    bits: ClassVar[int] = 48
    unrelated: ClassVar[int] = 6
    radii: ClassVar[tuple[int, int]] = (2, 4)
    channels: ClassVar[int] = 3
    version: ClassVar[int] = 1
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("ColorHash")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the hash of (H, W, 3) RGB."""
        picture = PIL.Image.fromarray(image)
        hue, saturation, _ = np.moveaxis(np.asarray(picture.convert("HSV")), 2, 0)
        black = np.asarray(picture.convert("L")) < 256 // 8
        gray = ~black & (saturation < 256 // 3)
        colored = ~black & ~gray
        faint, bright = colored & (saturation < 256 * 2 // 3), colored & (saturation > 256 * 2 // 3)
        # hues: (12,) pixels of each sixth of the circle, those of faint colours first
        hues = np.concatenate([np.bincount(SIXTH[hue[part]], minlength=6) for part in (faint, bright)])
        shares = np.concatenate([[black.mean(), gray.mean()], hues / max(1, colored.sum())])
        eighths = np.minimum(shares * 8, 7).astype(np.int64)
        # the second bit is not that of a binary number; imagehash has it so
        bits = np.stack([eighths >= 4, eighths >= 2, eighths % 2 == 1], axis=1)
        return {"colorhash": _packed(bits)}


@register
@frozen
class CropResistantHash:
    """Gradient hashes of an image's bright and dark regions, so that a crop shares some with its original.

    The column `cropresistanthash`: 8 bytes for each region, end to end, so as many as there are regions, 1 to 20 in ordinary
    photographs (ImageNet). Where any two regions are within 8 bits of 64, half of the crops to three quarters of both sides
    are found, and 2 in 1,000 pairs of different photographs; within 16 bits, 7 in 10 crops and 50 in 1,000 pairs.
    Slow: as much as 40 other hashes. Source: Steinebach, Liu and Yannikos, "Efficient cropping-resistant robust image
    hashing", 2014, as in `imagehash.crop_resistant_hash`, at a thirtieth of its time.
    Two images are as far apart as the nearest two regions, 23 bits for half of the pairs of different photographs.

    Example:
        >>> found = dp.clean("photos", dp.Pipeline(dp.CropResistantHash()))
        >>> len(found.table["cropresistanthash"][0].as_py()) % 8  # 8 bytes for each region
        0

    Attributes:
        side: The shorter side, in pixels, at which the image is seen; regions are sought at 300 × 300.
    """

    side: int = field(default=300, validator=SIDE)
    bits: ClassVar[int] = 64
    unrelated: ClassVar[int] = 23
    radii: ClassVar[tuple[int, int]] = (8, 8)
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1
    extra: ClassVar[str] = "opencv"
    fields: ClassVar[tuple[pa.Field, ...]] = fields_of("CropResistantHash")

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the hashes of the regions of (H, W) luminance."""
        height, width = (length / SEGMENTED for length in image.shape)
        hashes = []
        for left, top, right, bottom in _regions(image):
            part = image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
            hashes += DHash().codes(part, "none") if part.size else [bytes(8)]  # thinner than a pixel has no gradient
        return {"cropresistanthash": b"".join(hashes)}


AnyHash: TypeAlias = Hash | ColorHash | CropResistantHash
"""What `Deduplicate` compares pictures by."""


@register
@frozen
class Variants:
    """Hashes of an image's variants, so that a mirrored, turned, cropped or framed copy is found by the hash of its original.

    Example:
        >>> rule = dp.Deduplicate(invariant="flip")  # which measures the hash, and those of the mirrored image
        >>> dp.Variants(invariant="flip") in rule.needs
        True

    Attributes:
        of: The hash.
        invariant: "none"; "flip" for the mirrored image; "dihedral" for all eight mirrorings and quarter turns.
        views: Whether to add the middle 90 %, and the image turned by 4° to either side. With a radius of 8 bits of 64
            they find crops, frames and slight turns that the whole image's hash misses (see the table in `Deduplicate`).
    """

    of: Hash = PHash()
    invariant: Invariant = "none"
    views: bool = False
    channels: ClassVar[int] = 1
    version: ClassVar[int] = 1

    @property
    def side(self) -> int | None:
        """That of the hash."""
        return self.of.side

    @property
    def count(self) -> int:
        """How many variants there are, the image itself not counted."""
        return (4 if self.views else 1) * {"none": 1, "flip": 2, "dihedral": 8}[self.invariant] - 1

    @property
    def extra(self) -> str | None:
        """What has to be installed: OpenCV turns the image."""
        return "opencv" if self.views else None

    @property
    def fields(self) -> tuple[pa.Field, ...]:
        """One column, such as `phash64_variants`: the hashes end to end."""
        return (variants_column(type(self.of).__name__, self.of.bits, self.count).field,)

    def measure(self, image: Image) -> Mapping[str, object]:
        """Returns the hashes of all variants of (H, W) luminance."""
        seen = [image, _middle(image), _turned(image, 4), _turned(image, -4)] if self.views else [image]
        codes = [code for view in seen for code in self.of.codes(view, self.invariant)]
        return {self.fields[0].name: b"".join(codes[1:])}


def _middle(image: Image) -> Image:
    """Returns the middle 90 % of both sides."""
    height, width = (round(length * 0.05) for length in image.shape)
    return image[height : image.shape[0] - height, width : image.shape[1] - width]


def _turned(image: Image, degrees: float) -> Image:
    """Returns the image turned about its centre, black at the corners."""
    cv2, (height, width) = opencv(), image.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _thumbnail(image: Image, height: int, width: int) -> Image:
    """Returns (height, width) luminance by Pillow's Lanczos filter, the one that imagehash uses."""
    return resize(image, (height, width), "lanczos")


def _copies(array: NDArray[Any], invariant: Invariant) -> list[NDArray[Any]]:
    """Returns an (H, W) array, then as it is mirrored ("flip"), then all its other mirrorings and quarter turns ("dihedral")."""
    if invariant == "none":
        return [array]
    copies = [array, array[:, ::-1]]
    if invariant == "dihedral":
        copies += [copy[::-1] for copy in copies]
        copies += [copy.T for copy in copies]
    return copies


def _blocks(pixels: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Returns (size, size): a square's blocks, less the mean of all, by the steps of `imagehash.whash` for the same rounding.

    It goes down the Haar pyramid to one pixel, which it sets to zero, up again, and down to the blocks.
    """
    details = []
    while len(pixels) > 1:
        low, high = _haar(pixels)
        pixels, beside = (half.T for half in _haar(low.T))
        details.append((beside, *(half.T for half in _haar(high.T))))
    pixels = pixels * 0
    for beside, right, both in reversed(details):
        pixels = _unhaar(_unhaar(pixels.T, beside.T).T, _unhaar(right.T, both.T).T)
    while len(pixels) > size:
        pixels = _haar(_haar(pixels)[0].T)[0].T
    return pixels


def _haar(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the sums and differences of each two rows."""
    even, odd = rows[0::2] * HAAR, rows[1::2] * HAAR
    return odd + even, odd - even


def _unhaar(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the rows that have these sums and differences."""
    low, high = low * HAAR, high * HAAR
    return np.stack([low - high, low + high], axis=1).reshape(-1, low.shape[1])


def _regions(image: Image) -> list[tuple[int, int, int, int]]:
    """Returns left, top, right and bottom of the bright regions, then of the dark ones, in pixels of a square of 300."""
    thumbnail = PIL.Image.fromarray(_thumbnail(image, SEGMENTED, SEGMENTED))
    smooth = thumbnail.filter(PIL.ImageFilter.GaussianBlur()).filter(PIL.ImageFilter.MedianFilter())
    bright = np.asarray(smooth) > 128
    boxes = []
    seen = 4 * SEGMENTED  # imagehash counts the frame, so it stops so many pixels before it has seen all
    for mask in (bright, ~bright):
        for *box, area in _components(mask):
            if mask is not bright and seen >= SEGMENTED**2:
                break
            seen += area if area > 1 else 0
            if area > LEAST_REGION:
                boxes.append((box[0], box[1], box[0] + box[2], box[1] + box[3]))
    return boxes or [(0, 0, SEGMENTED, SEGMENTED)]


def _components(mask: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Yields left, top, width, height and area of the 4-connected parts of a mask, ordered by their first pixels."""
    cv2 = opencv()
    _, labels, parts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    found, first = np.unique(labels, return_index=True)
    for part in found[np.argsort(first)].tolist():
        if part:  # 0 is what the mask leaves out
            yield parts[part].tolist()


def _median(values: NDArray[np.float64]) -> float:
    """Returns what `np.median` does of an even number of values, in a third of its time."""
    ordered = np.sort(values, axis=None)
    return float((ordered[len(ordered) // 2 - 1] + ordered[len(ordered) // 2]) / 2)


def _packed(bits: NDArray[np.bool_]) -> bytes:
    return np.packbits(bits).tobytes()


@cache
def _dct_basis(frequencies: int, samples: int) -> NDArray[np.float64]:
    """Returns (frequencies, samples): the lowest rows of the unnormalised type-II DCT, as in scipy.fftpack.dct."""
    angles = np.outer(np.arange(frequencies), 2 * np.arange(samples) + 1) * np.pi / (2 * samples)
    return 2 * np.cos(angles)
