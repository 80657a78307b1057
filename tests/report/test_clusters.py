"""Clusters: every copy under the picture that was kept for it, conflicts and leaks flagged."""

import pyarrow as pa
import pytest

from dataprep.manifest import Manifest
from dataprep.manifest.verdicts import verdicts
from dataprep.report.clusters import Cluster, clusters
from dataprep.stages import Deduplicate


def table(*rows: tuple[int | None, int | None, str | None, str | None]) -> pa.Table:
    """Returns a table of twin, distance, label and split; the id of a row is ten times its number."""
    twins, distances, labels, splits = zip(*rows, strict=True)
    ids = pa.array([10 * row for row in range(len(rows))], pa.int64())
    numbers = [pa.array(twins, pa.int64()), pa.array(distances, pa.int32())]
    text = [pa.array(values, pa.string()) for values in (labels, splits)]
    return pa.table([ids, *numbers, *text], names=["id", "twin", "distance", "label", "split"])


KEPT = (None, None, "cat", "train")


def test_order() -> None:
    """The largest cluster comes first; in each, exact copies, then the nearest ones, last those of unknown distance."""
    rows = (
        KEPT,
        (0, 2, "cat", "train"),
        KEPT,
        *((20, distance, "cat", "train") for distance in (None, 10, 2, 0)),
    )
    assert clusters(table(*rows)) == [Cluster(2, [6, 5, 4, 3], False, False), Cluster(0, [1], False, False)]


@pytest.mark.parametrize("split", ["test", "fold9", "fold 2 of 77", "x', distance 64", None])
def test_names_play_no_part(split: str | None) -> None:
    """Copies come by their distance, leaks too, whatever the protected split is called."""
    codes = [bytes(7) + bytes([bits]) for bits in (0, 0b111, 0b1, 0)]
    columns = {
        "id": range(4),
        "uri": [f"{row}.jpg" for row in range(4)],
        "label": pa.nulls(4, pa.string()),
        "split": [split, "train", "train", "train"],
        "bytes": [9, 1, 1, 1],
        "digest": ["a", "b", "c", "a"],
        "height": pa.array([10] * 4, pa.int32()),
        "width": pa.array([10] * 4, pa.int32()),
        "phash64": pa.array(codes, pa.binary(8)),
        "error": pa.nulls(4, pa.string()),
    }
    rule = Deduplicate(verify=None, proof=None, protect=() if split is None else (split,))
    judged = verdicts(pa.table(columns), (rule,))
    assert judged["distance"].to_pylist() == [None, 3, 1, 0]
    assert [found.leaves for found in clusters(judged)] == [[3, 2, 1]]


def test_flags() -> None:
    """A leaf with another label makes a conflict, one in another split a leak; no label or split differs from nothing."""
    for leaf, expected in {
        ("cat", "train"): (False, False),
        ("dog", "train"): (True, False),
        ("cat", "test"): (False, True),
        ("dog", "test"): (True, True),
        (None, None): (False, False),
    }.items():
        (found,) = clusters(table(KEPT, (0, 2, *leaf)))
        assert (found.conflict, found.leak) == expected
    (unlabelled,) = clusters(table((None, None, None, None), (0, 2, "dog", "test")))
    assert (unlabelled.conflict, unlabelled.leak) == (False, False)


def test_twins_that_are_not_there() -> None:
    """A copy whose twin is not in the table, as in one split of a manifest, is in no cluster."""
    assert clusters(table((5, 2, "cat", "train"), (990, 2, "cat", "train"), KEPT)) == []
    assert clusters(table(KEPT).slice(0, 0)) == []


def test_of_a_manifest(manifest: Manifest) -> None:
    """Every row with a twin is in one cluster, its twin's."""
    found = {leaf: cluster.twin for cluster in clusters(manifest.table) for leaf in cluster.leaves}
    assert found == {row["id"]: row["twin"] for row in manifest.table.to_pylist() if row["twin"] is not None}
    assert len(found) == 32
