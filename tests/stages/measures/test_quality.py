"""Quality measures: known values for known pictures, and sums that are exact."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import PipelineError
from dataprep.images.decode import decode
from dataprep.images.views import luminance, reduce
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure
from dataprep.stages import ChannelSums, Colorfulness, LaplacianVariance, Levels, Luminance, LuminanceHistogram, Noise
from dataprep.testing import encoded, photo
from dataprep.types import Image

CHECKERBOARD = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
MEASURES = [Luminance(), LaplacianVariance(), Levels(), ChannelSums(), LuminanceHistogram(), Noise(), Colorfulness()]
HALVES = np.repeat(np.array([[0, 255]], np.uint8), 64, axis=0).repeat(32, axis=1)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (64, 64)])
def test_constant(level: int, shape: tuple[int, int]) -> None:
    """A constant image is as bright as its level, without contrast, sharpness, entropy, noise or colour."""
    image = np.full(shape, level, np.uint8)
    assert Luminance().measure(image) == {"brightness": level, "contrast": 0}
    assert LaplacianVariance().measure(image) == {"sharpness": 0}
    assert Levels().measure(image) == {"darkest": level, "lightest": level}
    dark_and_bright = {"dark_fraction": level < 16, "bright_fraction": level > 240}
    assert LuminanceHistogram().measure(image) == {**dark_and_bright, "entropy": 0}
    assert Noise().measure(image) == {"noise": 0}
    assert Colorfulness().measure(cv2.merge([image] * 3)) == {"saturation": 0, "colorfulness": 0}


@pytest.mark.parametrize("image", [CHECKERBOARD, HALVES, HALVES.T], ids=["checkerboard", "halves", "turned"])
def test_half_black_half_white(image: np.ndarray) -> None:
    """Half black, half white is of middle brightness, of the largest contrast there is, and of one bit."""
    assert Luminance().measure(image) == pytest.approx({"brightness": 127.5, "contrast": 127.5})
    assert LuminanceHistogram().measure(image) == {"dark_fraction": 0.5, "bright_fraction": 0.5, "entropy": 1}


def test_sharpest() -> None:
    """The Laplacian of a checkerboard is 4 x 255 up and down everywhere, so its variance is 1020 squared, the most there is."""
    assert LaplacianVariance().measure(CHECKERBOARD)["sharpness"] == pytest.approx(1020**2)


@given(st.integers(0, 1_000), st.integers(3, 60), st.integers(3, 60))
def test_laplacian(seed: int, height: int, width: int) -> None:
    """Sharpness is the variance of up + down + left + right - 4 x middle, borders mirrored without their edge."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    around = np.pad(image.astype(np.int64), 1, mode="reflect")
    middle = around[1:-1, 1:-1]
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * middle
    assert LaplacianVariance().measure(image)["sharpness"] == pytest.approx(laplacian.var(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_blur_lowers_sharpness(seed: int) -> None:
    """The more blur, the less sharpness."""
    gray = luminance(photo(seed, 128, 160))
    blurred = [gray, *(cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (0.6, 1, 2, 4))]
    sharpness = [float(str(LaplacianVariance().measure(image)["sharpness"])) for image in blurred]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[0] > 100 > sharpness[-1]


@pytest.mark.parametrize("levels", [1, 2, 4, 16, 256])
def test_entropy_of_equal_levels(levels: int) -> None:
    """Levels that are equally frequent have as many bits as their number has."""
    image = np.repeat(np.arange(levels, dtype=np.uint8), 512 // levels)[None]
    assert LuminanceHistogram().measure(image)["entropy"] == pytest.approx(np.log2(levels))


def test_limits_of_dark_and_bright() -> None:
    """Dark is below 16 and bright above 240; neither limit itself counts."""
    image = np.array([[15, 16, 17, 239, 240, 241, 242, 255]], np.uint8)
    measured = LuminanceHistogram().measure(image)
    assert (measured["dark_fraction"], measured["bright_fraction"]) == (1 / 8, 3 / 8)


@given(st.integers(0, 1_000), st.integers(1, 60), st.integers(1, 60))
def test_levels(seed: int, height: int, width: int) -> None:
    """Every pixel lies between the darkest and the lightest level, and each of the two is that of one."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    assert Levels().measure(image) == {"darkest": min(image.ravel().tolist()), "lightest": max(image.ravel().tolist())}


@pytest.mark.parametrize("sigma", [1, 2, 5, 10, 25])
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_known_sigma(sigma: float, seed: int) -> None:
    """Gaussian noise on flat gray and on a ramp is found within 10 %."""
    generator = np.random.default_rng(seed)
    for clean in (np.full((200, 300), 128.0), np.tile(np.linspace(100, 156, 300), (200, 1))):
        noisy = np.clip(np.rint(clean + generator.normal(0, sigma, clean.shape)), 0, 255).astype(np.uint8)
        assert Noise().measure(noisy)["noise"] == pytest.approx(sigma, rel=0.1)


@given(st.integers(0, 1_000), st.integers(3, 60), st.integers(3, 60))
def test_immerkaer(seed: int, height: int, width: int) -> None:
    """Noise is sqrt(pi / 2) / 6 times the mean magnitude of Immerkær's filter over the inside of the image."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    rows = np.diff(image.astype(np.int64), 2, axis=0)
    expected = np.sqrt(np.pi / 2) / 6 * np.abs(np.diff(rows, 2, axis=1)).mean()
    assert Noise().measure(image)["noise"] == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 90), (90, 2), (1, 90)])
