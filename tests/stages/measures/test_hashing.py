"""Perceptual hashes: imagehash's bits on the same pixels, and nearly those from a reduced decode."""

import io
from collections.abc import Callable

import cv2
import imagehash
import numpy as np
import PIL.Image
import pytest

from dataprep.cleaning.clean import clean
from dataprep.errors import PipelineError
from dataprep.images.decode import decode
from dataprep.images.views import luminance, reduce
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.search import hamming
from dataprep.stages import (
    AverageHash,
    ColorHash,
    CropResistantHash,
    Deduplicate,
    DHash,
    Hash,
    PHash,
    Readable,
    Variants,
    WaveletHash,
)
from dataprep.stages.measures.hashing import Invariant
from dataprep.testing import FakeEngine, FakeSource, encoded, photo
from dataprep.types import Image

MEASURES = [kind(bits) for kind in (PHash, DHash, AverageHash, WaveletHash) for bits in (64, 256)]
PEERS: dict[type[Hash], Callable[..., imagehash.ImageHash]] = {
    PHash: imagehash.phash,
    DHash: imagehash.dhash,
    AverageHash: imagehash.average_hash,
    WaveletHash: imagehash.whash,
}
SHAPES = [(1, 1), (1, 500), (500, 1), (2, 3), (8, 8), (9, 8), (77, 130)]


