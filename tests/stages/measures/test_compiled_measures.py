"""Compiled measures and the measures' own Python."""

import os
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataprep.cleaning.measure import batches, measure_batch
from dataprep.images import native, profiles
from dataprep.images.decode import decode
from dataprep.images.jpeg import head_of
from dataprep.images.limits import MAX_PIXELS
from dataprep.images.views import reduce
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.sources.folder import Folder
from dataprep.stages.measures import compiled
from dataprep.stages.measures.compiled import columns, measure_view, wanted
from dataprep.stages.measures.hashing import AverageHash, ColorHash, DHash, PHash, Variants, WaveletHash
from dataprep.stages.measures.miniature import Miniature
from dataprep.stages.measures.quality import ChannelSums, LaplacianVariance, Levels, Luminance, LuminanceHistogram, Noise
from dataprep.stages.ops.geometry import Resize
from dataprep.stages.ops.values import Normalize
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import encoded, photo
from dataprep.types import Image

SIDES = (None, 1, 7, 31, 128)
pytestmark = pytest.mark.skipif(native.module("measure") is None, reason="nothing is compiled")


def of_gray(side: int | None) -> tuple[Measure, ...]:
    """The compiled measures of luminance at a scale."""
    hashes = [kind(bits, side) for kind in (PHash, DHash, AverageHash) for bits in (64, 256)]
    return (*hashes, *([Luminance(side), Levels(side), LaplacianVariance(side)] if side else []))


OF_RGB: dict[Measure, int | None] = {Miniature(): 32, ChannelSums(): None}


@st.composite
def images(draw: st.DrawFn, channels: tuple[int, ...]) -> Image:
    """Images of 1 to 600 pixels a side: noise, shading, two levels, one level, or like themselves mirrored or turned."""
    side = st.one_of(st.integers(1, 70), st.integers(1, 600))
    shape = (draw(side), draw(side), *channels)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "shading", "two levels", "one level", "mirrored", "turned", "faint"]))
    image: NDArray[Any] = generator.integers(0, 256, shape)
    if kind == "shading":
        image = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * generator.integers(1, 9)
        image = image.reshape(*image.shape, *[1 for _ in channels]) + np.zeros(shape, int)
    elif kind == "two levels":
        image = np.where(image > generator.integers(0, 256), 255, 0)
    elif kind == "one level":
        image = np.full(shape, generator.integers(0, 256))
    elif kind == "mirrored":
        image = (image + image[:, ::-1]) // 2
    elif kind == "turned":
        square = image[: min(shape[:2]), : min(shape[:2])]
        image = (square + square.swapaxes(0, 1)) // 2
    elif kind == "faint":
        image = 100 + image // 64
    return image.astype(np.uint8)


def leave_out(patch: pytest.MonkeyPatch) -> None:
    """Goes on as where measures are not compiled."""
    patch.setattr(compiled, "_wanted", lambda measures: None)
    patch.setattr(native, "module", lambda name, module=native.module: None if name == "measure" else module(name))
    patch.setattr(profiles, "shaping", lambda: None)
    patch.setattr(profiles, "_known", profiles._find)  # what is remembered is of compiled code


def by_python(image: Image, side: int | None, measures: tuple[Measure, ...]) -> dict[str, object]:
    """What the measures themselves find."""
    seen = np.ascontiguousarray(reduce(image, side))
    return {name: value for measure in measures for name, value in measure.measure(seen).items()}


@given(images(()), st.sampled_from(SIDES))
def test_luminance(image: Image, side: int | None) -> None:
    """Of any luminance, seen at any scale, compiled measures find what the measures themselves do, to the last bit."""
    assert measure_view(image, side, of_gray(side)) == by_python(image, side, of_gray(side))


@given(images((3,)), st.sampled_from(list(OF_RGB)))
def test_colours(image: Image, measure: Measure) -> None:
    """Of any colours, compiled measures find what the measures themselves do."""
    assert measure_view(image, measure.side, (measure,)) == by_python(image, measure.side, (measure,))


def from_bytes(data: bytes, measures: tuple[Measure, ...], profile_is_srgb: bool = False) -> dict[str, object] | None:
    """What compiled code says of a JPEG; None where it leaves it to others."""
    code: Any = native.module("measure")
    found = code.jpeg(data, wanted(measures), MAX_PIXELS, profile_is_srgb)
    if found is None:
        return None
    height, width, start, stop, record = found
    values = {array: column[0].as_py() for array, column in zip(names_of(measures), columns([record], measures), strict=True)}
    return {"height": height, "width": width, "exif": data[start:stop], **values}


def by_decoding(data: bytes, measures: tuple[Measure, ...]) -> dict[str, object]:
    """What is found by the ways of Python, each view decoded for itself."""
    row: dict[str, object] = {"exif": head_of(data).exif}
    for side, channels in dict.fromkeys((measure.side, measure.channels) for measure in measures) or [(1, 1)]:
        found = decode(data, side=side, channels=channels)
        row |= {"height": found.height, "width": found.width}
        seeing = tuple(measure for measure in measures if (measure.side, measure.channels) == (side, channels))
        row |= by_python(found.image, side, seeing)
    fields = [field for measure in measures for field in measure.fields]
    return row | {field.name: pa.array([row[field.name]], field.type)[0].as_py() for field in fields}


def names_of(measures: tuple[Measure, ...]) -> list[str]:
    """The columns of measures."""
    return [field.name for measure in measures for field in measure.fields]


