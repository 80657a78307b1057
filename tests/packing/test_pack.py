"""What is packed, in which form, and what is refused."""

import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import manifest_of, tree

import dataprep as dp
from dataprep.backends.cpu.render import render
from dataprep.images.resize import resize
from dataprep.testing import FakeEngine, check_source, encoded, photo, write_images

HERE = dp.Local(0)
TRAIN = dp.Pipeline(*dp.standard_rules(), dp.RandomResizedCrop(32), dp.HorizontalFlip(), dp.Normalize())

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40)
labels = st.none() | st.sampled_from(["cat", "", "a/b", "émeu", "\n"])


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dp.Manifest:
    """A cleaned folder of 20 photos, some of them PNG, and splits."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 16)
    for number in range(16, 20):
        (folder / "cat" / f"{number:04}.png").write_bytes(encoded(photo(number, 70, 50), "PNG"))
    return dp.split(dp.clean(folder, TRAIN, engine=HERE, progress=False), {"train": 0.7, "test": 0.3})


def pack(manifest: dp.Manifest, where: Path, **options: object) -> dp.Manifest:
    """Packs in this process."""
    return dp.pack(manifest, where, **{"engine": HERE, "progress": False, **options})


def members(folder: Path) -> dict[str, bytes]:
    """The files in all tars of a folder, by `tarfile`."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as opened:
            found |= {member.name: opened.extractfile(member).read() for member in opened}
    return found


