"""Colour profiles by compiled code: the very colours and words of Little CMS, or none."""

import struct
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_native import compiled
from test_profiles import ADOBE, PRIMARIES, fixed, matrix_of, profile, tag

from dataprep.images.profiles import NAMELESS, UNFIT, Conversion, find_by_pillow
from dataprep.testing import photo

MEANINGS = (UNFIT, None, Conversion)
TAGS = 128 + 4


@pytest.fixture(scope="module")
def code() -> Any:
    """The compiled module."""
    return compiled("measure")


def assert_same(code: Any, data: bytes, seed: int = 0) -> bool:
    """Checks that a profile comes to what Little CMS makes of it, or is left to it; returns whether it is not left."""
    found, expected = code.profile(data), find_by_pillow(data)
    if found is None:
        return False
    meaning, name, tables = found
    if not isinstance(expected, Conversion):
        assert MEANINGS[meaning] == expected
        return True
    assert meaning == 2
    assert (name[:40].strip() or NAMELESS) == expected.name
    image = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)
    image[:2] = np.arange(160).reshape(2, 80, 1) * 255 // 159
    made, gray = np.empty_like(image), np.empty(image.shape[:2], np.uint8)
    code.recolour(image, tables, made)
    code.recolour(image, tables, gray)
    np.testing.assert_array_equal(made, np.asarray(expected(PIL.Image.fromarray(image))))
    np.testing.assert_array_equal(gray, np.asarray(PIL.Image.fromarray(made).convert("L")))
    return True


def with_tags(data: bytes, **others: bytes) -> bytes:
    """A profile with other data for some tags, which lie behind its end."""
    count = int.from_bytes(data[128:TAGS], "big")
    index, body = bytearray(data[:TAGS]), data[TAGS + 12 * count :]
    more = b""
    for at in range(TAGS, TAGS + 12 * count, 12):
        key, start, size = data[at : at + 4], *struct.unpack(">II", data[at + 4 : at + 12])
        if key.decode() in others:
            start, size = len(data) + len(more), len(others[key.decode()])
            more += others[key.decode()]
        index += key + struct.pack(">II", start, size)
    whole = bytes(index) + body + more
    return struct.pack(">I", len(whole)) + whole[4:]