def drawn() -> list[Image]:
    """Flat and symmetric pictures, halves, stripes and noise: (H, W, 3) RGB of any shape."""
    pictures = []
    for seed, shape in enumerate(SHAPES):
        image = photo(seed, *shape)
        noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
        gray = np.repeat(luminance(image)[..., None], 3, axis=2)
        mirrored = np.concatenate([image, image[:, ::-1]], axis=1)
        turned = np.concatenate([mirrored, mirrored[::-1]])
        stripes = np.where(np.arange(shape[1])[None, :, None] % 4 < 2, image // 255, 255).astype(np.uint8).repeat(2, axis=0)
        flat = [np.full_like(image, level) for level in (0, 1, 128, 129, 255)]
        pictures += [image, noise, gray, mirrored, turned, stripes, image // 128 * 255, *flat]
    return pictures


def bits_of(measure: Measure, image: Image) -> bytes:
    """The hash of an image."""
    (value,) = measure.measure(image).values()
    assert isinstance(value, bytes)
    return value


def distance(left: bytes, right: bytes) -> int:
    """How many bits of two hashes differ."""
    return int(hamming(*(np.frombuffer(code, np.uint8)[None] for code in (left, right)))[0])


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_as_imagehash(skimage_photos: dict[str, Image], measure: Hash) -> None:
    """A hash has the bits of the imagehash library on the same gray pixels."""
    peer = PEERS[type(measure)]
    images = [*skimage_photos.values(), *(photo(seed, 40 + seed, 200 - seed) for seed in range(60))]
    for image in images:
        for gray in (luminance(image), reduce(luminance(image), 128)):
            expected = peer(PIL.Image.fromarray(gray), hash_size=8 if measure.bits == 64 else 16)
            assert bits_of(measure, gray) == np.packbits(expected.hash).tobytes()


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.__name__)
def test_files_as_imagehash(skimage_photos: dict[str, Image], kind: type[Hash]) -> None:
    """With `side=None`, `clean` finds in a lossless file the very bits that imagehash finds; with 128 pixels, nearly these."""
    files = {name: encoded(image, "PNG") for name, image in list(skimage_photos.items())[::4]}
    source, far = FakeSource(files), []
    exact, reduced = (clean(source, Pipeline(Readable(), kind(64, side)), engine=FakeEngine()).table for side in (None, 128))
    for uri, code, near in zip(
        *(exact[name].to_pylist() for name in ("uri", kind().column)), reduced[kind().column], strict=True
    ):
        with PIL.Image.open(io.BytesIO(files[uri])) as opened:
            assert code == np.packbits(PEERS[kind](opened).hash).tobytes()
        far.append(distance(code, near))
    assert np.mean(far) < 3


@pytest.mark.parametrize("measure", [measure for measure in MEASURES if not isinstance(measure, PHash)], ids=repr)
def test_as_imagehash_on_drawings(measure: Hash) -> None:
    """A hash has imagehash's bits on flat, symmetric, striped and noisy pictures too; a PHash has none that rounding decides."""
    for image in drawn():
        gray = luminance(image)
        expected = PEERS[type(measure)](PIL.Image.fromarray(gray), hash_size=measure.size)
        assert bits_of(measure, gray) == np.packbits(expected.hash).tobytes()


def test_color_as_imagehash(skimage_photos: dict[str, Image]) -> None:
    """The colour hash has imagehash's 42 bits, then zeros."""
    for image in [*skimage_photos.values(), *(photo(seed, 40 + seed, 200 - seed) for seed in range(60)), *drawn()]:
        expected = imagehash.colorhash(PIL.Image.fromarray(image)).hash
        assert bits_of(ColorHash(), image) == np.packbits(expected).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("side", [60, 300])
def test_crop_resistant_as_imagehash(skimage_photos: dict[str, Image], side: int) -> None:
    """The crop-resistant hash has imagehash's regions, in its order, each with its bits."""
    pictures = [*list(skimage_photos.values())[::6], photo(0, 90, 130), *drawn()[::17]]  # the peer takes its time
    for gray in (reduce(luminance(image), side) for image in pictures):
        expected = crop_resistant(gray)
        assert expected is None or bits_of(CropResistantHash(), gray) == expected


def crop_resistant(gray: Image) -> bytes | None:
    """Returns imagehash's hashes of regions, end to end; None where it fails, as it does on regions thinner than a pixel."""
    try:
        expected = imagehash.crop_resistant_hash(PIL.Image.fromarray(gray))
    except (ValueError, IndexError):
        assert min(gray.shape) < 10
        return None
    return b"".join(np.packbits(part.hash).tobytes() for part in expected.segment_hashes)


@pytest.mark.parametrize("shape", SHAPES)
def test_crop_resistant_any_shape(shape: tuple[int, int]) -> None:
    """An image of any shape has the hash of a region at least, whatever is in it."""
    for image in (photo(0, *shape), np.full((*shape, 3), 200, np.uint8)):
        code = bits_of(CropResistantHash(), luminance(image))
        assert len(code) >= 8 and len(code) % 8 == 0


def test_crop_is_found(skimage_photos: dict[str, Image]) -> None:
    """A crop of three quarters of each side shares a hash within 16 bits with five photos in six."""
    found = []
    for image in skimage_photos.values():
        height, width = image.shape[:2]
        crop = image[height // 8 : height - height // 8, width // 8 : width - width // 8]
        found.append(nearest(reduce(luminance(image), 300), reduce(luminance(crop), 300)) <= 16)
    assert np.mean(found) > 0.8


def nearest(left: Image, right: Image) -> int:
    """The least distance between any two regions of two pictures."""
    codes = [bits_of(CropResistantHash(), image) for image in (left, right)]
    first, second = ([code[start : start + 8] for start in range(0, len(code), 8)] for code in codes)
    return min(distance(a, b) for a in first for b in second)


@pytest.mark.parametrize("measure", [ColorHash(), CropResistantHash()], ids=repr)
def test_reduced_decode_of_the_others(skimage_photos: dict[str, Image], measure: ColorHash | CropResistantHash) -> None:
    """A JPEG decoded at a fraction has the colours of the whole image but for 6 bits, and nearly one of its regions."""
    for image in skimage_photos.values():
        data = encoded(cv2.resize(image, (1200, 1040), interpolation=cv2.INTER_CUBIC), quality=90)
        views = (decode(data, side=side, channels=measure.channels).image for side in (None, measure.side))
        whole, reduced = (reduce(view, measure.side) for view in views)
        if isinstance(measure, ColorHash):
            assert distance(bits_of(measure, whole), bits_of(measure, reduced)) <= 6
        else:
            assert nearest(whole, reduced) <= 6


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
@pytest.mark.parametrize("invariant", ["none", "flip", "dihedral"])
def test_copies_of_a_picture(measure: Hash, invariant: Invariant) -> None:
    """The codes of a picture are, in this order and but for a bit in 16, the hashes of its mirrored and turned copies."""
    for seed in range(5):
        gray = luminance(photo(seed, 128, 150))
        copies = [gray, gray[:, ::-1], gray[::-1], gray[::-1, ::-1], gray.T, gray[:, ::-1].T, gray[::-1].T, gray[::-1, ::-1].T]
        codes = measure.codes(gray, invariant)
        assert len(codes) == {"none": 1, "flip": 2, "dihedral": 8}[invariant]
        for code, copy in zip(codes, copies, strict=False):
            assert distance(code, bits_of(measure, np.ascontiguousarray(copy))) <= measure.bits // 16


@pytest.mark.parametrize(
    "stage",
    [
        *MEASURES,
        ColorHash(64),
        CropResistantHash(200),
        Variants(WaveletHash(), "flip"),
        Deduplicate(by=AverageHash(), verify=None),
    ],
    ids=repr,
)
def test_yaml(stage: Measure | Deduplicate) -> None:
    """Hashes come back from YAML as they were, by themselves and inside other stages."""
    assert Pipeline.from_yaml(Pipeline(stage).to_yaml()).stages == (stage,)


@pytest.mark.parametrize("kind", [ColorHash, CropResistantHash])
def test_sides(kind: type[ColorHash | CropResistantHash]) -> None:
    """A side that is no number of pixels is refused."""
    with pytest.raises(PipelineError, match=rf"{kind.__name__}\(side=0\)"):
        kind(side=0)


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_column(measure: Hash) -> None:
    """A hash fills one column, named by its kind and bits, of as many bits."""
    (field,) = measure.fields
    assert field.name == f"{type(measure).__name__.lower()}{measure.bits}"
    (name, value) = next(iter(measure.measure(luminance(photo(0))).items()))
    assert name == field.name
    assert isinstance(value, bytes)
    assert len(value) == measure.bits // 8 == field.type.byte_width


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_reduced_decode(skimage_photos: dict[str, Image], measure: Hash) -> None:
    """A JPEG decoded at a fraction of its size has nearly the hash of the whole image: a bit in 10 at most, mostly one in 60."""
    distances = []
    for name, pixels in skimage_photos.items():
        if "chessboard" in name:  # symmetric pictures have frequencies that are zero, and the sign of noise
            continue
        data = encoded(cv2.resize(pixels, (600, 520), interpolation=cv2.INTER_CUBIC), quality=90)
        whole, reduced = (decode(data, side=side, channels=1).image for side in (None, 128))
        assert whole.shape == (520, 600) and reduced.shape == (130, 150)
        distances.append(distance(bits_of(measure, reduce(whole, 128)), bits_of(measure, reduce(reduced, 128))))
    assert max(distances) <= measure.bits // 10
    assert np.median(distances) <= measure.bits // 60


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_copies_are_near_and_others_far(measure: Hash) -> None:
    """A recompressed, smaller copy is within an eighth of the bits; another picture is not."""
    hashes = []
    for seed in range(30):
        original = photo(seed, 300, 400)
        copy = decode(encoded(cv2.resize(original, (200, 150), interpolation=cv2.INTER_AREA), quality=70)).image
        hashes.append(bits_of(measure, reduce(luminance(original), 128)))
        assert distance(hashes[-1], bits_of(measure, reduce(luminance(copy), 128))) <= measure.bits // 8
    assert min(distance(a, b) for place, a in enumerate(hashes) for b in hashes[:place]) > measure.bits // 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (8, 8), (9, 8)])
@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_any_shape(measure: Hash, shape: tuple[int, int]) -> None:
    """An image of any shape has a hash, and a flat one of any level but black the same one."""
    assert len({bits_of(measure, np.full(shape, level, np.uint8)) for level in range(1, 256)}) == 1
    assert len(bits_of(measure, luminance(photo(0, *shape)))) == measure.bits // 8


@pytest.mark.parametrize("kind", list(PEERS))
@pytest.mark.parametrize("bits", [0, 8, 63, 128, 1024])
def test_bits(kind: type[Hash], bits: int) -> None:
    """A hash of other than 64 or 256 bits is refused, by name and number."""
    with pytest.raises(PipelineError, match=rf"{kind.__name__}\(bits={bits}\): a hash has 64 or 256 bits"):
        kind(bits)
