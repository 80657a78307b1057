"""Masks as run lengths: those of COCO come back as they were, and what is damaged is said to be."""

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataprep.errors import DecodeError
from dataprep.targets.runs import decode_runs

masks = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(lambda size: arrays(np.uint8, size, elements=st.integers(0, 1)))


@given(masks)
def test_a_mask_packed_by_coco_comes_back(mask: np.ndarray) -> None:
    """What pycocotools packs, in its letters, is the mask that it packed."""
    coco = pytest.importorskip("pycocotools.mask")
    packed = coco.encode(np.asfortranarray(mask))
    text = json.dumps({"size": mask.shape, "counts": packed["counts"].decode()})
    assert np.array_equal(decode_runs(text, mask.size), mask)


@given(masks)
def test_plain_counts_come_back(mask: np.ndarray) -> None:
    """Runs as a list of lengths, column by column, the first of what is outside, are the mask they were counted of."""
    flat = mask.T.ravel()
    starts = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    counts = np.diff(np.concatenate([[0], starts])).tolist()
    assert np.array_equal(decode_runs(json.dumps({"size": mask.shape, "counts": counts}), mask.size), mask)


def test_later_ones_cover_earlier_ones() -> None:
    """Of several masks, each with its value, the later one is seen where they overlap."""
    parts = [{"size": [1, 5], "counts": [0, 3, 2], "value": 4}, {"size": [1, 5], "counts": [2, 2, 1], "value": 9}]
    assert decode_runs(json.dumps(parts), 5).tolist() == [[4, 4, 9, 9, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"size": [7, 9]}',
        '{"size": [7, 9], "counts": ""}',
        '{"size": [7, 9], "counts": "0"}',
        '{"size": [7, 9], "counts": "zz"}',
        '{"size": [7, 9], "counts": "é"}',
        '{"size": [7, 9], "counts": [64]}',
        '{"size": [7, 9], "counts": [-1, 64]}',
        '{"size": [7, 9], "counts": [0.5, 62.5]}',
        '{"size": [7, 9], "counts": [true, "a"]}',
        '{"size": [7], "counts": [63]}',
        '{"size": [-7, -9], "counts": [63]}',
        '{"size": [1000000, 1000000], "counts": [1000000000000]}',
        '{"size": [7, 9], "counts": [63], "value": "cat"}',
        '[{"size": [7, 9], "counts": [63]}, {"size": [9, 7], "counts": [63]}]',
        "[" * 100_000,
    ],
)
def test_what_is_no_mask_is_said_to_be_none(text: str) -> None:
    """Text that is damaged, of another size or no run lengths at all is an error of its own kind, and takes no memory."""
    with pytest.raises(DecodeError):
        decode_runs(text, 63)


@given(st.text(max_size=12), st.lists(st.integers(-9, 99), max_size=5))
def test_any_counts_are_a_mask_or_an_error(letters: str, numbers: list[int]) -> None:
    """Whatever stands for counts, a mask of the size comes of it or the error that says why none does."""
    for counts in (letters, numbers):
        with suppress(DecodeError):
            assert decode_runs(json.dumps({"size": [7, 9], "counts": counts}), 63).shape == (7, 9)
