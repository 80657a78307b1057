"""The compiled functions check every argument themselves: whatever they are given, they do it right or refuse it.

Reads and writes outside of these are seen where `DATAPREP_SANITIZED` names a folder in which they are compiled with
AddressSanitizer and UndefinedBehaviorSanitizer; the last test makes one and runs the others there.
"""

import os
import subprocess
import sys
import sysconfig
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from dataprep.images import native
from dataprep.images.jpeg import _rows
from dataprep.testing import encoded, photo
from dataprep.types import Box

SANITIZED = os.environ.get("DATAPREP_SANITIZED")
ROOT = Path(__file__).parents[2]  # which has no sources where the package is installed
FLAGS = "-g -O1 -shared -fPIC -fsanitize=address,undefined -fno-sanitize-recover=all -ffp-contract=off".split()
FILTERS = (PIL.Image.Resampling.BILINEAR, PIL.Image.Resampling.BICUBIC, PIL.Image.Resampling.LANCZOS)

JPEGS = [
    encoded(photo(seed, height, width), quality=80, **options)
    for seed, (height, width, options) in enumerate(
        [
            (40, 60, {"subsampling": 0}),
            (33, 17, {"subsampling": 1}),
            (90, 70, {"subsampling": 2}),
            (64, 48, {"progressive": True}),
            (1, 1, {}),
            (50, 40, {"restart_marker_blocks": 3}),
        ]
    )
]
HUGE = [-(2**63), -(2**31), -(2**31) + 1, -1, 0, 1, 2**28, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1]
ANY = st.one_of(st.integers(-3, 100), st.sampled_from(HUGE))


def compiled(name: str) -> Any:
    """A compiled module, of the sanitized ones where there are some."""
    if SANITIZED is None:
        return native.module(name) or pytest.skip(f"{name} is not compiled")
    spec = spec_from_file_location(name, Path(SANITIZED) / f"{name}.so")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def jpeg() -> Any:
    """The code that decodes parts and renders."""
    return compiled("jpeg")


@pytest.fixture(scope="module")
def align() -> Any:
    """The module `align`."""
    return compiled("align")


@pytest.fixture(scope="module")
def resample() -> Any:
    """The code that resizes and places."""
    return compiled("resample")


@pytest.fixture(scope="module")
def measure() -> Any:
    """The code that measures."""
    return compiled("measure")


@given(st.sampled_from(JPEGS), st.tuples(ANY, ANY, ANY, ANY), st.integers(-200, 200), st.booleans())
def test_any_part_of_a_jpeg(jpeg: Any, data: bytes, part: tuple[int, int, int, int], spare: int, quickly: bool) -> None:
    """Any four numbers for a part and any memory give the pixels of the whole image there, nothing, or an error."""
    whole = simplejpeg.decode_jpeg(data)
    height, width = whole.shape[:2]
    memory = np.zeros(max(0, min(part[2], 200) * 3 * width + spare), np.uint8)
    try:
        found = jpeg.decode(data, memory, part, quickly)
    except (ValueError, OverflowError):
        assert min(part) < 0 or min(part[2:]) < 1 or max(part) > 65_500
        return
    if found is not None:
        box = Box(*part)
        assert box.lies_in(Box(0, 0, height, width))
        np.testing.assert_array_equal(_rows(found, memory, box), whole[box.rows, box.columns])


@given(st.sampled_from(JPEGS), st.data())
def test_any_jpeg(jpeg: Any, data: bytes, draw: st.DataObject) -> None:
    """A JPEG that is cut and changed anywhere gives a part or nothing, whatever its header then says of its size."""
    changed = bytearray(data[: draw.draw(st.integers(0, len(data)))])
    for at, value in draw.draw(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6)):
        if changed:
            changed[at % len(changed)] = value
    for quickly in (False, True):
        jpeg.decode(bytes(changed), np.empty(3 * 70 * 20, np.uint8), (2, 3, 20, 5), quickly)


@given(st.sampled_from(JPEGS), st.data())
def test_any_rendering(jpeg: Any, data: bytes, draw: st.DataObject) -> None:
    """A JPEG that may be changed anywhere, and any numbers for its window, give an image, a wish, or an error."""
    height, width = simplejpeg.decode_jpeg_header(data)[:2]
    near, changed = st.one_of(st.integers(0, 60), ANY), bytearray(data)
    for at, value in draw.draw(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3)):
        changed[at % len(changed)] = value
    (top, left, *box), target, part = ([draw.draw(near) for _ in range(count)] for count in (4, 2, 4))
    if draw.draw(st.booleans()):
        (top, left, *box), part = (0, 0, height, width), [0, 0, *target]
    memory = np.zeros(draw.draw(st.sampled_from([0, 100, 10**6])) + 4, np.uint8)[draw.draw(st.sampled_from([0, 0, 1])) :]
    kind = draw.draw(st.sampled_from(["uint8", "uint16", "float32", "float64"]))
    shape = (3, *[min(max(side, 0), 60) for side in part[2:]])
    out = np.zeros(shape, kind)
    if draw.draw(st.booleans()):
        out = np.zeros((*shape[1:], 3), kind).transpose(2, 0, 1)
    levels = np.arange(3 * 256).reshape(3, 256).astype(draw.draw(st.sampled_from(["uint8", kind])))
    window, choice = ((top, left, *box), tuple(target), tuple(part), draw.draw(st.integers(-1, 3))), st.booleans()
    try:
        jpeg.render(
            bytes(changed),
            (height, width),
            lambda profile: True,
            window,
            draw.draw(choice),
            memory,
            draw.draw(choice),
            levels,
            out,
        )
    except (ValueError, OverflowError):
        return
    assert Box(top, left, *box).lies_in(Box(0, 0, height, width)) and Box(*part).lies_in(Box(0, 0, *target))
    assert out.shape[1:] == tuple(part[2:]) and kind == levels.dtype != "float64" and 0 <= window[3] <= 2


