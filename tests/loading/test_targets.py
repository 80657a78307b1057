"""Targets in batches: read and checked once, the same under every backend and after every resume, gone with what failed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataprep as dp
from dataprep.manifest import Manifest
from dataprep.testing import FakeBackend, FakeSource, encoded, photo

SIZES = ((40, 60), (50, 30), (64, 64))
ROWS = 13
OPS = (dp.RandomResizedCrop((32, 40), (0.3, 1)), dp.HorizontalFlip(), dp.Rotate(20), dp.Normalize.imagenet())
TARGETS = (
    dp.Boxes(labels=("box_labels", "crowd"), visible=0.2),
    dp.Points(unseen="nan"),
    dp.Polygons(labels="polygon_objects"),
    dp.Mask(missing="empty"),
    "caption",
    "age",
    dp.Column("scores"),
)


def rows_of(count: int = ROWS) -> dict[str, Any]:
    """Returns the columns of some images: as many boxes as the row's number leaves when divided by 4, and so on."""
    generator = np.random.default_rng(0)
    sizes = [SIZES[row % 3] for row in range(count)]
    boxes = []
    for row, (height, width) in enumerate(sizes):
        start = generator.uniform(0, [width / 2, height / 2], (row % 4, 2))
        boxes.append(np.concatenate([start, start + generator.uniform(5, [width / 2, height / 2], (row % 4, 2))], 1).tolist())
    return {
        "id": pa.array(range(count), pa.int64()),
        "uri": [f"{row:02d}.png" for row in range(count)],
        "label": ["cat"] * count,
        "digest": [f"{row:08x}" for row in range(count)],
        "height": pa.array([height for height, _ in sizes], pa.int32()),
        "width": pa.array([width for _, width in sizes], pa.int32()),
        "keep": [row != 3 for row in range(count)],
        "reason": pa.nulls(count, pa.string()),
        "twin": pa.nulls(count, pa.int64()),
        "boxes": pa.array(boxes, pa.list_(pa.list_(pa.float32(), 4))),
        "box_labels": pa.array([["cat", "dog", None][: row % 4] for row in range(count)], pa.list_(pa.string())),
        "crowd": [[row] * (row % 4) for row in range(count)],
        "points": [[[width / 2, height / 2], [3.0, 4.0]] for height, width in sizes],
        "polygons": [[[[1, 1], [20, 1], [20, 20]], [[5, 5], [25, 5], [25, 25], [5, 25]]][: row % 3] for row in range(count)],
        "polygon_objects": [[0, 1][: row % 3] for row in range(count)],
        "mask": [f"mask-{row:02d}.png" if row % 5 else None for row in range(count)],
        "caption": [f"number {row}" for row in range(count)],
        "age": pa.array([row / 2 for row in range(count)], pa.float64()),
        "scores": [[0.5] * (row % 2) for row in range(count)],
    }


