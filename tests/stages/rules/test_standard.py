"""The standard rules: what they drop by default, and what a threshold that is given drops."""

from collections.abc import Callable

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.columns import BLURRED, TOO_BRIGHT, TOO_DARK, TOO_SMALL, UNIFORM
from dataprep.pipeline import Pipeline
from dataprep.stages.rules.defaults import MAX_BRIGHTNESS, MIN_BRIGHTNESS, MIN_CONTRAST, MIN_SHARPNESS, MIN_SIDE, TONES
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, FakeSource, encoded, photo
from dataprep.types import Image

PLAIN = {
    "min_side": MIN_SIDE,
    "min_brightness": MIN_BRIGHTNESS,
    "max_brightness": MAX_BRIGHTNESS,
    "min_contrast": MIN_CONTRAST,
    "min_sharpness": MIN_SHARPNESS,
}
TOP = {"height": 600, "width": 600, "brightness": 255, "contrast": 127, "darkest": 255, "lightest": 255, "sharpness": 9000}


def table_of(columns: dict[str, np.ndarray]) -> pa.Table:
    """A table of measured rows."""
    return pa.table({"id": np.arange(len(columns["height"])), **columns})


def random_rows(seed: int, count: int) -> pa.Table:
    """A table of rows with any values, low ones often."""
    generator = np.random.default_rng(seed)
    return table_of({name: top * generator.random(count) ** generator.uniform(1, 12) for name, top in TOP.items()})


def dropped(table: pa.Table, **thresholds: object) -> list[set[int]]:
    """The ids that each standard rule but that of duplicates drops."""
    return [set(rule.judge(table).ids) for rule in standard_rules(duplicates=False, **thresholds)]


@given(st.integers(0, 10_000), st.integers(0, 40))
def test_default_drops_no_more_than_its_limit(seed: int, count: int) -> None:
    """By default a rule drops part of what the plain limit with the same number drops."""
    table = random_rows(seed, count)
    assert all(by_default <= plain for by_default, plain in zip(dropped(table), dropped(table, **PLAIN), strict=True))


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_nobody_is_far_below_his_equals(seed: int, count: int) -> None:
    """Of a set whose values differ by less than half nothing is dropped, however small, dark or smooth it is."""
    generator = np.random.default_rng(seed)
    rows = {name: top * generator.random() ** 4 * generator.uniform(0.7, 1, count) for name, top in TOP.items()}
    assert not set().union(*dropped(table_of(rows), max_brightness=None))


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_usual_faults(seed: int, count: int) -> None:
    """Of a set most of which is dark, flat and smooth nothing is too dark, nearly uniform or blurred, blank ones included."""
    table = random_rows(seed, count)
    most = np.random.default_rng(seed).uniform(0, TONES, count // 2 + 1)
    few = {"lightest": np.append(most, 255), "sharpness": np.append(most, 900), "darkest": np.zeros(1)}
    rows = {name: np.resize(few.get(name, table[name].to_numpy()), count) for name in TOP}
    *_, dark, _, blank, blurred = dropped(table_of(rows))
    assert not dark | blank | blurred


@pytest.mark.parametrize("off", PLAIN)
def test_off(off: str) -> None:
    """None switches off one standard rule and leaves the others."""
    others = standard_rules(**{off: None})
    assert set(others) < set(standard_rules())
    assert len(standard_rules()) - len(others) == (2 if off == "min_side" else 1)


def test_duplicates_come_last() -> None:
    """Flat and dark images are judged before the search for duplicates, because hashes of nothing are all alike."""
    for thresholds, kind in (({}, "AllOf"), (PLAIN, "Require")):
        assert [type(rule).__name__ for rule in standard_rules(**thresholds)] == [kind] * 6 + ["Deduplicate"]
        assert [type(rule).__name__ for rule in standard_rules(**thresholds, duplicates=False)] == [kind] * 6
    assert standard_rules(radius=None)[-1].needs == ()


SPOILT: dict[str, Callable[[Image], Image]] = {
    TOO_SMALL: lambda image: image[:19, :24],
    TOO_DARK: lambda image: image // 20,
    TOO_BRIGHT: lambda image: 255 - image // 20,
    UNIFORM: lambda image: image // 40 + 100,
    BLURRED: lambda image: np.asarray(cv2.GaussianBlur(image, None, 4), np.uint8),
}


@pytest.mark.parametrize("reason", SPOILT)
@pytest.mark.parametrize("count", [1, 4, 8])
def test_spoilt_photographs(reason: str, count: int) -> None:
    """Spoilt photographs, fewer than there are good ones, are dropped for what spoils them, and no good one is."""
    files = {f"good/{number}.png": encoded(photo(number), "PNG") for number in range(9)}
    files |= {f"spoilt/{number}.png": encoded(SPOILT[reason](photo(50 + number)), "PNG") for number in range(count)}
    manifest = clean(FakeSource(files), Pipeline(*standard_rules()), engine=FakeEngine())
    verdicts = dict(zip(manifest.table["uri"].to_pylist(), manifest.table["reason"].to_pylist(), strict=True))
    assert {uri: verdict for uri, verdict in verdicts.items() if verdict} == {
        uri: reason for uri in files if uri.startswith("spoilt")
    }


def smooth(seed: int) -> Image:
    """A picture that is smooth by nature, as woods from above: waves of 3 pixels and more, the longer the stronger."""
    generator = np.random.default_rng(seed)
    levels = np.zeros((96, 96))
    for cells in (4, 8, 16, 32, 64):
        waves = cv2.resize(generator.normal(size=(cells + 1, cells + 1)), (96, 96), interpolation=cv2.INTER_CUBIC)
        levels += waves * (4 / cells) ** 0.8
    return np.repeat((110 + 18 * levels).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("sigma", [3, 4, 6])
def test_smooth_but_sharp(sigma: float) -> None:
    """Smooth pictures among detailed ones are kept, all but few, and blurred photographs among both are dropped."""
    files = {f"detailed/{number}.png": encoded(photo(number), "PNG") for number in range(40)}
    files |= {f"smooth/{number}.png": encoded(smooth(number), "PNG") for number in range(30)}
    blurred = {f"blurred/{number}.png": cv2.GaussianBlur(photo(100 + number), None, sigma) for number in range(5)}
    files |= {uri: encoded(np.asarray(image, np.uint8), "PNG") for uri, image in blurred.items()}
    manifest = clean(FakeSource(files), Pipeline(*standard_rules(duplicates=False)), engine=FakeEngine())
    lost = {uri for uri, keep in zip(*(manifest.table[name].to_pylist() for name in ("uri", "keep")), strict=True) if not keep}
    assert set(blurred) <= lost
    assert len(lost - set(blurred)) <= 0.05 * len(files)
