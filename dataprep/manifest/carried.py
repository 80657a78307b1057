"""Splits of an earlier manifest for a new one of the same images, so that cleaning again moves nothing between train and test.

An image is known by its content, whatever its file is called now. What is new is divided in the earlier proportions. A cluster
of copies stays whole: where the rules now take images of several splits for copies, all go to the largest of these splits,
which leaves the smaller ones, to test by, free of what was trained on.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.columns import in_types
from dataprep.errors import ManifestError
from dataprep.manifest.manifest import Manifest
from dataprep.manifest.parquet import read_table
from dataprep.manifest.splits import assign, heads_of, with_splits
from dataprep.manifest.versions import with_bytes

COLUMNS = ("uri", "digest", "split", "keep")


class Carried(NamedTuple):
    """What became of the splits of an earlier manifest.

    Attributes:
        known: Images that keep their split.
        new: Images that were divided in the earlier proportions.
        moved: Images that went to another split, since they are copies of images there.
    """

    known: int
    new: int
    moved: int


def read_splits(path: Path) -> pa.Table | None:
    """Returns uri, digest, split and keep of the records of a manifest's file, None where it has no splits or is not there.

    Raises:
        ManifestError: It is not a manifest; overwriting it could lose splits.
    """
    if not path.is_file():
        return None
    try:
        table = in_types(with_bytes(read_table(path, COLUMNS)))
    except (ManifestError, ValueError) as error:
        raise ManifestError(f"{error}; if no splits are to be kept, remove it") from error
    return table if table["split"].null_count < len(table) else None


def carry_splits(manifest: Manifest, earlier: pa.Table, where: object) -> tuple[Manifest, Carried | None]:
    """Returns the manifest with the splits of an earlier one, and what became of them, None where it has the same by itself.

    Args:
        manifest: Of the same images, and perhaps others.
        earlier: What `read_splits` returned.
        where: The file that it is from, for the message.

    Raises:
        ManifestError: The manifest has splits of its own, and they are others.
    """
    names = sorted(earlier["split"].drop_null().unique().to_pylist())
    if manifest.table["split"].null_count < len(manifest):
        _check_same(manifest.table, earlier, where)
        return manifest, None
    counts = Counter(earlier.filter(earlier["keep"])["split"].drop_null().to_pylist())
    names.sort(key=lambda name: (-counts[name], name))  # the largest first: the least index wins in a cluster
    known = _known(manifest.table, earlier, names)
    cluster = np.unique(heads_of(manifest.table), return_inverse=True)[1]
    indices = np.full(cluster.max(initial=-1) + 1, len(names))
    np.minimum.at(indices, cluster, np.where(known < 0, len(names), known))
    assigned = indices[cluster]
    new = assigned == len(names)
    if new.any():
        shares = [counts[name] or 0.0 for name in names] if counts else [1.0] * len(names)
        assigned[new] = assign(manifest.table.filter(pa.array(new)), shares, 0)
    moved = int(((known >= 0) & (known != assigned)).sum())
    return with_splits(manifest, names, assigned), Carried(int((known >= 0).sum()) - moved, int((known < 0).sum()), moved)


def _known(table: pa.Table, earlier: pa.Table, names: list[str]) -> NDArray[np.int64]:
    """Returns (N,) the index of the split that each row had, -1 without; by content, by uri where that cannot be read."""
    held = earlier.filter(pc.is_valid(earlier["split"]))
    order = pc.index_in(held["split"], pa.array(names))
    held = held.append_column("index", order).sort_by("index")  # the first one of several is that of the largest split
    found = [pc.index_in(table[name], held[name].combine_chunks(), skip_nulls=True) for name in ("digest", "uri")]
    rows = pc.coalesce(found[0], pc.if_else(pc.is_null(table["digest"]), found[1], None))
    indices: NDArray[np.int64] = pc.fill_null(held["index"].take(rows), -1).to_numpy().astype(np.int64)
    return indices


def _check_same(table: pa.Table, earlier: pa.Table, where: object) -> None:
    """Checks that splits that a source names do not replace others."""
    held = earlier.filter(pc.is_valid(earlier["split"]))
    before = held["split"].take(pc.index_in(table["uri"], held["uri"].combine_chunks()))
    differ = pc.any(pc.not_equal(before, table["split"])).as_py()
    theirs, ours = (sorted(column.drop_null().unique().to_pylist()) for column in (held["split"], table["split"]))
    if differ or not set(theirs) & set(ours):
        listed, others = (", ".join(map(repr, names[:5])) for names in (theirs, ours))
        raise ManifestError(
            f"{where} has splits ({listed}) that those of the source ({others}) would replace; "
            "write to another folder, or remove that file first"
        )