@given(ANY, ANY, ANY, ANY, st.integers(-2, 4))
def test_any_taps(resample: Any, source: int, target: int, start: int, length: int, filter: int) -> None:
    """Any numbers give taps of as many pixels, or an error."""
    if 4096 < source <= 2**28 or 4096 < target <= 2**28:  # which would take gigabytes, and rightly so
        return
    try:
        taps = np.frombuffer(resample.taps(source, target, start, length, filter), np.int32)
    except (ValueError, OverflowError):
        return
    assert start >= 0 and start + length <= target and taps[0] == length
    assert taps[2] >= 0 and taps[2] + taps[3] <= source
    weights = taps[4 + length :].reshape(length, taps[1]).astype(np.int64)
    assert np.abs(weights.sum(axis=1) - (1 << 22)).max() <= taps[1]


@given(st.data())
def test_any_resize(resample: Any, draw: st.DataObject) -> None:
    """Any image, result, place, taps, way and memory are resized as Pillow does where they fit each other, or refused."""
    side, channels = st.integers(1, 40), draw.draw(st.sampled_from([(), (3,)]))
    (height, width), target = draw.draw(st.tuples(side, side)), draw.draw(st.tuples(side, side))
    image = photo(1, height, width) if channels else photo(1, height, width)[..., 0].copy()
    out, filter = np.zeros((*target, *channels), np.uint8), draw.draw(st.integers(0, 2))
    taps = [resample.taps(*sides, 0, sides[1], filter) for sides in zip((height, width), target, strict=True)]
    top, left, way, spare = 0, 0, draw.draw(st.integers(0, 1)), 0
    spoilt = draw.draw(st.sampled_from(["nothing", "place", "taps", "way", "memory", "out", "image"]))
    if spoilt == "place":
        top, left = draw.draw(st.tuples(*[st.one_of(st.integers(-40, 40), st.sampled_from([-(2**31), 2**31 - 1]))] * 2))
    elif spoilt == "taps":
        numbers = np.frombuffer(taps[0], np.int32).copy()
        for at, value in draw.draw(
            st.lists(st.tuples(st.integers(0, 99), st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=3)
        ):
            numbers[at % len(numbers)] = value
        taps[0] = numbers.tobytes()[: draw.draw(st.sampled_from([None, -1, 4, 0]))]
    elif spoilt == "way":
        way = draw.draw(st.sampled_from([-1, 2, 3, 2**31 - 1]))
    elif spoilt == "memory":
        spare = draw.draw(st.integers(-(10**5), -1))
    elif spoilt == "out":
        out = np.zeros(draw.draw(st.sampled_from([(0, 3, 3), (3, 3), (3, 3, 3), (2, 2, 4)])), np.uint8)
    elif spoilt == "image":
        image = image[:: draw.draw(st.sampled_from([-1, 2]))]
    between = max(height * target[1], width * target[0]) * 3
    try:
        resample.resize(image, out, top, left, *taps, way, np.zeros(max(0, between + spare), np.uint8))
    except ValueError:
        assert spoilt != "nothing"
        return
    if spoilt == "nothing":
        expected = np.asarray(PIL.Image.fromarray(image).resize(target[::-1], FILTERS[filter]))
        other = np.zeros_like(out)
        resample.resize(image, other, top, left, *taps, 1 - way, np.zeros(between, np.uint8))
        assert any(np.array_equal(made, expected) for made in (out, other))  # which pass comes first is Pillow's to say


@given(st.data())
def test_any_placing(resample: Any, draw: st.DataObject) -> None:
    """Any image, levels and result are placed as NumPy does where they fit each other, or refused."""
    large = (240, 250)  # of which rows are written past the caches
    height, width = draw.draw(st.one_of(st.tuples(st.integers(1, 9), st.integers(1, 50)), st.just(large)))
    image = photo(2, *large)[:height, :width]
    kinds = st.sampled_from(["uint8", "uint16", "float32", "float64"])
    levels = np.arange(3 * 256).reshape(3, 256).astype(draw.draw(kinds))
    kind = np.dtype(draw.draw(kinds))
    shape = draw.draw(st.sampled_from([(3, height, width), (3, width, height), (1, height, width), (3, height)]))
    memory = np.zeros(3 * height * width * 8 + 64, np.uint8)[draw.draw(st.sampled_from([0, 1, 4, 8])) :]
    out = memory[: int(np.prod(shape)) * kind.itemsize].view(kind).reshape(shape)
    if len(shape) == 3 and draw.draw(st.booleans()):
        out = out.reshape(shape[1], shape[2], shape[0]).transpose(2, 0, 1)
    if len(shape) == 3 and draw.draw(st.booleans()):
        out = out[:, ::-1, ::-1]
    mirror = draw.draw(st.booleans())
    try:
        resample.place(image, mirror, levels, out)
    except ValueError:
        assert kind != levels.dtype or shape != (3, height, width) or kind == "float64" or not out.flags.aligned
        return
    seen = image[:, ::-1] if mirror else image
    expected = np.stack([levels[channel][seen[..., channel]] for channel in range(3)])
    np.testing.assert_array_equal(out, expected)


@given(st.data())
def test_any_measuring(measure: Any, draw: st.DataObject) -> None:
    """Any image and any number for what is wanted give a record of its size, nothing, or an error."""
    height, width = draw.draw(st.tuples(st.integers(0, 90), st.integers(0, 90)))
    channels = draw.draw(st.sampled_from([(), (3,)]))
    image = photo(1, 90, 90)[:height, :width] if channels else photo(1, 90, 90)[..., 1].copy()[:height, :width]
    number = draw.draw(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**11 - 1))) | draw.draw(st.integers(0, 90)) << 32
    try:
        record = (measure.rgb if channels else measure.gray)(image, number)
    except ValueError:
        assert not image.size or number >> 32 > 2**28 or number & 0xFFFFFFFF & ~(1 << 16) >= 2**11
        return
    assert record is None or len(record) == measure.SIZE