def manifest_of(columns: dict[str, Any], broken: tuple[int, ...] = ()) -> Manifest:
    """Returns a manifest with files in memory, of which some may be no images."""
    files = {}
    for row, uri in enumerate(columns["uri"]):
        size = SIZES[row % 3]
        files[uri] = b"no image" if row in broken else encoded(photo(row, *size), "PNG")
        files[f"mask-{uri}"] = encoded((photo(row, *size)[..., 0] // 64), "PNG")
    return Manifest(pa.table(columns), dp.Pipeline(), FakeSource(files), (), ("cat",))


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """Thirteen images with targets of every kind, of which one is dropped."""
    return manifest_of(rows_of())


def loader_of(manifest: Manifest, backend: Any = None, targets: Any = TARGETS, ops: Any = OPS, **more: Any) -> dp.Loader:
    """Returns a loader of small batches."""
    arguments = {"batch_size": 4, "sampler": dp.Sampler(seed=3, remainder="exact")} | more
    return dp.Loader(manifest, dp.Pipeline(*ops), backend=backend or FakeBackend(), targets=targets, **arguments)


def plain(values: Any) -> Any:
    """Returns targets as plain data, NaN as None."""
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    if isinstance(values, str):
        return values
    if isinstance(values, list):
        return [plain(value) for value in values]
    array = np.asarray(values)
    return np.where(np.isnan(array), None, array).tolist() if array.dtype.kind == "f" else array.tolist()


def by_id(batches: Iterator[Any]) -> dict[int, Any]:
    """Returns the targets of each image, whatever its batch was."""
    found: dict[int, Any] = {}
    for batch in batches:
        for place, id in enumerate(np.asarray(batch.ids).tolist()):
            found[id] = plain(
                {
                    name: np.asarray(values[place]) if not isinstance(values, list) else values[place]
                    for name, values in batch.targets.items()
                }
            )
    return found


def test_what_comes_has_the_promised_form(manifest: Manifest) -> None:
    """Lists with one array for each image, masks and numbers as one array, text as strings; all of the promised types."""
    loader = loader_of(manifest)
    assert loader.vocabularies == {"box_labels": ("cat", "dog")}
    for batch in loader:
        assert isinstance(batch, dp.TargetBatch)
        count, targets = len(batch.ids), batch.targets
        assert list(targets) == [
            "boxes",
            "box_labels",
            "crowd",
            "points",
            "polygons",
            "polygon_objects",
            "mask",
            "caption",
            "age",
            "scores",
        ]
        assert all(len(values) == count for values in targets.values())
        for place, id in enumerate(batch.ids.tolist()):
            boxes, numbers, crowd = (targets[name][place] for name in ("boxes", "box_labels", "crowd"))
            assert (boxes.dtype, boxes.shape[1:], numbers.dtype, crowd.dtype) == (np.float32, (4,), np.int64, np.int64)
            assert len(boxes) == len(numbers) == len(crowd) <= id % 4
            assert (boxes[:, 2:] > boxes[:, :2]).all() and (boxes >= 0).all() and (boxes <= [40, 32, 40, 32]).all()
            assert set(numbers.tolist()) <= {0, 1, -1} and set(crowd.tolist()) <= {id}
            assert targets["points"][place].shape == (2, 2)
            outlines = targets["polygons"][place]
            assert len(outlines) == len(targets["polygon_objects"][place]) <= id % 3
            assert all(corners.dtype == np.float32 and corners.shape[1:] == (2,) for corners in outlines)
            assert targets["caption"][place] == f"number {id}" and targets["age"][place] == id / 2
            assert targets["scores"][place].tolist() == [0.5] * (id % 2)
            if id % 5 == 0:
                assert (targets["mask"][place] == 255).all()
        assert (targets["mask"].dtype, targets["mask"].shape) == (np.uint8, (count, 32, 40))


@pytest.mark.parametrize("name", ["threads", "tensors", "torch", "workers", "dali"])
def test_every_backend_delivers_the_same(manifest: Manifest, name: str) -> None:
    """The targets of each image are those of the plain loop, to the last bit, under every backend and in worker processes."""
    if name != "threads":
        pytest.importorskip("torch")
    if name == "dali":
        pytest.importorskip("nvidia.dali")
    made = {
        "threads": lambda: dp.Threads(2, output="numpy"),
        "tensors": lambda: dp.Threads(1),
        "torch": lambda: dp.Torch(workers=0, pin_memory=True),
        "workers": lambda: dp.Torch(workers=2),
        "dali": lambda: dp.Dali("cpu", threads=1),
    }
    assert by_id(iter(loader_of(manifest, made[name]()))) == by_id(iter(loader_of(manifest)))


class Unread(FakeBackend):
    """A backend that reads no file: only what was moved in the main process is there."""

    def make(self, source: Any, program: Any, recipe: Any) -> Any:
        """Returns a batch without images."""
        batch = dp.Batch(recipe.ids[:, None], recipe.labels, recipe.ids)
        return dp.Rendered(batch, targets=dp.TargetCanvas(source, recipe).finish())


UNREAD = manifest_of(rows_of())


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99),
    stop=st.integers(0, 3),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    ranks=st.integers(1, 3),
)
def test_a_resumed_run_has_the_same_targets(seed: int, stop: int, sizes: tuple[int, int], ranks: int) -> None:
    """Stopped after any batch and resumed with other batches and ranks, each image has the targets it would have had."""
    more = {
        "manifest": UNREAD,
        "backend": Unread(),
        "targets": [target for target in TARGETS if target != dp.Mask(missing="empty")],
    }
    keep: dict[str, Any] = {"remainder": "exact", "seed": seed}
    whole = by_id(iter(loader_of(**more, sampler=dp.Sampler(**keep), batch_size=sizes[0])))
    first = loader_of(**more, sampler=dp.Sampler(**keep), batch_size=sizes[0])
    batches = iter(first)
    had = by_id(batch for _, batch in zip(range(stop), batches, strict=False))
    state = first.state_dict()
    batches.close()
    rest: dict[int, Any] = {}
    for rank in range(ranks):
        loader = loader_of(**more, sampler=dp.Sampler(rank=rank, world_size=ranks, **keep), batch_size=sizes[1])
        loader.load_state_dict(state)
        rest |= by_id(iter(loader))
    assert not set(had) & set(rest) or stop * sizes[0] >= ROWS
    assert rest | had == whole


