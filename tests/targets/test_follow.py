"""Targets are where the pixels are: a mark is painted, moved with its coordinates, and looked for, by op and backend."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from painting import RADIUS, disc, loaded, loader_of, manifest_of, middle

from dataprep.backends.threads import Threads
from dataprep.manifest import Manifest
from dataprep.protocols import Backend
from dataprep.stages import (
    Affine,
    Brightness,
    CenterCrop,
    HorizontalFlip,
    Pad,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
    Rotate,
    TrivialAugmentWide,
    VerticalFlip,
)
from dataprep.stages.catalogue import OPS
from dataprep.stages.ops.policies import CHANGES
from dataprep.targets.geometry import UNMOVED, geometry
from dataprep.targets.kinds import Boxes, Mask, Points, Polygons
from dataprep.testing import FakeBackend


def backend_of(name: str) -> Backend:
    """Returns a backend, or skips where it is not installed."""
    import dataprep

    if name in ("torch", "dali"):
        pytest.importorskip("torch")
    if name == "dali":
        pytest.importorskip("nvidia.dali")
    made: dict[str, Callable[[], Backend]] = {
        "threads": lambda: Threads(2, output="numpy"),
        "torch": lambda: dataprep.Torch(workers=0),
        "dali": lambda: dataprep.Dali("cpu", threads=1),
    }
    return made[name]()


BACKENDS = ("threads", "torch", "dali")

MOVING: list[Any] = [
    Resize((90, 70)),
    Resize(64, "bicubic"),
    CenterCrop((100, 70)),
    RandomCrop(90, padding=10),
    RandomResizedCrop((100, 90), (0.3, 1)),
    Pad((3, 5, 7, 11)),
    HorizontalFlip(),
    VerticalFlip(),
    Rotate(40),
    Rotate((-180, 180), expand=True),
    Affine(30, (0.1, 0.1), (0.7, 1.4), (-10, 10, -10, 10)),
    RandAugment(2, 9),
    TrivialAugmentWide(),
]

CHAINS: list[tuple[Any, ...]] = [
    (RandomCrop(90, padding=10), Rotate(30, expand=True), HorizontalFlip(), Resize(80)),
    (
        Resize(100),
        CenterCrop(90),
        Affine(20, (0.1, 0.1), (0.8, 1.1), 5),
        RandomErasing(0.0),
        Brightness((0.5, 1.0)),
        VerticalFlip(),
    ),
]


@pytest.fixture(scope="module")
def painted() -> Manifest:
    """48 black images with a white disc each: its middle as a point, its outline as a box and a polygon, itself as a mask."""
    generator = np.random.default_rng(0)
    images, masks, points, boxes, polygons = [], [], [], [], []
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    for _ in range(48):
        height, width = generator.integers(90, 130, 2).tolist()
        x, y = generator.uniform(25, width - 25), generator.uniform(25, height - 25)
        images.append(disc(height, width, x, y))
        masks.append(np.where(images[-1][..., 0] > 127, 1, 0).astype(np.uint8))
        points.append([[x, y]])
        boxes.append([[x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]])
        polygons.append((np.stack([x + RADIUS * np.cos(around), y + RADIUS * np.sin(around)], axis=1))[None].tolist())
    return manifest_of(images, masks, points=points, boxes=boxes, polygons=polygons)


TARGETS = [Points(), Boxes(visible=0.0), Polygons(visible=0.0), Mask(fill=0)]


def moves_only(op: Any, params: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns which images a policy only moves, so that a disc stays a white disc."""
    if not isinstance(op, RandAugment | TrivialAugmentWide):
        return np.ones(len(params), bool)
    moving = [CHANGES.index(name) for name in CHANGES[:6]]
    return np.isin(params.reshape(len(params), -1, 2)[..., 0], moving).all(axis=1)


def worst(batch: Any, usable: NDArray[np.bool_]) -> tuple[float, int]:
    """Returns the largest distance in x or y between a point and what is painted, and of how many wholly visible discs."""
    errors = []
    for image, (place,), outlines in zip(batch.images, batch.targets["points"], batch.targets["polygons"], strict=True):
        if len(outlines) != 1 or not usable[len(errors)]:
            errors.append(np.nan)
            continue
        whole = np.abs(np.asarray(outlines[0]).mean(axis=0) - np.asarray(place)).max() < 1e-3  # no part of the outline was cut
        errors.append(np.abs(middle(image) - np.asarray(place)).max() if whole else np.nan)
    return float(np.nanmax(errors)), int(np.isfinite(errors).sum())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ops", [*((op,) for op in MOVING), *CHAINS], ids=lambda ops: "+".join(type(op).__name__ for op in ops))
def test_a_painted_disc_is_where_its_point_is(ops: tuple[Any, ...], backend: str, painted: Manifest) -> None:
    """What an op moves, it moves by as much as it says, to a twelfth of a pixel, and masks cover what is painted."""
    recipe = next(loader_of(painted, (*ops, CenterCrop(230)), TARGETS, FakeBackend()).recipes())
    usable = np.logical_and.reduce([moves_only(op, params) for op, params in zip(ops, recipe.params, strict=False)])
    batch = loaded(painted, (*ops, CenterCrop(230)), TARGETS, backend_of(backend))
    error, seen = worst(batch, usable)
    assert seen >= 8
    assert error < 1 / 12
    masks = np.asarray(batch.targets["mask"])[usable]
    bright = batch.images[usable].max(axis=1) > 100
    assert (masks != bright).sum() < 0.2 * bright.sum()  # a rim of less than half a pixel


def test_every_op_says_where_it_moves_places() -> None:
    """Each op is registered, as one that moves pixels or as one that does not; albumentations' depends on what it runs."""
    assert {type(op) for op in MOVING} | set(UNMOVED) == {op for op in OPS if op.__name__ != "Albumentations"}
    assert all(geometry.dispatch(op) is not geometry.dispatch(object) for op in OPS if op.__name__ != "Albumentations")
