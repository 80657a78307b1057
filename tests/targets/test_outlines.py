"""Outlines cut by lines: areas add up, rectangles come out as rectangles, and what is whole stays as it is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataprep.targets.outlines import Outlines, cut, rectangles

places = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
angles = st.floats(0, 2 * np.pi)


def outline(corners: list[tuple[int, int]]) -> Outlines:
    """Returns one outline of integer corners."""
    return Outlines(np.array([corners], np.float64), np.array([len(corners)]))


def line(angle: float, distance: float) -> NDArray[np.float64]:
    """Returns (1, 1, 3) a line at a distance from the origin."""
    return np.array([[[np.cos(angle), np.sin(angle), distance]]])


@given(st.lists(st.tuples(places, places, places), min_size=1, max_size=5), angles, st.floats(-60, 60))
def test_both_sides_of_a_line_are_the_whole(triangles: list[tuple[tuple[int, int], ...]], angle: float, distance: float) -> None:
    """What is left on the two sides of a line has the area of the whole, whatever the line."""
    given = Outlines(np.array(triangles, np.float64), np.full(len(triangles), 3))
    lines = np.repeat(line(angle, distance), len(triangles), axis=0)
    parts = cut(given, lines).areas() + cut(given, -lines).areas()
    np.testing.assert_allclose(parts, given.areas(), atol=1e-6)


@given(st.tuples(places, places), st.tuples(places, places))
def test_a_box_in_a_frame_is_their_overlap(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> None:
    """A rectangle that is cut by the four sides of another is the rectangle that they share."""
    (left, top), (right, bottom) = np.sort(np.array(one), axis=0).tolist()
    frame_left, frame_top, frame_right, frame_bottom = np.sort(np.array(other), axis=0).ravel().tolist()
    lines = np.array([[[1, 0, -frame_left], [0, 1, -frame_top], [-1, 0, frame_right], [0, -1, frame_bottom]]], np.float64)
    found = cut(rectangles(np.array([[left, top, right, bottom]], np.float64)), lines)
    shared = [max(left, frame_left), max(top, frame_top), min(right, frame_right), min(bottom, frame_bottom)]
    area = max(shared[2] - shared[0], 0) * max(shared[3] - shared[1], 0)
    np.testing.assert_allclose(found.areas(), [area], atol=1e-9)
    if area:
        np.testing.assert_allclose(found.bounds(), [shared], atol=1e-9)


@given(st.lists(places, min_size=3, max_size=9), angles)
def test_what_is_wholly_on_the_right_side_stays(corners: list[tuple[int, int]], angle: float) -> None:
    """A line that an outline does not reach leaves its very corners."""
    given = outline(corners)
    found = cut(given, line(angle, 100.0))
    assert np.array_equal(found.corners, given.corners) and np.array_equal(found.counts, given.counts)
    assert cut(given, line(angle, -100.0)).counts.tolist() == [0]


def test_an_outline_that_is_not_convex_loses_what_is_outside() -> None:
    """Of a U whose two arms reach over a line, what lies below is left, whole."""
    u = outline([(0, 0), (9, 0), (9, 9), (6, 9), (6, 3), (3, 3), (3, 9), (0, 9)])
    assert u.areas().tolist() == [63]
    assert cut(u, np.array([[[0.0, -1, 5]]])).areas().tolist() == [9 * 3 + 2 * 3 * 2]
    assert cut(u, np.array([[[0.0, 1, -5]]])).areas().tolist() == [2 * 3 * 4]


@given(st.lists(st.lists(places, min_size=3, max_size=7), min_size=2, max_size=4), angles, st.floats(-60, 60))
def test_an_outline_is_cut_alike_alone_and_among_others(many: list[list[tuple[int, int]]], angle: float, distance: float) -> None:
    """How many corners others have changes no corner of what is left of one."""
    most = max(map(len, many))
    padded = np.array([[*corners, *[corners[-1]] * (most - len(corners))] for corners in many], np.float64)
    lines = np.repeat(np.concatenate([line(angle, distance), line(angle + 2, 20.0)], axis=1), len(many), axis=0)
    together = cut(Outlines(padded, np.array(list(map(len, many)))), lines)
    for place, corners in enumerate(many):
        alone = cut(outline(corners), lines[:1])
        assert alone.counts[0] == together.counts[place]
        assert np.array_equal(alone.corners[0, : alone.counts[0]], together.corners[place, : alone.counts[0]])
