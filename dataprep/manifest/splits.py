"""Gives every image of a manifest a split, such as train, val or test: stratified by label, duplicates together.

Each label's clusters stand in an order that a hash of (seed, content digest) gives them, and that order is cut at the shares.
Kept images are counted, and a label has in each split less than one cluster more or less than its share. Which way the rest
is rounded is drawn once for each label, so that over many small labels every split gets its share: rounding to the nearest
would put both images of every pair into train.

The price of exact shares is that cuts move as a label grows. For every image added to a label, at most one old image of it
crosses each cut, to the split on the other side (splits stand in the order of their names); since the cut follows the middle
of what was added, about the square root of that number do. Labels that did not grow stay as they are. A hash that is compared
with the shares alone would move nothing, but miss the shares of small labels by far.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as changed
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.arguments import is_whole
from dataprep.columns import hex_of
from dataprep.draws import words
from dataprep.errors import ManifestError, PipelineError
from dataprep.manifest.given import check_manifest
from dataprep.manifest.manifest import Manifest
from dataprep.manifest.parts import FOLD

STREAM: Final = int.from_bytes(b"split")  # a stream of draws of its own, apart from augmentation and shuffling
TOLERANCE: Final = 1e-6  # how far from 1 the shares may sum


class Division(NamedTuple):
    """How the kept images of one label are divided.

    Attributes:
        label: The label, or None for images without one.
        counts: How many images are in each split.
        wanted: How many there would be if images could be cut to pieces.
    """

    label: str | None
    counts: dict[str, int]
    wanted: dict[str, float]

    @property
    def images(self) -> int:
        """How many images of this label are kept."""
        return sum(self.counts.values())

    @property
    def absent(self) -> tuple[str, ...]:
        """The splits that have no image of this label: it has too few for them."""
        return tuple(name for name, count in self.counts.items() if count == 0)

    @property
    def worst(self) -> str:
        """The split that is furthest from its share of this label."""
        return max(self.counts, key=self.deviation)

    def deviation(self, split: str) -> float:
        """Returns how many images a split is away from its share."""
        return abs(self.counts[split] - self.wanted[split])


def split(
    manifest: Manifest,
    shares: Mapping[str, float] | None = None,
    seed: int = 0,
    *,
    folds: int | None = None,
    replace: bool = False,
) -> Manifest:
    """Fills the split of every record, so that each label is divided by the shares and no duplicate is torn from its twin.

    A cluster is an image and all that are copies of it: by twin, chains of twins followed, or by content. It goes as a whole,
    under the label of the image that is kept. What is dropped for other reasons gets a split too, but counts for nothing:
    with other thresholds it may be kept.

    Mean and std of the images to train on are frozen, where `ChannelSums` was measured: `Normalize()` takes them in every
    split. Those are the images of the split called train; without one, of all but those called test, val and the like.

    Args:
        manifest: Whose records; it stays as it is.
        shares: The share of each split; more than 0, together 1.
        seed: What the order is drawn from; the same seed and images give the same splits, whatever the order of the rows.
        folds: Instead of shares, into how many equal parts for a cross-validation; `Manifest.fold` gives each round of it.
        replace: Whether splits that are there already may be overwritten.

    Returns:
        The manifest with its splits; `divisions` says how they came out. All splits have the same class numbers.

    Raises:
        PipelineError: The shares or folds are invalid.
        ManifestError: The manifest has splits already, keeps no image, or too few for the folds.

    Example:
        >>> parts = dp.split(manifest, {"train": 0.7, "val": 0.3})
        >>> train, val = parts.select("train"), parts.select("val")
        >>> len(train.kept()), val.class_counts()
        (9, {'cat': 2, 'dog': 1})
    """
    check_manifest(manifest, "split")
    if not hasattr(seed, "__index__"):
        raise PipelineError(f"split(seed={seed!r}): give a whole number, such as 0")
    shares = shares_of(shares, folds)
    _check_free(manifest, replace)
    table = manifest.table
    names = sorted(shares)  # the order in which a caller lists the splits plays no part
    done = with_splits(manifest, names, assign(table, [shares[name] for name in names], seed))
    if folds is not None:
        _check_folds(done, names)
    return done


def with_splits(manifest: Manifest, names: Sequence[str], indices: NDArray[np.int64]) -> Manifest:
    """Returns the manifest with the split of each row, by its index, and the statistics frozen that follow from them."""
    table = manifest.table
    at = table.column_names.index("split")
    column = pa.array(names, table.schema.field(at).type).take(pa.array(indices))
    done = changed(manifest, table=table.set_column(at, table.schema.field(at), column), frozen=None)
    return changed(done, frozen=done.statistics)


def shares_of(shares: Mapping[str, float] | None, folds: int | None) -> Mapping[str, float]:
    """Returns the shares, or those of equal folds.

    Raises:
        PipelineError: They are invalid, or both are given.
    """
    if folds is None:
        check_shares(shares)
        return shares or {}
    if shares is not None:
        raise PipelineError(f"split(shares={shares!r}, folds={folds!r}): give either shares or folds")
    if not is_whole(folds) or folds < 2:
        raise PipelineError(f"split(folds={folds!r}): give a whole number of at least 2, such as 5")
    return {f"{FOLD}{number}": 1 / folds for number in range(folds)}


def divisions(manifest: Manifest, shares: Mapping[str, float]) -> list[Division]:
    """Returns how the kept images of each label are divided, by label; those without a label come last."""
    counted = manifest.kept("label", "split").group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist()
    found = {(row["label"], row["split"]): row["count_all"] for row in counted}
    labels = sorted({label for label, _ in found}, key=lambda label: (label is None, label or ""))
    total = sum(shares.values())
    rows = []
    for label in labels:
        counts = {name: found.get((label, name), 0) for name in shares}
        images = sum(counts.values())
        rows.append(Division(label, counts, {name: images * share / total for name, share in shares.items()}))
    return rows


def check_shares(shares: Mapping[str, float] | None) -> None:
    """Checks that there are shares, each more than 0, that sum to 1.

    Raises:
        PipelineError: They are not so.
    """
    if shares is not None and not isinstance(shares, Mapping):
        raise PipelineError(f'the shares are {shares!r}; give each split its share, such as {{"train": 0.8, "val": 0.2}}')
    if not shares:
        raise PipelineError("there are no shares to split by; give some, such as train 0.8, val 0.1, test 0.1")
    for name, share in shares.items():
        if not isinstance(name, str) or not name:
            raise PipelineError(f"{name!r} is not a name for a split; give a word, such as 'train'")
        number = isinstance(share, int | float | np.number) and not isinstance(share, bool)
        if not number or not math.isfinite(share) or share <= 0:
            raise PipelineError(f"the share of {name!r} is {share!r}; a share is a number above 0, such as 0.1")
    total = math.fsum(shares.values())
    if abs(total - 1) > TOLERANCE:
        listed = " + ".join(f"{name} {share:g}" for name, share in shares.items())
        raise PipelineError(f"the shares sum to {total:.7g}, not to 1: {listed}")


def _check_free(manifest: Manifest, replace: bool) -> None:
    """Checks that there is something to split, and no split that may not be overwritten."""
    if not manifest.kept("id").num_rows:
        raise ManifestError("the manifest keeps no image, so there is nothing to split")
    there = sorted(manifest.table["split"].drop_null().unique().to_pylist())
    if there and not replace:
        shown = ", ".join(map(repr, there[:5])) + (" and more" if len(there) > 5 else "")
        raise ManifestError(f"the manifest has splits already: {shown}; `replace=True` (`--replace`) overwrites them")


def _check_folds(manifest: Manifest, names: Sequence[str]) -> None:
    """Checks that every fold has an image to validate with."""
    empty = sorted(set(names) - set(manifest.kept("split")["split"].to_pylist()))
    if empty:
        raise ManifestError(
            f"too few images for {len(names)} folds: {', '.join(map(repr, empty[:5]))} would be empty; take fewer"
        )


def assign(table: pa.Table, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Returns (N,) the index of the share that each row goes to; shares are proportions, of which 0 gets nothing."""
    heads = heads_of(table)
    chosen, cluster = np.unique(heads, return_inverse=True)  # chosen: (C,) the head of each cluster, ascending
    weights = np.bincount(cluster, table["keep"].to_numpy()).astype(np.float64)
    labels = table["label"].take(pa.array(chosen)).combine_chunks().dictionary_encode(null_encoding="encode")
    uris = table["uri"].take(pa.array(chosen)).to_pylist()  # what cannot be read has no digest
    digests = hex_of(table["digest"].take(pa.array(chosen)))
    order = _words(seed, (digest or uri for digest, uri in zip(digests, uris, strict=True)))
    offsets = (_words(seed, (label or "" for label in labels.dictionary.to_pylist())) >> np.uint64(11)) * 2.0**-53
    return _cut(order, weights, labels.indices.to_numpy(), offsets, shares)[cluster]


