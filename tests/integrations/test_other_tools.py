"""Other tools take what dataprep makes, and the other way: data sets, shards, trees of files, tables, models."""

import gc
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dataprep as dp
from dataprep.testing import encoded, photo, write_images

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine images of three classes, a copy of one, and a file that is none."""
    made = tmp_path_factory.mktemp("photos")
    write_images(made, 9, labels=CLASSES)
    (made / "cat" / "copy.png").write_bytes(encoded(photo(50), "PNG"))
    (made / "dog" / "copy.png").write_bytes(encoded(photo(50), "PNG"))
    (made / "owl" / "torn.jpg").write_bytes(b"no image")
    return made


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dp.Manifest:
    """Ten of them are kept."""
    return dp.clean(folder, dp.Pipeline(dp.Readable(), dp.Deduplicate()), engine=dp.Local(0))


def contents(manifest: dp.Manifest) -> list[tuple[str, str]]:
    """Returns what is kept, wherever it lies: digests and labels."""
    kept = manifest.kept("digest", "label")
    return sorted(zip(kept["digest"].to_pylist(), kept["label"].to_pylist(), strict=True))


@pytest.mark.parametrize("stored", ["files", "archive"])
def test_hugging_face_both_ways(manifest: dp.Manifest, folder: Path, tmp_path: Path, stored: str) -> None:
    """A `Dataset` of the kept images has them, their classes and other columns, and cleaned again it is the same set."""
    datasets = pytest.importorskip("datasets")
    if stored == "archive":
        shutil.make_archive(str(tmp_path / "all"), "zip", folder)
        manifest = dp.clean(tmp_path / "all.zip", manifest.pipeline, engine=dp.Local(0))
    made = dp.to_huggingface(manifest, "height")
    assert made.features["label"] == datasets.ClassLabel(names=list(CLASSES))
    assert made["label"] == manifest.labels().tolist()
    assert [image.height for image in made["image"]] == made["height"] == manifest.kept()["height"].to_pylist()
    again = dp.clean(made, manifest.pipeline, engine=dp.Local(0))
    assert contents(again) == contents(manifest)
    assert again.classes == manifest.classes
    with pytest.raises(dp.DataprepError, match="'label' is there by itself"):
        dp.to_huggingface(manifest, "label")


def test_hugging_face_with_several_labels_and_numbers(folder: Path, tmp_path: Path) -> None:
    """Several labels of an image are a list of classes, and numbers to learn are numbers."""
    datasets = pytest.importorskip("datasets")
    names = sorted(str(path) for path in folder.rglob("0*.jpg"))
    (tmp_path / "many.csv").write_text("image,label\n" + "".join(f"{name},cat|dog\n" for name in names[:2]) + f"{names[2]},owl\n")
    made = dp.to_huggingface(dp.clean(tmp_path / "many.csv", dp.Pipeline(), engine=dp.Local(0)))
    assert sorted(made["labels"]) == [[0, 1], [0, 1], [2]]
    assert made.features["labels"].feature == datasets.ClassLabel(names=list(CLASSES))
    (tmp_path / "numbers.csv").write_text(
        "image,label\n" + "".join(f"{name},{place + 0.5}\n" for place, name in enumerate(names))
    )
    made = dp.to_huggingface(dp.clean(tmp_path / "numbers.csv", dp.Pipeline(), engine=dp.Local(0)))
    assert sorted(made["value"]) == [place + 0.5 for place in range(len(names))]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_both_ways(manifest: dp.Manifest, tmp_path: Path) -> None:
    """Shards that webdataset writes of the kept images are what it reads, and cleaned again they are the same set."""
    wds = pytest.importorskip("webdataset")
    kept = manifest.kept()
    with wds.ShardWriter(str(tmp_path / "kept-%02d.tar"), maxcount=4, verbose=0) as writer:
        for id, uri, label in zip(*(kept[name].to_pylist() for name in ("id", "uri", "label")), strict=True):
            writer.write({"__key__": f"{id:06d}", Path(uri).suffix[1:]: manifest.source.read(uri), "cls": label})
    shards = sorted(map(str, tmp_path.glob("*.tar")))
    read = [sample["cls"].decode() for sample in wds.WebDataset(shards, shardshuffle=False)]
    assert read == kept["label"].to_pylist()
    gc.collect()  # webdataset leaves its files open
    assert contents(dp.clean(str(tmp_path / "*.tar"), manifest.pipeline, engine=dp.Local(0))) == contents(manifest)


def test_fiftyone(manifest: dp.Manifest, tmp_path: Path) -> None:
    """What `FiftyOneImageClassificationDataset` reads by its `labels_path`: classes, and the number of each kept file's."""
    dp.export(manifest, tmp_path / "labels.json", "fiftyone")
    written = json.loads((tmp_path / "labels.json").read_text())
    assert written["classes"] == list(CLASSES)
    assert {Path(path): written["classes"][number] for path, number in written["labels"].items()} == dict(
        zip(manifest.paths(), manifest.kept()["label"].to_pylist(), strict=True)
    )
    assert all(Path(path).is_absolute() for path in written["labels"])