@given(st.sampled_from(JPEGS), st.integers(0, 2**11 - 1), st.integers(0, 60), st.data())
def test_measuring_any_jpeg(measure: Any, data: bytes, bits: int, side: int, draw: st.DataObject) -> None:
    """A JPEG that is cut and changed anywhere is measured or left."""
    changed = bytearray(data[: draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))])
    for at, value in draw.draw(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3)):
        if changed:
            changed[at % len(changed)] = value
    found = measure.jpeg(bytes(changed), bits | side << 32, 10**6, True)
    assert found is None or len(found[4]) == measure.SIZE


@given(st.data())
def test_any_alignment(align: Any, draw: st.DataObject) -> None:
    """Any pictures, weights and starts of the right sizes have a correlation, -1 to 1; any others are refused."""
    numbers = st.one_of(st.floats(width=32), st.sampled_from([0.0, 1.0, 255.0]))
    sizes = [1024, 1024, 4, 6 * draw.draw(st.integers(0, 3))]
    wrong = draw.draw(st.sampled_from([None, None, 0, 1, 2, 3]))
    arguments = []
    for place, (size, kind) in enumerate(zip(sizes, ("f4", "f4", "f8", "f8"), strict=True)):
        few = draw.draw(st.lists(numbers, min_size=1, max_size=8))
        arguments.append(np.resize(np.array(few), size + (place == wrong)).astype(kind))
    if wrong is None:
        found = align.align(*arguments, 0.95)
        assert found == -1 or np.isnan(found) or abs(found) < 1.001
    else:
        with pytest.raises(ValueError, match="32"):
            align.align(*arguments, 0.95)


def sources_of_modules() -> list[tuple[str, list[str]]]:
    """The name and the sources of each compiled module, as they are built."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("an installed package has no sources")
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    return [(module["name"].rpartition(".")[2], [str(ROOT / source) for source in module["sources"]]) for module in modules]


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED is not None, reason="this is what runs there")
def test_sanitized(tmp_path: Path) -> None:
    """None of them reads or writes outside of its arguments, or does what C leaves undefined."""
    compiler = "gcc"
    try:
        asked = [[compiler, f"-print-file-name={name}"] for name in ("libasan.so", "libubsan.so")]
        asan, ubsan = (subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip() for ask in asked)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no gcc")
    if not (os.path.isabs(asan) and os.path.isabs(ubsan)):
        pytest.skip("gcc has no sanitizers")
    for name, sources in sources_of_modules():
        made = str(tmp_path / f"{name}.so")
        command = [compiler, *FLAGS, f"-I{sysconfig.get_path('include')}", *sources, "-o", made, "-lm", "-ljpeg"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{name} does not compile here: {done.stderr[-200:]}")
    environment = os.environ | {
        "DATAPREP_SANITIZED": str(tmp_path),
        "LD_PRELOAD": f"{asan} {ubsan}",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
    }
    files = [__file__, str(Path(__file__).with_name("test_shaper.py"))]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow", *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
