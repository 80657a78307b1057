"""The proof of copies: small pictures that agree, in photographs, in drawings and in families of look-alikes."""

from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageDraw

from dataprep.images.views import reduce
from dataprep.search import alignment
from dataprep.search.alignment import aligned
from dataprep.search.likeness import BYTES, luminance, pose
from dataprep.search.proof import ALIGNED_VIEWS, Pictures, kinship
from dataprep.stages import Miniature
from dataprep.testing import photo
from dataprep.types import Image

PHOTOS = [photo(seed, 240, 320) for seed in range(24)]


def code(image: Image) -> np.ndarray:
    """Returns the small picture of an image."""
    return np.frombuffer(Miniature().measure(reduce(image, 32))["miniature"], np.uint8)  # type: ignore[arg-type]  # bytes


def proven(first: Image, second: Image, others: list[Image], poses: tuple[int, ...] = (0,)) -> bool:
    """Returns whether two images are copies in a set of others."""
    codes = np.stack([code(image) for image in (first, second, *others)])
    kin = kinship(codes, np.arange(2, len(codes)))
    return bool(Pictures(codes, poses, kin=kin).prove(np.array([[0, 1]]))[0])


def turned(image: Image, degrees: float) -> Image:
    """Returns an image turned about its centre."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


EDITS: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda image: image,
    "half as large": lambda image: np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8),
    "squeezed": lambda image: np.asarray(cv2.resize(image, (320, 190), interpolation=cv2.INTER_AREA), np.uint8),
    "darker": lambda image: np.asarray(image * 0.7, np.uint8),
    "brighter": lambda image: np.asarray(np.minimum(image * 1.2, 255), np.uint8),
    "brighter by a third": lambda image: np.asarray(np.minimum(image * 1.33, 255), np.uint8),
    "noisy": lambda image: np.asarray((image + np.random.default_rng(0).normal(0, 8, image.shape)).clip(0, 255), np.uint8),
    "gray": lambda image: np.repeat(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None], 3, axis=2),
    "cropped": lambda image: image[8:-8, 10:-10],
    "turned": lambda image: turned(image, 2),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_photograph_is_a_copy(edit: str) -> None:
    """A photograph among others is a copy of itself, whatever a person does to it who wants it to look the same."""
    for image in PHOTOS[:6]:
        assert proven(image, EDITS[edit](image), PHOTOS[8:])


def landscape(sky: tuple[int, int, int]) -> Image:
    """Hills below an even sky."""
    image = np.tile(np.asarray(sky, np.float32), (240, 320, 1)) + np.linspace(0, 16, 240, dtype=np.float32)[:, None, None]
    ridge = 150 + 25 * np.sin(np.arange(320) / 40) + 12 * np.sin(np.arange(320) / 11)
    hills = np.arange(240)[:, None] > ridge
    image[hills] = PHOTOS[6][hills] * 0.5
    return np.asarray(image, np.uint8)


def test_a_bleached_sky_is_no_other_colour() -> None:
    """A sky that was brightened until it is white makes no other photograph; a red one does."""
    image = landscape((186, 200, 222))
    assert proven(image, EDITS["brighter by a third"](image), PHOTOS[8:])
    assert not proven(landscape((236, 120, 90)), EDITS["brighter by a third"](image), PHOTOS[8:])


def test_photographs_are_not_copies_of_each_other() -> None:
    """No two of some photographs are copies."""
    codes = np.stack([code(image) for image in PHOTOS])
    pairs = np.array(list(combinations(range(len(codes)), 2)))
    assert not Pictures(codes, tuple(range(8)), kin=kinship(codes, np.arange(len(codes)))).prove(pairs).any()


def clock(minute: int) -> Image:
    """Draws a clock face with one hand."""
    canvas = PillowImage.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(canvas)
    pen.ellipse([20, 20, 236, 236], outline="black", width=6)
    angle = minute * np.pi / 30
    pen.line([128, 128, 128 + 88 * np.sin(angle), 128 - 88 * np.cos(angle)], fill="black", width=6)
    return np.asarray(canvas)


def shirt(colour: str) -> Image:
    """Draws a shirt."""
    canvas = PillowImage.new("RGB", (256, 256), "white")
    outline = [(70, 50), (128, 62), (186, 50), (226, 110), (186, 120), (186, 220), (70, 220), (70, 120), (30, 110)]
    ImageDraw.Draw(canvas).polygon(outline, fill=colour)
    return np.asarray(canvas)


def sign(shape: int, symbol: int) -> Image:
    """Draws a road sign: a rim of so many corners around one of four symbols."""
    canvas = PillowImage.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(canvas)
    for radius, colour in ((124, "black"), (100, "gold")):
        pen.regular_polygon((128, 128, radius), shape, fill=colour)
    marks = [[(88, 148), (128, 98), (168, 148)], [(98, 98), (158, 98), (158, 148), (98, 148)], [(108, 98), (148, 98), (128, 158)]]
    if symbol < 3:
        pen.polygon(marks[symbol], fill="black")
    else:
        pen.ellipse((98, 98, 158, 158), fill="black")
    return np.asarray(canvas)


def button(hue: int) -> Image:
    """Draws an evenly graded square of a colour with a white disc."""
    colours = np.array([(230, 90, 90), (90, 120, 230), (90, 200, 120), (200, 160, 80), (180, 90, 200), (90, 190, 200)])
    slope = np.linspace(1, 0.5, 256)[:, None, None]
    canvas = PillowImage.fromarray(
        (np.broadcast_to(colours[hue % 6] * slope, (256, 256, 3)) * (1 - hue // 6 * 0.2)).astype(np.uint8)
    )
    ImageDraw.Draw(canvas).ellipse((78, 78, 178, 178), fill="white")
    return np.asarray(canvas)


FAMILIES = {
    "signs": [sign(shape, symbol) for shape in (3, 4, 8) for symbol in range(4)],
    "buttons": [button(hue) for hue in range(12)],
    "clocks": [clock(minute) for minute in range(0, 60, 4)],
    "shirts": [shirt(colour) for colour in "red green blue gold purple teal black gray navy maroon olive orange".split()],
}


@pytest.mark.parametrize("size", [2, 5, 12])
@pytest.mark.parametrize("family", FAMILIES)
def test_look_alikes_are_not_copies(family: str, size: int) -> None:
    """Pictures of one kind that show different things are no copies, be there two of them or many."""
    codes = np.stack([code(image) for image in FAMILIES[family][:size]])
    pairs = np.array(list(combinations(range(size), 2)))
    assert not Pictures(codes, kin=kinship(codes, np.arange(size))).prove(pairs).any()


@pytest.mark.parametrize("edit", ["as it is", "half as large"])
@pytest.mark.parametrize("family", ["clocks", "shirts", "signs"])  # not buttons, which but for their colours are all the same
def test_a_copy_among_look_alikes_is_found(family: str, edit: str) -> None:
    """A resized copy of a drawing is a copy, in the midst of its family."""
    first, *others = FAMILIES[family]
    assert proven(first, EDITS[edit](first), others)


def test_a_spot_makes_another_drawing() -> None:
    """A drawing with one small spot more, or in another tint, is no copy, though nearly all of it is the same."""
    plain = sign(8, 0)
    spotted, tinted = plain.copy(), plain.copy()
    spotted[180:200, 120:140] = 255
    tinted[(plain == (255, 215, 0)).all(axis=2)] = (120, 230, 60)
    for other in (spotted, tinted):
        assert not proven(plain, other, PHOTOS)
        assert not proven(plain, other, FAMILIES["signs"][:8])


def test_frames_make_no_crowd() -> None:
    """Framed photographs are no family: each is a copy of its original, however many of them there are."""
    framed = [cv2.copyMakeBorder(image, 12, 12, 12, 12, cv2.BORDER_CONSTANT) for image in PHOTOS]
    codes = np.stack([code(np.asarray(image, np.uint8)) for image in (*PHOTOS, *framed)])
    pictures = Pictures(codes, aligned=ALIGNED_VIEWS, hope=-1.0, kin=kinship(codes, np.arange(len(codes))))
    among = np.array(list(combinations(range(len(PHOTOS), len(codes)), 2)))
    copies = np.array([(row, row + len(PHOTOS)) for row in range(len(PHOTOS))])
    assert pictures.prove(np.concatenate([copies, among]))[: len(copies)].mean() >= 0.95


@given(st.integers(0, 5), st.integers(0, 7))
def test_a_pose_is_found_where_it_is_looked_for(seed: int, turn: int) -> None:
    """A mirrored or turned copy is one where its pose is asked for, and the proof takes either of the two for the first."""
    codes = np.stack([code(image) for image in PHOTOS])
    codes[1] = pose(code(PHOTOS[seed])[None], turn)[0]
    codes[0] = code(PHOTOS[seed])
    every = Pictures(codes, tuple(range(8)), kin=kinship(codes, np.arange(2, len(codes))))
    assert every.prove(np.array([[0, 1], [1, 0]])).all()
    assert Pictures(codes, (0,), kin=every.kin).prove(np.array([[0, 1]]))[0] == (turn == 0)


@given(st.permutations(range(12)))
def test_a_pair_does_not_depend_on_the_others_of_its_chunk(order: list[int]) -> None:
    """Pairs are judged alike in any order."""
    codes = np.stack([code(EDITS["noisy"](image)) if index % 3 == 0 else code(image) for index, image in enumerate(PHOTOS[:12])])
    codes[1::2] = codes[0::2]
    pictures = Pictures(codes, kin=kinship(codes, np.arange(12)))
    pairs = np.array(list(combinations(range(12), 2)))[:30]
    found = pictures.prove(pairs)
    shuffled = np.random.default_rng(order[0]).permutation(len(pairs))
    assert np.array_equal(pictures.prove(pairs[shuffled]), found[shuffled])


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (28, 28), (32, 32), (31, 33), (400, 300)])
def test_every_image_has_a_small_picture(size: tuple[int, int]) -> None:
    """An image of any size has a small picture of the same length, and is a copy of itself."""
    image = photo(1, *size)
    assert len(code(image)) == BYTES
    codes = np.stack([code(image)] * 2)
    assert Pictures(codes).prove(np.array([[0, 1]])).all()


def test_pictures_are_aligned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that come again are not aligned again; few or many at once, of each it is known what it is known of alone."""
    monkeypatch.setattr(alignment, "_FOUND", {})
    pictures = luminance(np.stack([code(turned(image, degrees)) for image in PHOTOS[:3] for degrees in (0, 3, 9)]))
    first, second = pictures[np.array(list(combinations(range(9), 2)))].swapaxes(0, 1)
    for bound in (0.5, 0.9):
        least = np.full(len(first), bound)
        expected = [
            max(alignment._align(*pair), alignment._align(*pair[::-1])) >= bound for pair in zip(first, second, strict=True)
        ]
        np.testing.assert_array_equal(aligned(first, second, least), expected)
        assert 0 < sum(expected) < len(expected)
    monkeypatch.delattr(alignment, "_align")
    np.testing.assert_array_equal(aligned(first[:3], second[:3], least[:3]), expected[:3])