def _cut(
    order: NDArray[np.uint64],
    weights: NDArray[np.floating],
    labels: NDArray[np.integer],
    offsets: NDArray[np.floating],
    shares: Sequence[float],
) -> NDArray[np.int64]:
    """Cuts the clusters of each label at the shares, which is systematic sampling.

    Args:
        order: (C,) by which the clusters of a label stand in line.
        weights: (C,) the kept images of each cluster, which is its length in that line.
        labels: (C,) numbers from 0.
        offsets: (L,) in [0, 1), for each label how much of a cluster's length may stick out over the cut behind it; drawn at
            random, it gives every share its due in expectation, however few clusters a label has.
        shares: (S,) in the order of the cuts.

    Returns:
        (C,) the index of the share that each cluster falls to.
    """
    # a label that keeps nothing is cut as if it kept all
    weights = np.where(np.bincount(labels, weights)[labels] > 0, weights, 1)
    totals = np.bincount(labels, weights)
    line = np.lexsort((order, labels))
    lengths, label = weights[line], labels[line]
    starts = np.cumsum(lengths) - lengths - (np.cumsum(totals) - totals)[label]
    points = (starts + lengths * (1 - offsets[label])) / totals[label]
    cuts = np.cumsum(shares)[:-1] / np.sum(shares)
    assigned = np.empty(len(line), np.int64)
    assigned[line] = np.searchsorted(cuts, points)
    return assigned