@pytest.mark.parametrize("mask_too", [False, True])
def test_targets_of_what_failed_go_with_it(mask_too: bool) -> None:
    """An image or a mask that cannot be read takes its targets along: left out, or those of what stands in its place."""
    columns = rows_of()
    if mask_too:
        columns["mask"] = [None if text is None else text.replace("mask-06", "lost") for text in columns["mask"]]
    manifest = manifest_of(columns, broken=(8,))
    failed = {8, 6} if mask_too else {8}
    whole = by_id(iter(loader_of(manifest_of(rows_of()))))
    skipped = by_id(iter(loader_of(manifest, on_error="skip")))
    assert skipped == {id: targets for id, targets in whole.items() if id not in failed}
    for batch in loader_of(manifest, on_error="replace"):
        assert failed.isdisjoint(batch.ids.tolist())
        for place, id in enumerate(batch.ids.tolist()):
            assert batch.targets["caption"][place] == f"number {id}"
            assert plain(batch.targets["boxes"][place]) == whole[id]["boxes"]
            assert plain(batch.targets["mask"][place]) == whole[id]["mask"]
    with pytest.raises(dp.LoaderError, match=r"08\.png|lost"):
        list(loader_of(manifest))


def test_classification_has_no_targets(manifest: Manifest) -> None:
    """Without targets a batch is the tuple of three that it was, and says that it has none."""
    batch = next(iter(loader_of(manifest, targets=None)))
    assert type(batch) is dp.Batch and len(batch) == 3 and batch.targets is None


def test_a_name_alone_stands_for_the_column_of_sources(manifest: Manifest) -> None:
    """The name of a canonical column stands for what sources fill it with, its labels included; another for a plain column."""
    assert by_id(iter(loader_of(manifest, targets="boxes"))) == by_id(
        iter(loader_of(manifest, targets=dp.Boxes(labels="box_labels")))
    )
    assert set(next(iter(loader_of(manifest, targets=["polygons", "age"]))).targets) == {"polygons", "polygon_objects", "age"}


def test_labels_have_one_number_in_all_parts(manifest: Manifest, tmp_path: Path) -> None:
    """The class numbers of box labels are those of the whole manifest in every split, also after it was written and read."""
    words = pa.array([["zebra"], ["ant", None], ["bee"]] * 4 + [["ant"]], pa.list_(pa.string()))
    table = manifest.table.set_column(manifest.table.column_names.index("box_labels"), "box_labels", words)
    table = table.append_column("split", pa.array((["train", "test", "val"] * 5)[:ROWS]))
    whole = replace(manifest, table=table, source=dp.Folder("nowhere"))
    for name, own in (("train", "zebra"), ("test", "ant"), ("val", "bee")):
        part = replace(whole.select(name), frozen=None)
        part.write(tmp_path / "part.parquet")
        for one in (part, Manifest.read(tmp_path / "part.parquet", manifest.source)):
            assert one.vocabulary("box_labels") == ("ant", "bee", "zebra") and own in one.table["box_labels"].to_pylist()[0]