@given(
    st.lists(st.tuples(names, st.binary(max_size=3000), labels), min_size=1, max_size=12, unique_by=lambda one: one[0]), st.data()
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is
def test_every_file_is_there_once(tmp_path_factory: pytest.TempPathFactory, files: list, data: st.DataObject) -> None:
    """Whatever files are called, hold and are labelled, the reader and `tarfile` give the bytes of each, under its label."""
    where = tmp_path_factory.mktemp("packed")
    files = sorted((f"{name}.jpg", content, label) for name, content, label in files)
    known = manifest_of({uri: content for uri, content, _ in files}, label=[label for _, _, label in files])
    packed = pack(
        known, where / "out", shard=data.draw(st.integers(10_240, 40_000)), seed=data.draw(st.none() | st.integers(0, 9))
    )
    found = {row["source_uri"]: (packed.source.read(row["uri"]), row["label"]) for row in packed.table.to_pylist()}
    assert found == {uri: (content, label) for uri, content, label in files}
    assert Counter(content for name, content in members(where / "out").items() if name.endswith(".jpg")) == Counter(
        content for _, content, _ in files
    )
    said = [json.loads(content) for name, content in sorted(members(where / "out").items()) if name.endswith(".json")]
    assert [one["uri"] for one in said] == packed.table["source_uri"].to_pylist()
    assert {one["uri"]: one["label"] for one in said} == {uri: label for uri, _, label in files}
    check_source(packed.source)


@pytest.mark.parametrize(
    "options", [{}, {"side": 48}, {"side": 48, "raw": True}, {"quality": 70}, {"seed": None}, {"split": "train"}]
)
def test_the_same_bytes_each_time(manifest: dp.Manifest, tmp_path: Path, options: dict) -> None:
    """Whoever makes the shards, in whatever order, the files are the same, and nothing but the packed files."""
    pack(manifest, tmp_path / "here", shard=30_000, **options)
    pack(manifest, tmp_path / "shuffled", shard=30_000, engine=FakeEngine(shuffle=1), **options)
    assert tree(tmp_path / "here") == tree(tmp_path / "shuffled")
    if options == {"side": 48}:
        pack(manifest, tmp_path / "processes", shard=30_000, engine=dp.Local(2), **options)
        assert tree(tmp_path / "here") == tree(tmp_path / "processes")
    stems = {Path(name).stem for name in tree(tmp_path / "here")} - {"manifest"}
    assert set(tree(tmp_path / "here")) == {
        "manifest.parquet",
        *(f"{stem}{kind}" for stem in stems for kind in (".tar", ".parquet")),
    }


def test_each_split_has_its_own_shards(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A shard holds images of one split, which its name says, in an order that a seed shuffles."""
    packed = pack(manifest, tmp_path / "a", shard=30_000)
    uris = zip(packed.table["uri"].to_pylist(), packed.table["split"].to_pylist(), strict=True)
    assert all(uri.startswith(f"{split}-0") for uri, split in uris)
    other = pack(manifest, tmp_path / "b", shard=30_000, seed=1)
    assert other.table["source_uri"].to_pylist() != packed.table["source_uri"].to_pylist()
    assert sorted(other.table["source_uri"].to_pylist()) == sorted(manifest.kept("uri")["uri"].to_pylist())
    plain = pack(manifest.select("train"), tmp_path / "c", seed=None)
    assert plain.table["source_uri"].to_pylist() == manifest.select("train").kept("uri")["uri"].to_pylist()
    assert plain.packed["shuffled"] is None and packed.packed["shuffled"] == 0


def test_shards_are_about_as_large_as_asked(tmp_path: Path) -> None:
    """No tar is larger than asked by more than an image, and none is a small rest."""
    packed = pack(manifest_of({f"{n:03}.jpg": bytes(5_000) for n in range(100)}), tmp_path / "out", shard=60_000)
    sizes = [path.stat().st_size for path in (tmp_path / "out").glob("*.tar")]
    assert len(sizes) == len(packed.table["shard"].unique()) > 8
    assert max(sizes) < 80_000 and min(sizes) > 40_000


def test_a_packed_manifest_is_a_manifest(manifest: dp.Manifest, tmp_path: Path) -> None:
    """It is read back as it was, has the classes, statistics and verdicts of before, new ids in order, and can be judged."""
    packed = pack(manifest, tmp_path / "out", shard=30_000)
    again = dp.Manifest.read(tmp_path / "out")
    assert again == packed or (again.table.equals(packed.table) and again.source == packed.source)
    assert again.packed == packed.packed
    assert packed.table["id"].to_pylist() == list(range(len(manifest.kept())))
    assert (packed.classes, packed.statistics) == (manifest.classes, manifest.statistics)
    assert set(packed.table.column_names) > set(manifest.table.column_names)
    assert len(packed.judge(dp.Pipeline(dp.Require("width", least=1000))).kept()) == 0
    assert packed.select("test").class_counts() == manifest.select("test").class_counts()
    assert sorted(packed.table["source_id"].to_pylist()) == sorted(manifest.kept("id")["id"].to_pylist())


@pytest.mark.parametrize("options", [{"side": 48}, {"side": 48, "raw": True}, {"raw": True}, {"quality": 95}])
def test_statistics_stay(manifest: dp.Manifest, tmp_path: Path, options: dict) -> None:
    """Where other pixels are stored, what images are normalised by stays what it was."""
    assert pack(manifest, tmp_path / "out", **options).statistics == manifest.statistics
    assert dp.Manifest.read(tmp_path / "out").statistics == manifest.statistics


def test_it_may_be_moved(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A folder of shards is read where it is now."""
    packed = pack(manifest, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    moved = dp.Manifest.read(tmp_path / "elsewhere")
    assert moved.source == dp.Shards(tmp_path / "elsewhere")
    assert moved.source.read(packed.table["uri"][3].as_py()) == manifest.source.read(packed.table["source_uri"][3].as_py())
    assert moved.fingerprint == packed.fingerprint


def test_the_batches_are_the_same(manifest: dp.Manifest, tmp_path: Path) -> None:
    """From originals in tars the same recipe makes the same pixels as from their files, by processes too."""
    packed = pack(manifest, tmp_path / "out", shard=30_000)
    loader = dp.Loader(packed, batch_size=6, train=False, backend=dp.Threads(2, output="numpy"))
    before = dict(zip(packed.table["uri"].to_pylist(), packed.table["source_uri"].to_pylist(), strict=True))
    for recipe, batch in zip(loader.recipes(), loader, strict=True):
        files = recipe._replace(uris=[before[uri] for uri in recipe.uris], stamps=None)
        assert np.array_equal(batch.images, render(manifest.source, loader.program, files).batch.images)


def test_raw_pixels_are_those_of_resize(manifest: dp.Manifest, tmp_path: Path) -> None:
    """What is stored raw at a side are the pixels of `Resize` to it, to the last bit; what is smaller stays as it is."""
    packed = pack(manifest, tmp_path / "out", side=60, raw=True)
    sizes = set()
    for row in packed.table.to_pylist():
        original = dp.decode(manifest.source.read(row["source_uri"])).image
        size = row["height"], row["width"]
        drawn = dp.Resize(60).draw(np.empty((1, 0)), np.array([original.shape[:2]]))[0][0]
        assert size == (tuple(drawn.astype(int).tolist()) if min(original.shape[:2]) > 60 else original.shape[:2])
        assert np.array_equal(dp.decode(packed.source.read(row["uri"])).image, resize(original, size))
        sizes.add(min(size))
    assert sizes == {50, 60}


def test_jpegs_are_upright_and_smaller(tmp_path: Path) -> None:
    """Stored as JPEG, an image has the size that the manifest says, turned as its EXIF asks, and no EXIF that turns it again."""
    exif = dp.decode  # the file is turned by Pillow's own writer
    import PIL.Image

    (tmp_path / "in").mkdir()
    for orientation in range(1, 9):
        tags = PIL.Image.Exif()
        tags[274] = orientation
        PIL.Image.fromarray(photo(orientation, 120, 200)).save(tmp_path / "in" / f"{orientation}.jpg", exif=tags, quality=95)
    known = dp.clean(tmp_path / "in", dp.Pipeline(), engine=HERE, progress=False)
    packed = pack(known, tmp_path / "out", side=64)
    for row in packed.table.to_pylist():
        data = packed.source.read(row["uri"])
        found = dp.decode(data)
        assert (found.height, found.width) == (row["height"], row["width"]) and min(row["height"], row["width"]) == 64
        assert (row["bytes"], row["digest"]) == (len(data), hashlib.sha256(data).digest())
        whole = exif(known.source.read(row["source_uri"])).image
        assert np.abs(resize(whole, found.image.shape[:2]).astype(int) - found.image).mean() < 6


def test_targets_are_moved_and_told(tmp_path: Path) -> None:
    """Boxes, points and outlines of smaller images are where the pixels went, in the manifest and beside each image."""
    columns = {
        "boxes": [[[0, 0, 200, 100], [20, 10, 40, 50]]],
        "box_labels": [["all", "part"]],
        "points": [[[100, 50], [float("nan"), float("nan")]]],
        "polygons": [[[[0, 0], [200, 0], [200, 100]]]],
        "caption": ["two \N{SNOWMAN}"],
    }
    files = {"a.png": encoded(photo(1, 100, 200), "PNG")}
    known = manifest_of(files, **columns, height=[100], width=[200])
    packed = pack(known, tmp_path / "out", side=50)
    row = packed.table.to_pylist()[0]
    assert row["boxes"] == [[0, 0, 100, 50], [10, 5, 20, 25]] and row["polygons"] == [[[0, 0], [100, 0], [100, 50]]]
    assert row["points"][0] == [50, 25] and np.isnan(row["points"][1]).all()
    said = json.loads(members(tmp_path / "out")["000000000000.json"])
    assert said["boxes"] == row["boxes"] and said["points"] == [[50, 25], [None, None]]
    assert said["caption"] == "two \N{SNOWMAN}" and said["box_labels"] == ["all", "part"]


@pytest.mark.parametrize("side", [None, 30])
@pytest.mark.parametrize("kind", ["file", "runs"])
def test_masks_go_along(tmp_path: Path, side: int | None, kind: str) -> None:
    """The mask of an image, a file or run lengths, is there in the size of the image, with the same class numbers."""
    mask = np.zeros((60, 80), np.uint8)
    mask[10:40, 20:60] = 7
    runs = json.dumps([{"size": [60, 80], "counts": _counts(mask == 7), "value": 7}])
    files = {"a.png": encoded(photo(1, 60, 80), "PNG"), "m.png": encoded(mask, "PNG")}
    known = manifest_of(
        files, mask=["m.png" if kind == "file" else runs, None], height=[60, 60], width=[80, 80], keep=[True, False]
    )
    pipeline = dp.Pipeline(dp.Resize((30, 40)), dp.Normalize((0.5,) * 3, (0.5,) * 3))
    packed = pack(known, tmp_path / "out", side=side)
    (batch,) = dp.Loader(packed, pipeline, batch_size=1, targets=dp.Mask("mask"), backend=dp.Threads(1, output="numpy"))
    (before,) = dp.Loader(known, pipeline, batch_size=1, targets=dp.Mask("mask"), backend=dp.Threads(1, output="numpy"))
    assert np.array_equal(batch.targets["mask"], before.targets["mask"]) and set(np.unique(batch.targets["mask"])) == {0, 7}


def _counts(mask: np.ndarray) -> list[int]:
    """The run lengths of a mask, column by column, as COCO counts them."""
    flat = mask.T.reshape(-1)
    borders = np.flatnonzero(np.diff(np.concatenate([[False], flat, [not flat[-1]]]).astype(int)))
    return np.diff([0, *borders]).tolist()


@pytest.mark.parametrize("change", ["content", "gone"])
def test_a_changed_file_is_named(folder: Path, tmp_path: Path, change: str) -> None:
    """What was changed since the scan ends the pack with its name, or is left out and told; then all else is there."""
    known = dp.clean(folder, dp.Pipeline(), engine=HERE, progress=False)
    victim = folder / known.table["uri"][5].as_py()
    victim.write_bytes(b"other") if change == "content" else victim.unlink()
    with pytest.raises(dp.SourceError, match=f"{known.table['uri'][5]}.*(changed since|No such file).*clean.*on_error"):
        pack(known, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.parquet")) if (tmp_path / "out").exists() else True
    packed = pack(known, tmp_path / "out", on_error="skip")
    assert len(packed) == len(known) - 1 and known.table["uri"][5].as_py() not in packed.table["source_uri"].to_pylist()
    assert "1 image left out" in packed.remarks[-1] and known.table["uri"][5].as_py() in packed.remarks[-1]
    assert dp.Manifest.read(tmp_path / "out").remarks == packed.remarks


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 40}, r"side=None.*now it is side=40"),
        ({"shard": "1GB"}, r"shard=256000000"),
        ({"seed": 5}, r"seed=0.*seed=5"),
        ({"split": "train"}, "another manifest|does not write"),
    ],
)
def test_shards_of_another_pack_are_refused(manifest: dp.Manifest, tmp_path: Path, options: dict, said: str) -> None:
    """Into a folder of shards nothing else is packed, the error says what differs, and no file is touched."""
    pack(manifest, tmp_path / "out")
    before = tree(tmp_path / "out")
    with pytest.raises(dp.DataprepError, match=said):
        pack(manifest, tmp_path / "out", **options)
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["foreign.tar", "foreign.parquet", "manifest.parquet"])
def test_files_of_others_are_not_touched(manifest: dp.Manifest, tmp_path: Path, name: str) -> None:
    """A tar, a table or a manifest of something else in the folder ends the pack before anything is written."""
    (tmp_path / "out").mkdir()
    manifest.write(tmp_path / "out" / name)
    before = tree(tmp_path / "out")
    with pytest.raises(dp.DataprepError, match=name):
        pack(manifest, tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_not_into_the_source(folder: Path) -> None:
    """Shards are not written among the images."""
    known = dp.clean(folder, dp.Pipeline(), engine=HERE, progress=False)
    for where in (folder, folder / "deep" / "er"):
        with pytest.raises(dp.DataprepError, match="in the source"):
            pack(known, where)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 0}, "side=0"),
        ({"side": "x"}, "side='x'"),
        ({"side": True}, "side=True"),
        ({"quality": 101}, "quality=101"),
        ({"shard": "many"}, "shard='many'.*256MB"),
        ({"shard": 5}, "shard=5"),
        ({"shard": None}, "shard=None"),
        ({"seed": 0.5}, "seed=0.5"),
        ({"raw": 1.5}, "raw=1.5"),
        ({"raw": True, "quality": 90}, "one of the two"),
        ({"on_error": "replace"}, "on_error='replace'"),
        ({"split": "no"}, "no split 'no'"),
    ],
)
def test_wrong_options_are_named(manifest: dp.Manifest, tmp_path: Path, options: dict, said: str) -> None:
    """An option that cannot be is refused by its name and value, before anything is made."""
    with pytest.raises(dp.DataprepError, match=said):
        pack(manifest, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", ["256MB", "256 mb", "244.140625MiB", 256_000_000, np.int64(256_000_000), "0.256GB"])
def test_sizes_as_people_write_them(size: object) -> None:
    """A size is bytes, or a number with its unit."""
    from dataprep.packing.options import Options

    assert Options(shard=size).shard == 256_000_000


def test_nothing_kept(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A manifest that keeps nothing cannot be packed."""
    with pytest.raises(dp.DataprepError, match="keeps no image"):
        pack(manifest.judge(dp.Pipeline(dp.Require("width", least=10_000))), tmp_path / "out")


def test_twins_get_their_new_ids(tmp_path: Path) -> None:
    """Where a kept image names the twin that it has, it names it by its new id; one that is not packed is null."""
    known = manifest_of({f"{n}.jpg": bytes([n]) for n in range(6)}, twin=[None, 0, 15, None, None, 9], keep=[True] * 5 + [True])
    known = dp.Manifest(known.table.slice(0, 5), known.pipeline, known.source, (), ())
    rows = {row["source_uri"]: row for row in pack(known, tmp_path / "out").table.to_pylist()}
    assert rows["1.jpg"]["twin"] == rows["0.jpg"]["id"] and rows["2.jpg"]["twin"] is None


def test_a_run_does_not_move_to_shards(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A state of a run on files is refused by the loader of their shards, which draws by other ids, and says so."""
    backend = dp.Threads(1, output="numpy")
    loader = dp.Loader(manifest, batch_size=4, backend=backend)
    next(iter(loader))
    with pytest.raises(dp.StateError, match="manifest"):
        dp.Loader(pack(manifest, tmp_path / "out"), batch_size=4, backend=backend).load_state_dict(loader.state_dict())


def test_the_index_says_what_it_is(manifest: dp.Manifest, tmp_path: Path) -> None:
    """The Parquet file beside a tar has the rows of that tar, its size and digest, and the pack that it belongs to."""
    packed = pack(manifest, tmp_path / "out", shard=30_000)
    rows = []
    for path in sorted((tmp_path / "out").glob("*-*.tar")):
        index = pq.read_table(path.with_suffix(".parquet"))
        about = json.loads(index.schema.metadata[b"dataprep.shard"])
        assert about["fingerprint"] == packed.packed["fingerprint"]
        assert about["tar"] == {"bytes": path.stat().st_size, "digest": hashlib.sha256(path.read_bytes()).hexdigest()}
        rows += index.to_pylist()
    assert sorted(rows, key=lambda row: row["id"]) == packed.table.to_pylist()


def test_as_a_tree(manifest: dp.Manifest, tmp_path: Path) -> None:
    """Packed images are written as files below their split and label, called as files of their format are."""
    packed = pack(manifest, tmp_path / "out", shard=30_000)
    dp.materialize(packed, tmp_path / "tree", "copy")
    files = [path for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".jpg", ".png"}
    assert {path.parent.parent.relative_to(tmp_path / "tree").as_posix() for path in files} == {
        f"{split}/{label}" for split in ("train", "test") for label in ("cat", "dog")
    }
    assert sorted(path.read_bytes() for path in files) == sorted(
        packed.source.read(uri) for uri in packed.table["uri"].to_pylist()
    )


class Dying:
    """An engine whose processes die at every second shard."""

    def map(self, function: Any, batches: Any, lost: Any) -> Any:
        for number, batch in enumerate(batches):
            yield lost(batch, "the process died: killed") if number % 2 else function(batch)


def test_a_process_that_dies(manifest: dp.Manifest, tmp_path: Path) -> None:
    """A shard whose process died is named, what is finished stays, and the same call goes on."""
    with pytest.raises(dp.DataprepError, match=r"-000001 could not be made: the process died: killed; .*stay"):
        pack(manifest, tmp_path / "out", shard=30_000, engine=Dying())
    assert [name for name in tree(tmp_path / "out") if name.endswith(".parquet")]
    pack(manifest, tmp_path / "out", shard=30_000)
    pack(manifest, tmp_path / "whole", shard=30_000)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