def test_no_inside(shape: tuple[int, int]) -> None:
    """Where a side has fewer than 3 pixels, noise is 0."""
    assert Noise().measure(luminance(photo(0, *shape))) == {"noise": 0}


@pytest.mark.parametrize(
    ("color", "saturation", "means"),
    [
        ((255, 0, 0), 255, (255, 127.5)),
        ((0, 255, 255), 255, (-255, -127.5)),
        ((90, 80, 70), 20, (10, 15)),
        ((7, 7, 7), 0, (0, 0)),
    ],
)
def test_one_color(color: tuple[int, int, int], saturation: float, means: tuple[float, float]) -> None:
    """One colour has the chroma of its largest less its smallest channel, and three tenths of its opponents' length."""
    image = np.full((9, 8, 3), color, np.uint8)
    assert Colorfulness().measure(image) == pytest.approx({"saturation": saturation, "colorfulness": 0.3 * np.hypot(*means)})


@given(st.integers(0, 1_000), st.integers(1, 60), st.integers(1, 60))
def test_colorfulness(seed: int, height: int, width: int) -> None:
    """Colorfulness is Hasler and Süsstrunk's formula, and saturation the mean of largest less smallest channel."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    red, green, blue = image.astype(np.float64).transpose(2, 0, 1)
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, middle = np.hypot(*opponents.std(axis=(1, 2))), np.hypot(*opponents.mean(axis=(1, 2)))
    chroma = (image.max(axis=2).astype(np.int64) - image.min(axis=2)).mean()
    expected = {"saturation": chroma, "colorfulness": spread + 0.3 * middle}
    assert Colorfulness().measure(image) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("quality", [20, 75, 95])
def test_gray_as_rgb(quality: int) -> None:
    """A grayscale photo that was stored as RGB has no colour, be it a JPEG; a colour photo has."""
    color = photo(3, 200, 300)
    gray = np.repeat(luminance(color)[..., None], 3, axis=2)
    for image, colored in ((gray, False), (color, True)):
        for value in Colorfulness().measure(decode(encoded(image, quality=quality)).image).values():
            assert (float(str(value)) > 5) is colored and float(str(value)) < (256 if colored else 0.5)


SCALED = {"dark_fraction": 0.05, "bright_fraction": 0.05, "entropy": 0.25, "saturation": 0.5, "colorfulness": 0.5}


@pytest.mark.parametrize("measure", [LuminanceHistogram(), Colorfulness()], ids=repr)
def test_reduced_decode(skimage_photos: dict[str, Image], measure: LuminanceHistogram | Colorfulness) -> None:
    """A JPEG decoded at a fraction of its size measures as the whole image: shares within 5 %, colour within half a level."""
    for name, pixels in skimage_photos.items():
        if "chessboard" in name:  # edges between black and white are where the ways to average differ
            continue
        data = encoded(cv2.resize(pixels, (600, 520), interpolation=cv2.INTER_CUBIC), quality=90)
        views = (decode(data, side=side, channels=measure.channels).image for side in (None, 128))
        whole, reduced = (measure.measure(reduce(view, 128)) for view in views)
        for column, value in whole.items():
            assert reduced[column] == pytest.approx(value, abs=SCALED[column]), name


@pytest.mark.parametrize("measure", [LuminanceHistogram(64), Noise(), Colorfulness(), Colorfulness(side=32)], ids=repr)
def test_yaml(measure: Measure) -> None:
    """Measures come back from YAML as they were."""
    assert Pipeline.from_yaml(Pipeline(measure).to_yaml()).stages == (measure,)


@pytest.mark.parametrize("kind", [LuminanceHistogram, Colorfulness])
def test_sides(kind: type[LuminanceHistogram | Colorfulness]) -> None:
    """A side that is no number of pixels is refused."""
    with pytest.raises(PipelineError, match=rf"{kind.__name__}\(side=0\)"):
        kind(side=0)


@given(st.integers(0, 1_000), st.integers(1, 90), st.integers(1, 90))
def test_channel_sums(seed: int, height: int, width: int) -> None:
    """Channel sums are the integers that NumPy's int64 gives."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pixels = image.reshape(-1, 3).astype(np.int64)
    assert ChannelSums().measure(image) == {
        "channel_sums": pixels.sum(axis=0).tolist(),
        "channel_squares": (pixels**2).sum(axis=0).tolist(),
    }


def test_large_sums() -> None:
    """Nothing overflows: 36 million white pixels have a sum of squares above 2**40."""
    white = np.full((6_000, 6_000, 3), 255, np.uint8)
    assert ChannelSums().measure(white)["channel_squares"] == [36_000_000 * 255**2] * 3


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_columns(measure: Measure) -> None:
    """A measure fills just the columns that it announces."""
    image = photo(0) if measure.channels == 3 else luminance(photo(0))
    assert list(measure.measure(image)) == [field.name for field in measure.fields]