def test_fiftyone_without_a_label_and_with_several(folder: Path, tmp_path: Path) -> None:
    """An image without a label has null, one with several a list."""
    flat = dp.clean(dp.Folder(folder, label="none"), dp.Pipeline(dp.Readable()), engine=dp.Local(0))
    dp.export(flat, tmp_path / "flat.json", "fiftyone")
    assert set(json.loads((tmp_path / "flat.json").read_text())["labels"].values()) == {None}
    names = sorted(str(path) for path in folder.rglob("0*.jpg"))[:2]
    (tmp_path / "many.csv").write_text(f"image,label\n{names[0]},cat|dog\n{names[1]},owl\n")
    dp.export(dp.clean(tmp_path / "many.csv", dp.Pipeline(), engine=dp.Local(0)), tmp_path / "many.json", "fiftyone")
    assert json.loads((tmp_path / "many.json").read_text())["labels"] == {names[0]: [0, 1], names[1]: [2]}


def test_cleanvision(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A row for each image under its path, and a column for each kind of issue, true where that was the reason."""
    pandas = pytest.importorskip("pandas")
    dp.export(manifest, tmp_path / "issues.csv", "cleanvision")
    issues = pandas.read_csv(tmp_path / "issues.csv", index_col=0)
    assert len(issues) == len(manifest)
    assert all(Path(path).is_file() for path in issues.index)
    assert issues["is_exact_duplicates_issue"].sum() == 1
    assert issues.drop(columns="reason").to_numpy().sum() == 1
    assert issues["reason"].dropna().value_counts().to_dict() == manifest.reasons()
    assert [name for name in issues.columns if name.startswith("is_")] == [
        f"is_{issue}_issue" for issue in "odd_size dark light low_information blurry exact_duplicates near_duplicates".split()
    ]


@pytest.mark.parametrize("tool", ["duckdb", "pandas", "polars"])
def test_tables_read_a_manifest(manifest: dp.Manifest, tmp_path: Path, tool: str) -> None:
    """The file of a manifest is Parquet, which each tool reads and counts as the manifest does."""
    library: Any = pytest.importorskip(tool)
    manifest.write(tmp_path / "manifest.parquet")
    path = str(tmp_path / "manifest.parquet")
    if tool == "duckdb":
        found = library.sql(f"select reason, count(*) from '{path}' where not keep group by reason").fetchall()
        assert library.sql(f"select label from '{path}' where keep order by id").fetchall()[0] == ("cat",)
    elif tool == "pandas":
        frame = library.read_parquet(path)
        found = frame[~frame["keep"]]["reason"].value_counts().items()
    else:
        frame = library.read_parquet(path)
        found = frame.filter(~frame["keep"])["reason"].value_counts().rows()
    assert dict(found) == manifest.reasons() == {"exact duplicate": 1, "unreadable": 1}


@pytest.mark.parametrize("tool", ["pandas", "polars"])
def test_a_data_frame_is_cleaned(manifest: dp.Manifest, folder: Path, tool: str) -> None:
    """What a data frame has left of a manifest is cleaned again: paths, labels and columns of the user's own."""
    library: Any = pytest.importorskip(tool)
    rows = {"image": [str(path) for path in manifest.paths()], "label": manifest.kept()["label"].to_pylist()}
    again = dp.clean(library.DataFrame(rows | {"camera": ["a"] * 10}), manifest.pipeline, engine=dp.Local(0))
    assert contents(again) == contents(manifest)
    assert set(again.table["camera"].to_pylist()) == {"a"}


def test_scikit_learn(manifest: dp.Manifest) -> None:
    """Arrays of a loader without torch train a classifier, weighed by the classes, and evaluate it on the same images."""
    linear = pytest.importorskip("sklearn.linear_model")
    pipeline = dp.Pipeline(dp.Resize((8, 8)), dp.Normalize.imagenet())
    loader = dp.Loader(manifest, pipeline, batch_size=4, train=False, backend=dp.Threads(1, output="numpy"))
    batches = list(loader)
    features = np.concatenate([batch.images.reshape(len(batch.ids), -1) for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    assert features.shape == (10, 3 * 8 * 8)
    weights = dict(enumerate(manifest.class_weights().tolist()))
    model = linear.LogisticRegression(class_weight=weights, max_iter=500).fit(features, labels)
    assert model.score(features, labels) == 1
    assert [manifest.classes[number] for number in model.predict(features)] == manifest.kept()["label"].to_pylist()