def turned(orientation: int) -> bytes:
    """An EXIF that says how an image is to be turned."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@given(
    st.tuples(st.integers(8, 400), st.integers(8, 400)),
    st.sampled_from([None, 1, 31, 128]),
    st.sampled_from([(), (Miniature(),), (ChannelSums(),), (Miniature(), ChannelSums())]),
    st.integers(1, 8),
    st.sampled_from([{}, {"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"quality": 30}, {"quality": 98}]),
    st.booleans(),
)
def test_bytes_of_a_jpeg(
    size: tuple[int, int],
    side: int | None,
    colours: tuple[Measure, ...],
    orientation: int,
    options: dict[str, Any],
    gray: bool,
) -> None:
    """From the bytes of a JPEG of any size, subsampling and orientation follows what follows from its decoded views."""
    image = photo(sum(size), *size)
    data = encoded(image[..., 0] if gray else image, exif=turned(orientation), **options)
    for measures in ((*of_gray(side), *colours), colours):
        if Miniature() not in measures or min(size) >= 32:
            assert from_bytes(data, measures) == by_decoding(data, measures)


def test_what_is_left_to_others() -> None:
    """What is not plainly a common JPEG is left: another format, a cut, a large, a progressive one, one with other colours."""
    code: Any = native.module("measure")
    image, number = photo(4, 90, 70), wanted(of_gray(31))
    data, profile = encoded(image), PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    for other in (b"", encoded(image, "PNG"), data[:-200], encoded(image, progressive=True)):
        assert code.jpeg(other, number, MAX_PIXELS, False) is None
    assert code.jpeg(data, number, 90 * 70, False) is not None
    assert code.jpeg(data, number, 90 * 70 - 1, False) is None
    coloured = encoded(image, icc_profile=profile)
    assert code.jpeg(coloured, number, MAX_PIXELS, False) is None
    assert from_bytes(coloured, of_gray(31), profile_is_srgb=True) == by_decoding(coloured, of_gray(31))


def test_what_cannot_be_wanted() -> None:
    """A number that asks for what there is not is refused, and an image of other channels."""
    code: Any = native.module("measure")
    for number in (1 << 15, 1 << 17, (1 << 61) + 1):
        with pytest.raises(ValueError, match="not in LAYOUT"):
            code.gray(photo(1)[..., 0].copy(), number)
    for image, measure in ((photo(1), code.gray), (photo(1)[..., 0].copy(), code.rgb)):
        with pytest.raises(ValueError, match="channel"):
            measure(image, 0)


def test_views_lie_anyhow() -> None:
    """An image whose pixels do not lie side by side is measured as its copy is."""
    image = photo(0, 90, 70)
    for view in (image[::2, ::-1, 0], image[:, 5:41, 1], image.swapaxes(0, 1)[..., 2]):
        assert measure_view(view, 31, of_gray(31)) == by_python(view, 31, of_gray(31))


def test_others_are_measured_by_themselves() -> None:
    """Measures without a compiled form find in a view what they find alone."""
    image = photo(1, 90, 70)[..., 1].copy()
    measures = (Luminance(64), Variants(PHash(side=64), "flip"), LuminanceHistogram(64), WaveletHash(side=64))
    assert measure_view(image, 64, measures) == by_python(image, 64, measures)


def test_what_is_compiled() -> None:
    """All measures of the standard rules have a compiled form; those of other kinds, or of two scales, have none together."""
    assert wanted(Pipeline(*standard_rules()).measures) is not None
    assert wanted(Pipeline(*standard_rules(), Resize((8, 8)), Normalize()).measures) is not None
    assert wanted(()) == 0
    for other in (Variants(PHash()), ColorHash(), Noise(), LuminanceHistogram(), Luminance(64), Levels(2**40)):
        assert wanted((Luminance(), other)) is None


@pytest.mark.parametrize("lost", [(), (0,), (1, 2), (0, 1, 2, 3)])
def test_records_become_columns(lost: tuple[int, ...]) -> None:
    """Records become the columns that Arrow makes of the measures' values, null where there is no record."""
    code: Any = native.module("measure")
    pictures = [photo(seed, 80, 60) for seed in range(4)]
    for measures in (of_gray(31), (Miniature(), ChannelSums())):
        number = wanted(measures)
        made = [code.gray(picture[..., 0].copy(), number) if number >> 32 else code.rgb(picture, number) for picture in pictures]
        records = [None if place in lost else record for place, record in enumerate(made)]
        seen = [picture[..., 0] if number >> 32 else picture for picture in pictures]
        found = [{name: value for one in measures for name, value in by_python(view, one.side, (one,)).items()} for view in seen]
        rows = [{} if place in lost else row for place, row in enumerate(found)]
        fields = [field for measure in measures for field in measure.fields]
        expected = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
        assert columns(records, measures) == expected


def test_without_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is compiled, the measures measure."""
    leave_out(monkeypatch)
    image = photo(2, 50, 60)[..., 0].copy()
    assert wanted(of_gray(31)) is None
    assert measure_view(image, 31, of_gray(31)) == by_python(image, 31, of_gray(31))


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["DATAPREP_PHOTOS", "DATAPREP_HOSTILE"])
def test_files(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All columns of real photographs and of malformed files are the same with and without compiled measures."""
    if variable not in os.environ:
        pytest.skip(f"{variable} names no folder")
    source = Folder(os.environ[variable])
    scanned = source.records()
    (records,) = batches(scanned, np.arange(len(scanned)), [len(scanned)])
    for extra in ((), (Resize((8, 8)), Normalize())):
        measures = Pipeline(*standard_rules(), *extra).measures
        found = measure_batch(records, measures, source)
        with monkeypatch.context() as without:
            leave_out(without)
            assert found.equals(measure_batch(records, measures, source))