gammas = st.integers(1, 1023).map(lambda value: tag(b"curv", struct.pack(">IH", 1, value)))
points = st.lists(st.integers(0, 65_535), min_size=2, max_size=300).map(sorted) | st.integers(2, 1100).map(
    lambda count: [round(65_535 * (at / (count - 1)) ** 2.2) for at in range(count)]
)
tables = points.map(lambda values: tag(b"curv", struct.pack(f">I{len(values)}H", len(values), *[0, *values[1:]])))
formulas = st.sampled_from([1, 3, 4, 5, 7]).flatmap(
    lambda count: st.tuples(st.floats(0.3, 4), *[st.floats(-0.5, 1.5)] * (count - 1)).map(
        lambda numbers: tag(b"para", struct.pack(">HH", (1, 3, 4, 5, 7).index(len(numbers)), 0) + fixed(*numbers))
    )
)
SRGB_CURVE = tag(b"para", struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
curves = gammas | tables | formulas | st.just(SRGB_CURVE)
words = st.text(st.characters(min_codepoint=32, max_codepoint=300), max_size=60)


def texts(words: str) -> bytes:
    """A name in some languages, as profiles of version 4 have it."""
    wide = words.encode("utf-16-be")
    records = b"".join(language + struct.pack(">II", len(wide), 16 + 24) for language in (b"deDE", b"enUS"))
    return tag(b"mluc", struct.pack(">II", 2, 12) + records + wide)


@given(
    st.sampled_from([*PRIMARIES]),
    st.tuples(curves, curves, curves) | curves.map(lambda one: (one,) * 3),
    words,
    st.integers(0, 99),
)
def test_any_matrix_and_curves(code: Any, name: str, three: tuple[bytes, ...], words: str, seed: int) -> None:
    """Whatever curves, matrix and name a profile has, its colours and name are those of Little CMS, or it is left to that."""
    red, green, blue = three
    data = with_tags(profile(name), rTRC=red, gTRC=green, bTRC=blue, desc=texts(words) if seed % 2 else described(words))
    assert_same(code, data, seed)


def described(words: str) -> bytes:
    """A name as profiles of version 2 have it."""
    plain = words.encode("latin-1", "replace")
    return tag(b"desc", struct.pack(">I", len(plain) + 1) + plain + bytes(80))


@given(st.lists(st.floats(-0.2, 1.2), min_size=9, max_size=9), gammas)
def test_any_colorants(code: Any, numbers: list[float], curve: bytes) -> None:
    """Also where its primaries are of no colour that there is."""
    columns = {f"{letter}XYZ": tag(b"XYZ ", fixed(*numbers[at : at + 3])) for letter, at in (("r", 0), ("g", 3), ("b", 6))}
    assert_same(code, with_tags(ADOBE, rTRC=curve, gTRC=curve, bTRC=curve, **columns))


def test_what_makers_write_is_taken(code: Any) -> None:
    """Adobe RGB, Display P3 as phones write it, sRGB as Little CMS writes it, and by a power, are not left to it."""
    phone = with_tags(profile("Display P3"), rTRC=SRGB_CURVE, gTRC=SRGB_CURVE, bTRC=SRGB_CURVE, desc=texts("Display P3"))
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    assert all(assert_same(code, data) for data in (ADOBE, srgb, phone, phone[:8] + b"\x04" + phone[9:]))
    assert code.profile(phone)[1] == "Display P3"
    ramp = tag(b"curv", struct.pack(">I1024H", 1024, *[round(65_535 * (at / 1023) ** 2.2) for at in range(1024)]))
    assert assert_same(code, with_tags(profile("sRGB"), rTRC=ramp, gTRC=ramp, bTRC=ramp))


@given(
    st.lists(st.tuples(st.integers(0, len(ADOBE) - 1), st.integers(0, 255)), max_size=3),
    st.integers(TAGS, len(ADOBE)),
    st.booleans(),
)
def test_damaged_profiles_are_left(code: Any, changes: list[tuple[int, int]], length: int, cut: bool) -> None:
    """What is changed or cut anywhere comes to what Little CMS makes of it, or is left to that."""
    data = bytearray(ADOBE)
    for at, value in changes:
        data[at] = value
    assert_same(code, bytes(data[:length] if cut else data))


@given(st.binary(max_size=400))
def test_any_bytes(code: Any, data: bytes) -> None:
    """Any bytes, also behind the head of a profile, are looked at and left, or are as for Little CMS."""
    assert code.profile(data) is None
    assert_same(code, ADOBE[:TAGS] + data)


@given(st.integers(0, 3), st.integers(0, 5), st.sampled_from([0, 1, 3]), st.integers(-1, 0))
def test_recolouring_checks_what_it_is_given(code: Any, height: int, more: int, channels: int, lack: int) -> None:
    """An image of any size is turned where tables and room fit it, and refused elsewhere."""
    tables = code.profile(ADOBE)[2]
    image = photo(1, 8, 8)[:height, 1:5]
    out = np.zeros((height + more // 5, 4, *([channels] if channels else [])), np.uint8)
    assume(out.ndim == 2 or channels in (1, 3))
    if lack or len(out) != height:
        with pytest.raises(ValueError, match="taken here"):
            code.recolour(image, tables[: len(tables) + lack], out)
    else:
        code.recolour(image, tables, out)


def test_matrices_of_primaries() -> None:
    """The profiles of these tests are what they say: white is that of the space between profiles."""
    for name in PRIMARIES:
        np.testing.assert_allclose(matrix_of(name).sum(axis=1), [0.9642, 1.0, 0.8249], atol=1e-3)