def heads_of(table: pa.Table) -> NDArray[np.int64]:
    """Returns (N,) the row that speaks for the cluster of each row: one that is kept, else the end of its chain of twins."""
    columns = {
        "cluster": _connect(_links(table), table.num_rows),
        "dropped": pc.invert(table["keep"]),
        "copy": pc.is_valid(table["twin"]),
        "digest": table["digest"],
        "uri": table["uri"],
    }
    best = pc.sort_indices(pa.table(columns), sort_keys=[(name, "ascending") for name in columns]).to_numpy()
    _, first, cluster = np.unique(columns["cluster"][best], return_index=True, return_inverse=True)
    heads = np.empty(len(best), np.int64)
    heads[best] = best[first][cluster]
    return heads


def _links(table: pa.Table) -> NDArray[np.int64]:
    """Returns (E, 2) rows that belong together: each copy with its twin, and with the first row of the same content."""
    rows = np.arange(table.num_rows)
    twins = pc.index_in(table["twin"], value_set=table["id"].combine_chunks(), skip_nulls=True)
    digests = table["digest"].combine_chunks().dictionary_encode().indices
    _, first, group = np.unique(pc.fill_null(digests, -1).to_numpy(), return_index=True, return_inverse=True)
    links = [(rows, pc.fill_null(twins, -1).to_numpy()), (rows, np.where(pc.is_valid(digests).to_numpy(False), first[group], -1))]
    # a twin that is not in the table, such as in one split of a manifest, links to nothing
    return np.concatenate([np.stack(link, 1)[(link[1] >= 0) & (link[1] != rows)] for link in links])


def _connect(links: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Returns (size,) the lowest row that each row hangs together with."""
    lowest = np.arange(size)
    while True:
        # ends: (E, 2) the lowest row known from both ends of each link
        ends = lowest[links]
        if np.array_equal(ends[:, 0], ends[:, 1]):
            return lowest
        np.minimum.at(lowest, ends, ends.min(1, keepdims=True))
        lowest = lowest[lowest]


def _words(seed: int, texts: Iterable[str]) -> NDArray[np.uint64]:
    """Returns a random word for each text, drawn by the seed."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return words(seed, 0, STREAM, np.frombuffer(digests, "<i8"), 1)[:, 0]