def test_masks_are_found_in_manifests_that_were_joined(manifest: Manifest) -> None:
    """In a manifest of two, the mask of an image is still its mask, be it a file or run lengths."""
    runs = '{"size": [40, 60], "counts": [0, 2400], "value": 7}'
    columns = rows_of() | {"mask": [runs if row % 3 == 0 else f"mask-{row:02d}.png" for row in range(ROWS)]}
    alone = manifest_of(columns)
    joined = dp.concatenate({"a": alone, "b": alone})
    ops, targets = (dp.Resize((20, 20)),), dp.Mask()
    whole = by_id(iter(loader_of(alone, ops=ops, targets=targets)))
    both = by_id(iter(loader_of(joined, ops=ops, targets=targets)))
    numbers = dict(zip(joined.table["id"].to_pylist(), joined.table["part_id"].to_pylist(), strict=True))
    assert len(both) == 2 * len(whole)
    assert all(values == whole[numbers[id]] for id, values in both.items())


class Unaware(FakeBackend):
    """A backend of before there were targets."""

    def make(self, source: Any, program: Any, recipe: Any) -> Any:
        """Returns a batch without targets."""
        return super().make(source, program, recipe)._replace(targets=None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"targets": "bbox"}, "no such column; did you mean 'boxes'"),
        ({"targets": 7}, "give Boxes, Points, Polygons, Mask or Column"),
        ({"targets": [dp.Boxes]}, "give Boxes, Points, Polygons, Mask or Column"),
        ({"targets": dp.Boxes(labels="box_lables")}, "no column 'box_lables'; did you mean 'box_labels'"),
        ({"targets": ["boxes", dp.Boxes()]}, "'boxes' is asked for twice"),
        ({"targets": dp.Boxes(labels="polygon_objects")}, r"has \d of 'boxes' and \d of 'polygon_objects'"),
        (
            {"targets": dp.Mask()},
            r'nothing in the column .mask., such as .00\.png., so nobody looked at them; .* missing="empty"',
        ),
        ({"targets": dp.Mask("age")}, "it is of double; give a column of uris"),
        ({"targets": dp.Boxes("caption")}, "is text that is no JSON of lists"),
        ({"targets": dp.Boxes("age")}, "is of double, not a list for each image"),
        ({"targets": dp.Boxes("points")}, r"\[30\.0, 20\.0\], where 4 numbers are wanted"),
        ({"targets": dp.Boxes("scores")}, "numbers where a list of places is wanted"),
        ({"targets": dp.Boxes(relative=True)}, "no shares of its sides; leave relative=True out"),
        ({"targets": dp.Points(mirrored=(0, 2, 1))}, "has 2 points, not a multiple of 3"),
        ({"backend": Unaware()}, "the backend Unaware delivers no targets"),
        ({"ops": (*OPS, dp.MixUp())}, "`MixUp` blends pixels, and class numbers as of Mask"),
        ({"ops": (*OPS, dp.CutMix())}, r"`CutMix` pastes boxes over Polygons\('polygons'\), which may leave holes"),
        ({"ops": (*OPS, dp.CutMix()), "targets": dp.Points()}, "say what becomes of them, as in Points"),
        ({"ops": (*OPS, dp.CutMix()), "targets": "caption"}, "which is not a number, cannot be; leave it out"),
    ],
)
def test_what_cannot_be_is_refused_when_the_loader_is_made(manifest: Manifest, arguments: dict[str, Any], said: str) -> None:
    """A target that is misspelt, of the wrong kind, or that a stage cannot take along, is refused in a sentence."""
    with pytest.raises(dp.LoaderError, match=said):
        next(iter(loader_of(manifest, **arguments)))
