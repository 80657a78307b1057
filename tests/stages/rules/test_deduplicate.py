"""Duplicates: one of each group stays, the best one, whatever the order of the rows."""

import math
from collections.abc import Callable
from typing import Any

import attrs
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.cleaning.measure import measure_batch
from dataprep.errors import PipelineError
from dataprep.images.views import luminance, reduce
from dataprep.search import hamming
from dataprep.sources import Folder
from dataprep.stages import AverageHash, ColorHash, CropResistantHash, Deduplicate, DHash, PHash, Readable, WaveletHash
from dataprep.testing import encoded, photo
from dataprep.types import Image


def trusting(*given: Any, **options: Any) -> Deduplicate:
    """The rule without its proof, for tables that have hashes only."""
    return Deduplicate(*given, **{"proof": None} | options)


def random_table(seed: int, size: int, radius: int) -> pa.Table:
    """Rows of which many have the same content, the same or nearby hashes, and equal sizes."""
    generator = np.random.default_rng(seed)
    hashes = generator.integers(0, 256, (max(1, size // 4), 8), np.uint8)
    codes = hashes[generator.integers(len(hashes), size=size)]
    for code in codes:
        for bit in generator.choice(64, generator.integers(0, radius + 2), replace=False):
            code[bit // 8] ^= 1 << bit % 8
    contents = generator.integers(0, max(1, size * 3 // 4), size)  # equal numbers: equal bytes
    side = generator.integers(1, 4, size)[contents]
    columns: dict[str, Any] = {
        "id": np.arange(size) * 3 + 7,
        "uri": [f"{place:04d}.jpg" for place in generator.permutation(size)],
        "digest": [f"{content:064x}" for content in contents],
        "bytes": generator.integers(1, 4, size)[contents],
        "height": (side * 10).astype(np.int32),
        "width": np.full(size, 10, np.int32),
        "phash64": pa.array([codes[content].tobytes() for content in contents], pa.binary(8)),
        "split": pa.array([None] * size, pa.string()),
        "label": pa.array([None] * size, pa.string()),
    }
    return pa.table(columns)


SPACE = (st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 12))


def code_of(table: pa.Table, id: int) -> np.ndarray:
    """The hash of a record."""
    (row,) = np.flatnonzero(table["id"].to_numpy() == id)
    return np.frombuffer(table["phash64"][int(row)].as_py(), np.uint8)[None]


@given(*SPACE)
def test_stars(seed: int, size: int, radius: int) -> None:
    """A dropped image is within the radius of its twin, the twin is kept, and kept images are beyond the radius of each other."""
    table = random_table(seed, size, radius)
    drops = trusting(radius=radius, verify=None).judge(table)
    dropped = dict(zip(drops.ids, drops.twins, strict=True))
    kept = set(table["id"].to_pylist()) - set(dropped)
    near = {id: twin for (id, twin), reason in zip(dropped.items(), drops.reasons, strict=True) if reason == "near duplicate"}
    assert len(dropped) == len(drops.ids)
    assert set(near.values()) <= kept
    for place, (id, twin) in enumerate(zip(drops.ids, drops.twins, strict=True)):
        assert twin is not None
        distance = hamming(code_of(table, id), code_of(table, twin))[0]
        assert drops.details[place] == ("same content" if id not in near else f"distance {distance}")
        assert drops.distances[place] == distance
        assert distance <= radius
    codes = np.concatenate([code_of(table, id) for id in sorted(kept)])
    distances = hamming(codes[:, None], codes[None])
    assert (distances[np.triu_indices(len(codes), 1)] > radius).all()


@given(*SPACE)
def test_twins_are_kept(seed: int, size: int, radius: int) -> None:
    """Every twin is a kept image."""
    table = random_table(seed, size, radius)
    drops = trusting(radius=radius, verify=None).judge(table)
    assert not set(drops.twins) & set(drops.ids)


@given(*SPACE, st.randoms(use_true_random=False))
def test_order_plays_no_part(seed: int, size: int, radius: int, random: Any) -> None:
    """The same contents are kept whatever the order of the rows, and so whatever the order of files or results."""
    table = random_table(seed, size, radius)
    shuffled = table.take(random.sample(range(size), size))
    twins = []
    for rows in (table, shuffled):
        drops = trusting(radius=radius, verify=None).judge(rows)
        twins.append(dict(zip(drops.ids, drops.twins, strict=True)))
    assert twins[0] == twins[1]


@given(*SPACE)
def test_names_play_no_part(seed: int, size: int, radius: int) -> None:
    """The same contents are kept whatever the files are called, where no name is that of a copy."""
    table = random_table(seed, size, radius)
    renamed = table.set_column(1, "uri", table["uri"].take(np.random.default_rng(seed).permutation(size)))
    kept = []
    for rows in (table, renamed):
        dropped = trusting(radius=radius, verify=None).judge(rows).ids
        kept.append(sorted(rows.filter(~np.isin(rows["id"].to_numpy(), dropped))["digest"].to_pylist()))
    assert kept[0] == kept[1]


@given(*SPACE)
def test_again(seed: int, size: int, radius: int) -> None:
    """What was kept is kept: judging it again drops nothing."""
    table = random_table(seed, size, radius)
    rule = trusting(radius=radius, verify=None)
    kept = table.filter(~np.isin(table["id"].to_numpy(), rule.judge(table).ids))
    assert rule.judge(kept).ids == []


@given(*SPACE)
def test_exact_only(seed: int, size: int, radius: int) -> None:
    """Without a hash, what is dropped are all but one of each content."""
    table = random_table(seed, size, radius)
    drops = trusting(by=None).judge(table)
    digest = dict(zip(table["id"].to_pylist(), table["digest"].to_pylist(), strict=True))
    assert len(drops.ids) == size - len(set(digest.values()))
    assert all(digest[id] == digest[twin] for id, twin in zip(drops.ids, drops.twins, strict=True) if twin is not None)
    assert set(drops.reasons) <= {"exact duplicate"}


def test_chain() -> None:
    """Images that form a chain, each like the next, do not all fall to one: every dropped one is like the one kept for it."""
    codes = [((1 << 6 * place) - 1).to_bytes(8) for place in range(10)]  # 6 more bits each
    rows = [
        {"id": place, "uri": str(place), "digest": str(place), "bytes": 1, "height": 100 - place, "width": 1}
        | {"phash64": code, "split": "all", "label": "cat"}
        for place, code in enumerate(codes)
    ]
    drops = trusting(radius=8, verify=None).judge(pa.Table.from_pylist(rows))
    assert dict(zip(drops.ids, drops.twins, strict=True)) == {1: 0, 3: 2, 5: 4, 7: 6, 9: 8}
    assert set(drops.details) == {"distance 6"}


def test_no_rows() -> None:
    """No rows, no drops."""
    assert trusting(radius=8, verify=None).judge(random_table(0, 5, 0).slice(0, 0)).ids == []


@pytest.mark.parametrize(("by", "radius"), [(PHash(), -1), (PHash(), 32), (DHash(256), 128)])
def test_radius(by: PHash | DHash, radius: int) -> None:
    """A radius of half the bits or more, or below 0, is refused."""
    with pytest.raises(PipelineError, match=rf"radius={radius}.* is 0 to {by.bits // 2 - 1}"):
        trusting(by, radius)


HASHES = [kind() for kind in (AverageHash, ColorHash, CropResistantHash, DHash, PHash, WaveletHash)] + [PHash(256), DHash(256)]


def with_hash(table: pa.Table, hash: Any, seed: int, radius: int) -> pa.Table:
    """The table with a hash, one to four in a row for `CropResistantHash`, many near each other; the same for a content."""
    generator = np.random.default_rng(seed)
    width = hash.bits // 8
    bases = generator.integers(0, 256, (4, width), np.uint8)
    rows: dict[str, bytes] = {}
    for digest in table["digest"].to_pylist():
        codes = bases[generator.integers(4, size=generator.integers(1, 5) if isinstance(hash, CropResistantHash) else 1)]
        for code in codes:
            for bit in generator.choice(hash.bits, generator.integers(0, radius + 2), replace=False):
                code[bit // 8] ^= 1 << bit % 8
        rows.setdefault(digest, codes.tobytes())
    column = pa.array([rows[digest] for digest in table["digest"].to_pylist()], hash.fields[0].type)
    name = hash.fields[0].name
    return table.drop_columns([name] if name in table.column_names else []).append_column(name, column)


def nearest(hash: Any, one: bytes, other: bytes) -> int:
    """The bits between the nearest of two images' hashes, one by one."""
    width = hash.bits // 8
    cut = [[int.from_bytes(row[at : at + width]) for at in range(0, len(row), width)] for row in (one, other)]
    return min((left ^ right).bit_count() for left in cut[0] for right in cut[1])


def judged_by_hand(table: pa.Table, rule: Deduplicate) -> dict[int, int]:
    """The images that are dropped and their twins: each image, the best first, falls to the best kept one that it is like."""

    def preference(row: dict[str, Any]) -> tuple[Any, ...]:
        pixels = row["height"] * row["width"]
        steps = math.floor(np.log(row["bytes"] / pixels) / np.log(1.25))
        return -pixels, -steps, -row["bytes"], row["digest"], row["uri"]

    rows = sorted(table.to_pylist(), key=preference)
    hashes = [(rule.by, rule.radius)] + ([(rule.verify, rule.verify_radius)] if rule.verify else [])
    kept: list[dict[str, Any]] = []
    twins = {}
    for row in rows:
        like = (
            other
            for other in kept
            if all(nearest(hash, row[hash.fields[0].name], other[hash.fields[0].name]) <= radius for hash, radius in hashes)
        )
        twin = next(like, None)
        if twin is None:
            kept.append(row)
        else:
            twins[row["id"]] = twin["id"]
    return twins


PAIRS = [*((hash, None) for hash in HASHES), *((PHash(), hash) for hash in HASHES), (CropResistantHash(), ColorHash())]


@pytest.mark.parametrize(("by", "verify"), PAIRS, ids=repr)
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40))
def test_every_hash(by: Any, verify: Any, seed: int, size: int) -> None:
    """By any hash, and verified by any, the images that fall and their twins are those found one by one."""
    rule = trusting(by, verify=verify)
    table = with_hash(random_table(seed, size, 3), by, seed, rule.radius)
    if verify not in (None, by):
        table = with_hash(table, verify, seed + 1, rule.verify_radius)
    drops = rule.judge(table)
    assert dict(zip(drops.ids, drops.twins, strict=True)) == judged_by_hand(table, rule)


@pytest.mark.parametrize("hash", HASHES, ids=repr)
def test_radius_of_every_hash(hash: Any) -> None:
    """A hash has radii by default that it allows, and beyond what unrelated pictures differ in the error names one that suits."""
    rule = trusting(by=hash, verify=hash)
    assert (rule.radius, rule.verify_radius) == hash.radii
    assert rule == trusting(hash, hash.radii[0], hash, hash.radii[1])
    most = hash.unrelated - 1
    assert trusting(hash, most, hash, most).radius == most
    for wrong in (-1, most + 1, 2.5, "8"):
        with pytest.raises(PipelineError, match=rf"Deduplicate\(radius={wrong!r}\).* is 0 to {most}, such as {hash.radii[0]};"):
            trusting(hash, wrong)
        with pytest.raises(PipelineError, match=rf"\(verify_radius={wrong!r}\).* is 0 to {most}, such as {hash.radii[1]};"):
            trusting(verify=hash, verify_radius=wrong)


@pytest.mark.parametrize("invariant", ["flip", "dihedral"])
@pytest.mark.parametrize("name", ["by", "verify"])
def test_regions_have_no_mirrored_copies(invariant: Any, name: str) -> None:
    """A hash that would miss mirrored copies, or refuse them, is refused where they are asked for."""
    with pytest.raises(PipelineError, match=rf"invariant='{invariant}'.*CropResistantHash.* knows no mirrored or turned copies"):
        trusting(**{name: CropResistantHash()}, invariant=invariant)
    assert trusting(by=None, verify=CropResistantHash(), invariant=invariant).needs == ()


def test_palettes_need_no_variants() -> None:
    """`ColorHash` is measured once, for mirrored, turned and cropped copies too."""
    assert trusting(by=ColorHash(), verify=None, invariant="dihedral", views=True).needs == (ColorHash(),)


def with_second_hash(table: pa.Table, seed: int) -> pa.Table:
    """The table with a second hash, which agrees for about half of the rows."""
    codes = np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), (len(table), 1)).repeat(32, axis=1)
    of_digest = dict(zip(table["digest"].to_pylist(), codes, strict=True))  # the same content has the same hash
    second = [of_digest[digest].tobytes() for digest in table["digest"].to_pylist()]
    return table.append_column("phash256", pa.array(second, pa.binary(32)))


@given(*SPACE)
def test_second_hash_must_agree(seed: int, size: int, radius: int) -> None:
    """An image is a near duplicate only of one that both hashes find near it, and no two kept ones are near in both."""
    table = with_second_hash(random_table(seed, size, radius), seed)
    drops = trusting(radius=radius, verify_radius=80).judge(table)
    second = dict(zip(table["id"].to_pylist(), table["phash256"].to_pylist(), strict=True))
    for id, twin in zip(drops.ids, drops.twins, strict=True):
        assert twin is not None
        assert second[id] == second[twin]
        assert hamming(code_of(table, id), code_of(table, twin))[0] <= radius
    kept = sorted(set(table["id"].to_pylist()) - set(drops.ids))
    for place, id in enumerate(kept):
        for other in kept[:place]:
            assert hamming(code_of(table, id), code_of(table, other))[0] > radius or second[id] != second[other]


@given(*SPACE, st.booleans())
def test_protected_splits(seed: int, size: int, radius: int, exact_only: bool) -> None:
    """A protected image always stays, a copy of one elsewhere is a leak, and no kept image is a copy of a protected one."""
    table = random_table(seed, size, radius)
    splits = np.random.default_rng(seed).choice(["train", "test", "val"], size).tolist()
    table = table.set_column(table.column_names.index("split"), "split", pa.array(splits))
    rule = trusting(by=None if exact_only else PHash(), radius=radius, verify=None, protect=("test", "val"))
    drops = rule.judge(table)
    split = dict(zip(table["id"].to_pylist(), splits, strict=True))
    assert {split[id] for id in drops.ids} <= {"train"}
    for id, reason, twin, distance in zip(drops.ids, drops.reasons, drops.twins, drops.distances, strict=True):
        assert twin is not None
        assert (reason == "leak") == (split[twin] != "train")
        assert distance == (0 if exact_only else hamming(code_of(table, id), code_of(table, twin))[0])
    kept = set(table["id"].to_pylist()) - set(drops.ids)
    digest = dict(zip(table["id"].to_pylist(), table["digest"].to_pylist(), strict=True))
    for id in kept:
        for other in kept - {id}:
            if split[id] == "train" and split[other] != "train":
                assert digest[id] != digest[other]
                assert exact_only or hamming(code_of(table, id), code_of(table, other))[0] > radius


@given(*SPACE)
def test_conflicts(seed: int, size: int, radius: int) -> None:
    """On request a group goes whole where its labels disagree, and nothing else changes."""
    table = random_table(seed, size, radius)
    labels = np.random.default_rng(seed).choice(["cat", "dog", None], size).tolist()
    table = table.set_column(table.column_names.index("label"), "label", pa.array(labels, pa.string()))
    label = dict(zip(table["id"].to_pylist(), labels, strict=True))
    before = trusting(radius=radius, verify=None).judge(table)
    after = trusting(radius=radius, verify=None, conflicts="drop").judge(table)
    groups: dict[int, set[int]] = {}
    for id, twin in zip(before.ids, before.twins, strict=True):
        assert twin is not None
        groups.setdefault(twin, {twin}).add(id)
    torn = {id for group in groups.values() if len({label[id] for id in group} - {None}) > 1 for id in group}
    reasons = dict(zip(after.ids, after.reasons, strict=True))
    assert {id for id, reason in reasons.items() if reason == "label conflict"} == torn
    assert set(reasons) == set(before.ids) | torn
    distances = dict(zip(before.ids, before.distances, strict=True))
    assert after.distances == [distances.get(id) for id in after.ids]


@given(*SPACE, st.booleans(), st.randoms(use_true_random=False))
def test_majority(seed: int, size: int, radius: int, exact_only: bool, random: Any) -> None:
    """By majority, what is kept has the label that more than half of its copies have; all else holds as without labels."""
    table = random_table(seed, size, radius)
    labels = np.random.default_rng(seed).choice(["cat", "cat", "dog", None], size).tolist()
    splits = np.random.default_rng(seed + 1).choice(["train", "train", "test"], size).tolist()
    for name, values in (("label", labels), ("split", splits)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    rule = trusting(*([None] if exact_only else []), radius=radius, verify=None, protect=("test",), conflicts="majority")
    drops, rows = rule.judge(table), {row["id"]: row for row in table.to_pylist()}
    kept, twins = rows.keys() - set(drops.ids), dict(zip(drops.ids, drops.twins, strict=True))
    assert {id for id in rows if rows[id]["split"] == "test"} <= kept
    copies: dict[int, list[int]] = {}
    for id, reason, detail, twin in zip(drops.ids, drops.reasons, drops.details, drops.twins, strict=True):
        if reason == "label conflict":
            assert ("no majority" in detail) == (twin not in kept)
            assert "no majority" in detail or f"labelled {rows[id]['label']!r}" not in detail
        else:
            assert twin in kept
            copies.setdefault(twin, []).append(id)
            assert exact_only or hamming(code_of(table, id), code_of(table, twin))[0] <= radius
    for twin, group in copies.items():
        given_labels = {rows[id]["label"] for id in (twin, *group)} - {None}
        assert len(given_labels) <= 1 or rows[twin]["split"] == "test"
    shuffled = rule.judge(table.take(random.sample(range(size), size)))
    assert dict(zip(shuffled.ids, shuffled.twins, strict=True)) == twins
    assert rule.judge(table.filter(np.isin(table["id"].to_numpy(), list(kept)))).ids == []
    if "label conflict" not in drops.reasons:
        assert drops == attrs.evolve(rule, conflicts="keep").judge(table)


EDITS: dict[str, Callable[[Image], Image]] = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1, ::-1],
    "quarter turn": np.rot90,
    "cropped": lambda image: image[15:-15, 20:-20],
    "framed": lambda image: cv2.copyMakeBorder(image, 15, 15, 20, 20, cv2.BORDER_CONSTANT),
    "turned by 4°": lambda image: cv2.warpAffine(image, cv2.getRotationMatrix2D((199.5, 149.5), 4, 1.0), (400, 300)),
}

FOUND = {
    ("none", False): set(),
    ("flip", False): {"mirrored"},
    ("dihedral", False): {"mirrored", "upside down", "quarter turn"},
    ("flip", True): {"mirrored", "cropped", "framed", "turned by 4°"},
    ("dihedral", True): set(EDITS),
}


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Three pictures, `<number> .png`, and every edit of each, `<number> <edit>.png`."""
    folder = tmp_path_factory.mktemp("edited")
    for seed in range(3):
        original = photo(seed, 300, 400)
        for name, image in {"": original, **{name: edit(original) for name, edit in EDITS.items()}}.items():
            (folder / f"{seed} {name}.png").write_bytes(encoded(np.ascontiguousarray(image), "PNG"))
    return Folder(str(folder))


@pytest.mark.parametrize("verify", [PHash(256), ColorHash()], ids=repr)
@pytest.mark.parametrize(("invariant", "views"), FOUND)
def test_invariance(edited: Folder, invariant: Any, views: bool, verify: Any) -> None:
    """Mirrored and turned copies, crops, frames and slight turns are found where they are asked for, and no other picture is."""
    rule = trusting(radius=8, verify=verify, invariant=invariant, views=views)
    scanned = edited.records().drop_columns(["error"])
    rows = scanned.add_column(0, "row", pa.array(range(len(scanned)))).combine_chunks()
    table = pa.Table.from_batches([measure_batch(rows.to_batches()[0], rule.needs, edited)]).rename_columns({"row": "id"})
    assert not Readable().judge(table).ids
    uris = dict(zip(table["id"].to_pylist(), table["uri"].to_pylist(), strict=True))
    drops = rule.judge(table)
    assert all(uris[id][0] == uris[twin][0] for id, twin in zip(drops.ids, drops.twins, strict=True) if twin is not None)
    for seed in range(3):
        for name in EDITS:
            two = table.filter(pc.is_in(table["uri"], pa.array([f"{seed} .png", f"{seed} {name}.png"])))
            found = name in FOUND[invariant, views]
            assert found <= len(rule.judge(two).ids) <= (found or isinstance(verify, ColorHash))  # which sees no edges


def test_suspects() -> None:
    """Photographs that look like copies and are not proven are kept and suspected; drawings, and what is proven, are not."""
    photos = [photo(seed) for seed in range(24)]
    blends = [(0.5 * image + 0.5 * photo(seed + 50)).astype(np.uint8) for seed, image in enumerate(photos[:4])]
    for seed, image in enumerate(blends):
        image[:, :26] = photos[seed][:, :26]
    table = measured_table([*photos, *blends, photos[5] // 4 * 3])
    rule = Deduplicate()
    dropped = rule.judge(table).ids
    assert dropped == [28]
    suspects = rule.suspects(table)
    assert suspects
    assert set(suspects) <= {(seed, seed + 24) for seed in range(4)}
    assert Deduplicate(proof=None).suspects(table) == Deduplicate(by=None).suspects(table) == rule.suspects(table[:1]) == []


def measured_table(images: list[Image]) -> pa.Table:
    """The records of images, as `Deduplicate` needs them."""
    rule = Deduplicate()
    rows = [{key: value for need in rule.needs for key, value in need.measure(seen(need, image)).items()} for image in images]
    size = len(images)
    columns: dict[str, Any] = {
        "id": np.arange(size),
        "uri": [f"{row:04d}.png" for row in range(size)],
        "digest": [f"{row:064x}" for row in range(size)],
        "bytes": np.ones(size, np.int64),
        "height": np.array([len(image) for image in images], np.int32),
        "width": np.array([image.shape[1] for image in images], np.int32),
        **{name: pa.nulls(size, pa.string()) for name in ("split", "label")},
        **{field.name: pa.array([row[field.name] for row in rows], field.type) for need in rule.needs for field in need.fields},
    }
    return pa.table(columns)


def seen(measure: Any, image: Image) -> Image:
    """An image as a measure sees it."""
    small = reduce(image, measure.side)
    return luminance(small) if measure.channels == 1 else small
