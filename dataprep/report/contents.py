"""What the report shows, as the compact data that its page holds.

Pictures are ordered by where they come in the lists of the page: the neighbours of thresholds, then dropped ones and twins, then
kept ones; so what the limits cut off is what comes last in every list. A picture is named by its index in that order.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.columns import hex_of
from dataprep.images.limits import MAX_PIXELS
from dataprep.manifest import Manifest, Overrides
from dataprep.protocols import Engine, Progress
from dataprep.report.clusters import Cluster, clusters
from dataprep.report.histograms import Histogram, histograms
from dataprep.report.looked import explain_distances, unchecked
from dataprep.report.thumbnails import Thumbnail, thumbnails
from dataprep.sources import Files, Folder, parts_of

THUMBNAILS: Final = 3_000
"""Pictures with a thumbnail at most, unless more are asked for; 4 kB each."""
FEW: Final = 48
"""Pictures with a thumbnail at least."""
SHARE: Final = 20
"""Of how many images one has a thumbnail, where the page can show the files themselves: making it costs as much as measuring."""
LISTED: Final = 1_000_000
"""Pictures that are listed at all, some 150 bytes each; others are counted only."""
ROW: Final = 9
"""Leaves of a cluster that are shown at once, and so want their thumbnails at once."""

BESIDE: Final = "The others are shown from their files, where this page is opened on the machine that has them. "

FACTS: Final = ("uri", "height", "width", "bytes", "distance")
WORDS: Final = ("label", "split", "format", "detail")
"""Columns of words, of which many are the same."""
Column: TypeAlias = Callable[[], Any]
"""A column of the pictures, as plain data when it is called."""


class Shown(NamedTuple):
    """The rows that the page shows, in the order of the page.

    Attributes:
        rows: (S,) rows of the table.
        indices: (N,) the index of each row in that order, -1 where it is not shown.
        pictured: How many of them, the first ones, have thumbnails.
    """

    rows: NDArray[np.int64]
    indices: NDArray[np.int64]
    pictured: int

    def of(self, rows: Iterable[int]) -> list[int]:
        """Returns the indices of rows, without those that are not shown."""
        return [index for index in self.indices[list(rows)].tolist() if index >= 0]


def contents(
    manifest: Manifest,
    overrides: Overrides,
    progress: Progress | None = None,
    engine: Engine | None = None,
    embedded: int | None = None,
) -> dict[str, Any]:
    """Returns what the page shows of a manifest, as plain data for its script, with functions for what is large.

    Args:
        manifest: What is shown.
        overrides: What was decided before.
        progress: Called with "thumbnails" as they are done.
        engine: Who makes them.
        embedded: How many there are at most; None stands for as many as are worth it.
    """
    table = manifest.table
    found, graphs = clusters(table), histograms(table, manifest.pipeline.rules)
    dropped = _group_dropped(table)
    shown = _choose(table.num_rows, found, graphs, list(dropped.values()), _suitable(manifest), embedded)
    pictures = _thumbnails(manifest, shown, progress, engine)
    root = _url(manifest)
    return {
        "fingerprint": manifest.fingerprint,
        "root": root,
        "classes": list(manifest.classes),
        "reasons": list(dropped),
        "pictures": _columns(table, shown, list(dropped), graphs),
        "thumbnails": [thumbnail.url for thumbnail in pictures],
        "errors": {index: thumbnail.error for index, thumbnail in enumerate(pictures) if thumbnail.error},
        "clusters": _clusters(found, shown),
        "counts": {"duplicates": len(found)}
        | {f"{name}s": sum(getattr(one, name) for one in found) for name in ("conflict", "leak")},
        "unchecked": unchecked(manifest),
        "distances": explain_distances(manifest.pipeline.rules),
        "histograms": [_graph(graph, shown) for graph in graphs],
        "decisions": [decision.as_json() for decision in overrides.decisions],
        "limits": _limits(shown, table.num_rows, root is not None),
    }


def _group_dropped(table: pa.Table) -> dict[str, list[int]]:
    """Returns the rows of each reason, the most frequent reason first."""
    coded = table["reason"].combine_chunks().dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy()
    rows = {reason: np.flatnonzero(codes == code).tolist() for code, reason in enumerate(coded.dictionary.to_pylist())}
    return dict(sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])))


def _suitable(manifest: Manifest) -> int:
    """Returns how many thumbnails to embed: few where the page can show the files instead."""
    return THUMBNAILS if _url(manifest) is None else min(THUMBNAILS, max(FEW, len(manifest) // SHARE))


def _choose(
    size: int,
    found: Sequence[Cluster],
    graphs: Sequence[Histogram],
    dropped: Sequence[list[int]],
    suitable: int,
    embedded: int | None,
) -> Shown:
    """Ranks the rows by where they first come in any list, the neighbours of thresholds before all; what is just kept comes last.

    So many have thumbnails as are asked for, else as are suitable, without those that are just kept.
    """
    ranks = np.full(size, size, np.int64)
    for rows in dropped:
        ranks[rows] = np.arange(len(rows))
    for wanted in ([*found], [cluster for cluster in found if cluster.conflict], [cluster for cluster in found if cluster.leak]):
        for position, (twin, leaves, *_) in enumerate(wanted[:LISTED]):
            ranks[twin] = min(ranks[twin], position)
            ranks[leaves] = np.minimum(ranks[leaves], position + np.arange(len(leaves)) // ROW)
    near = list(chain.from_iterable(limit.below + limit.above for graph in graphs for limit in graph.limits))
    ranks[near] = -1
    chosen = np.argsort(ranks, kind="stable")[:LISTED].astype(np.int64)
    most = min(suitable, int((ranks < size).sum())) if embedded is None else embedded
    indices = np.full(size, -1, np.int64)
    indices[chosen] = np.arange(len(chosen))
    return Shown(chosen, indices, min(len(chosen), most))


def _thumbnails(manifest: Manifest, shown: Shown, progress: Progress | None, engine: Engine | None) -> list[Thumbnail]:
    """Returns the thumbnails of the first pictures; what could not be read when it was measured is not tried again."""
    first = manifest.table.select(["uri", "error", "digest", "height", "width"]).take(pa.array(shown.rows[: shown.pictured]))
    errors = first["error"].to_pylist()
    sound = first.filter(pc.is_null(first["error"]))
    uris, digests = sound["uri"].to_pylist(), hex_of(sound["digest"])
    pixels = pc.max(pc.multiply(first["height"].cast(pa.int64()), first["width"].cast(pa.int64()))).as_py()
    known = None if _url(manifest) is None else digests
    made = iter(thumbnails(manifest.source, uris, progress, max(MAX_PIXELS, pixels or 0), engine, known))
    return [next(made) if error is None else Thumbnail(None, error) for error in errors]


def _columns(table: pa.Table, shown: Shown, reasons: list[str], graphs: Sequence[Histogram]) -> dict[str, Column]:
    """Returns the columns of the pictures: what is known of each, the indices of its reason and of its twin, its measures.

    They are small, since a page may list a million: words come once each, digests as one text, and what is not readable by index.
    Each is made when it is asked for, so that there is never more than one of them as a list.
    """
    taken = table.take(pa.array(shown.rows))
    columns: dict[str, Column] = {"row": shown.rows.tolist} | {name: taken[name].to_pylist for name in FACTS}
    columns |= {name: partial(_coded, taken[name]) for name in WORDS}
    columns["digest"] = partial(_joined, taken["digest"])
    columns["unreadable"] = np.flatnonzero(pc.is_valid(taken["error"]).to_numpy()).tolist
    columns["reason"] = pc.index_in(taken["reason"], value_set=pa.array(reasons, pa.string()), skip_nulls=True).to_pylist
    columns["twin"] = partial(_twins, taken["twin"], table["id"], shown)
    for graph in graphs:
        if graph.column not in columns:
            columns[graph.column] = partial(_round, np.asarray(taken[graph.column].to_numpy(), np.float64))
    return columns


def _twins(column: pa.ChunkedArray, ids: pa.ChunkedArray, shown: Shown) -> list[int | None]:
    """Returns the index of each twin, None where there is none or it is not shown."""
    rows = pc.fill_null(pc.index_in(column, value_set=ids.combine_chunks(), skip_nulls=True), -1).to_numpy()
    twins = np.where(rows < 0, -1, shown.indices[rows]).tolist() if len(rows) else []
    return [None if twin < 0 else twin for twin in twins]


def _coded(column: pa.ChunkedArray) -> dict[str, list[Any]]:
    """Returns the words of a column, each once, and which of them each row has: -1 for none."""
    coded = column.combine_chunks().dictionary_encode()
    return {"words": coded.dictionary.to_pylist(), "codes": pc.fill_null(coded.indices, -1).to_pylist()}


def _joined(column: pa.ChunkedArray) -> dict[str, Any]:
    """Returns digests in hex as one text, a missing one as spaces."""
    texts = [text or "" for text in hex_of(column)]
    width = max(map(len, texts), default=0)
    return {"width": width, "text": "".join(text.ljust(width) for text in texts)}


def _clusters(found: Sequence[Cluster], shown: Shown) -> list[list[int]]:
    """Returns the indices of each cluster, the twin's first; one of which no leaf is shown is left out."""
    listed = ((int(shown.indices[twin]), shown.of(leaves)) for twin, leaves, *_ in found[:LISTED])
    return [[twin, *leaves] for twin, leaves in listed if leaves]


