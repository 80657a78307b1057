"""Clusters: every copy under the picture that was kept for it, conflicts and leaks flagged."""

import pyarrow as pa

from dataprep.manifest import Manifest
from dataprep.report.clusters import Cluster, clusters


def table(*rows: tuple[int | None, str | None, str | None, str | None]) -> pa.Table:
    """Returns a table of twin, detail, label and split; the id of a row is ten times its number."""
    twins, details, labels, splits = zip(*rows, strict=True)
    text = [pa.array(values, pa.string()) for values in (details, labels, splits)]
    ids = pa.array([10 * row for row in range(len(rows))], pa.int64())
    columns = [ids, pa.array(twins, pa.int64()), *text]
    return pa.table(columns, names=["id", "twin", "detail", "label", "split"])


KEPT = (None, None, "cat", "train")


def test_order() -> None:
    """The largest cluster comes first; in each, exact copies, then the nearest ones."""
    rows = (
        KEPT,
        (0, "distance 2", "cat", "train"),
        KEPT,
        *((20, detail, "cat", "train") for detail in ("distance 10", "distance 2", "same content")),
    )
    assert clusters(table(*rows)) == [Cluster(2, [5, 4, 3], False, False), Cluster(0, [1], False, False)]


def test_flags() -> None:
    """A leaf with another label makes a conflict, one in another split a leak; no label or split differs from nothing."""
    for leaf, expected in {
        ("cat", "train"): (False, False),
        ("dog", "train"): (True, False),
        ("cat", "test"): (False, True),
        ("dog", "test"): (True, True),
        (None, None): (False, False),
    }.items():
        (found,) = clusters(table(KEPT, (0, "distance 2", *leaf)))
        assert (found.conflict, found.leak) == expected
    (unlabelled,) = clusters(table((None, None, None, None), (0, "distance 2", "dog", "test")))
    assert (unlabelled.conflict, unlabelled.leak) == (False, False)


def test_twins_that_are_not_there() -> None:
    """A copy whose twin is not in the table, as in one split of a manifest, is in no cluster."""
    assert clusters(table((5, "distance 2", "cat", "train"), (990, "distance 2", "cat", "train"), KEPT)) == []
    assert clusters(table(KEPT).slice(0, 0)) == []


def test_of_a_manifest(manifest: Manifest) -> None:
    """Every row with a twin is in one cluster, its twin's."""
    found = {leaf: cluster.twin for cluster in clusters(manifest.table) for leaf in cluster.leaves}
    assert found == {row["id"]: row["twin"] for row in manifest.table.to_pylist() if row["twin"] is not None}
    assert len(found) == 32