def _graph(graph: Histogram, shown: Shown) -> dict[str, Any]:
    limits = [limit._replace(below=shown.of(limit.below), above=shown.of(limit.above))._asdict() for limit in graph.limits]
    return {**graph._asdict(), "edges": _round(np.array(graph.edges)), "limits": limits}


def _round(values: NDArray[np.float64]) -> list[float | None]:
    """Returns four significant digits of each value, None for what is not finite."""
    known = np.isfinite(values) & (values != 0)
    powers = np.maximum(np.floor(np.log10(np.abs(values, where=known, out=np.ones_like(values)))) - 3, -300)
    up, down = 10.0 ** np.maximum(-powers, 0), 10.0 ** np.maximum(powers, 0)  # whole, as far as floats are: quotients are nearest
    with np.errstate(over="ignore", invalid="ignore"):  # the largest number, rounded up
        rounded = np.round(values / down * up) / up * down
    found: list[float | None] = np.where(np.isfinite(rounded), rounded, values).tolist()
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        found[index] = None
    return found


def _url(manifest: Manifest) -> str | None:
    """Returns the URL of the folder that the uris lie in, for pages that are opened where the images are."""
    source = parts_of(manifest.source).get("")
    return f"file://{quote(os.fsencode(source.root))}/" if isinstance(source, Folder | Files) else None


def _limits(shown: Shown, size: int, is_beside: bool) -> list[str]:
    """Returns what the page says about pictures that it leaves out."""
    said = []
    if shown.pictured < len(shown.rows):
        said.append(
            f"Thumbnails are embedded for {shown.pictured:,} of {len(shown.rows):,} pictures: the first of every list, and "
            f"those nearest to a threshold. {BESIDE if is_beside else ''}More are embedded by --thumbnails {len(shown.rows)}."
        )
    if len(shown.rows) < size:
        said.append(
            f"{len(shown.rows):,} of {size:,} pictures are listed: those nearest to a threshold, the first of every list of "
            "dropped ones, then kept ones. Numbers are those of all."
        )
    return said
