"""Which image goes into which shard: known from the manifest and the options alone, before anything is read.

So a shard is a pure function of the two and its number, whoever makes it and when, and a killed run goes on by looking which
shards are there. Images are shuffled once, within their split; each split has shards of its own, so that nobody who reads the
files of the one trains on another.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen
from numpy.typing import NDArray

from dataprep.columns import names_of
from dataprep.draws import permutation
from dataprep.errors import DataprepError
from dataprep.manifest import Manifest
from dataprep.packing.images import expected_bytes, stored_sizes
from dataprep.packing.options import Options
from dataprep.types import Sizes

VERSION: Final = 1
"""Of shards: what is in a tar, and what is in the Parquet file beside it."""

BESIDE: Final = 2_048  # bytes of a tar that an image takes beside its own: two headers, what is known of it, what fills up blocks
SEEN: Final = ("split", "labels", "value", "format", *names_of("targets"))
"""Columns that are in a shard, beside those that the manifest's fingerprint is of."""


class Shard(NamedTuple):
    """What goes into one shard.

    Attributes:
        number: Its number.
        name: What its files are called, without ending.
        start: The place of its first image in the order.
        stop: The place behind its last one.
    """

    number: int
    name: str
    start: int
    stop: int


@frozen
class Plan:
    """What a pack makes of a manifest.

    Attributes:
        manifest: The manifest.
        options: How it is packed.
        kept: The rows that are kept.
        order: (N,) which of them comes when.
        sizes: (N, 2) height and width of each kept row as it is stored.
        bytes: About how many bytes the tars will have.
        shards: All shards.
        fingerprint: What all of it depends on, as hex digits.
    """

    manifest: Manifest
    options: Options
    kept: pa.Table
    order: NDArray[np.int64]
    sizes: Sizes
    bytes: int
    shards: tuple[Shard, ...]
    fingerprint: str

    def rows(self, shard: Shard) -> pa.Table:
        """Returns what is known of the images of a shard, in order, under their new ids, and their sizes as they are stored."""
        at = self.order[shard.start : shard.stop]
        rows = self.kept.take(pa.array(at)).combine_chunks()
        new = {"id": pa.array(np.arange(shard.start, shard.stop)), "source_id": rows["id"], "source_uri": rows["uri"]}
        new |= {name: pa.array(self.sizes[at, axis]) for axis, name in enumerate(("stored_height", "stored_width"))}
        for name, column in new.items():
            place = rows.schema.get_field_index(name)
            rows = rows.append_column(name, column) if place < 0 else rows.set_column(place, name, column)
        return rows


def plan_of(manifest: Manifest, options: Options) -> Plan:
    """Returns what a pack makes of a manifest.

    Raises:
        DataprepError: It keeps no image.
    """
    kept = manifest.kept()
    if not len(kept):
        raise DataprepError("pack: the manifest keeps no image; `manifest.reasons()` says why")
    order = _order(kept["split"], options.seed)
    kept = _with_twins(kept, order)
    measured: Sizes = np.stack([kept["height"].to_numpy(), kept["width"].to_numpy()], axis=1).astype(np.int64)
    sizes = stored_sizes(measured, options)
    lengths = np.asarray(pc.fill_null(kept["bytes"], 0), np.int64)
    room = (expected_bytes(lengths, sizes, options) + BESIDE)[order]
    shards = tuple(_shards(kept["split"].take(pa.array(order)), room, options.shard))
    return Plan(manifest, options, kept, order, sizes, int(room.sum()), shards, _fingerprint(manifest, kept, options))


def _order(splits: pa.ChunkedArray, seed: int | None) -> NDArray[np.int64]:
    """Returns (N,) which row comes when: one split after the other, shuffled by a seed, or as they are without."""
    places = np.arange(len(splits)) if seed is None else permutation(seed, 0, len(splits))
    names = sorted(splits.drop_null().unique().to_pylist())
    ranks = np.asarray(pc.fill_null(pc.index_in(splits, pa.array(names, splits.type)), len(names)), np.int64)
    return places[np.argsort(ranks[places], kind="stable")]


def _with_twins(kept: pa.Table, order: NDArray[np.int64]) -> pa.Table:
    """Returns the rows with the new ids of their twins, null where these are not packed."""
    new = np.empty(len(order), np.int64)
    new[order] = np.arange(len(order))
    at = pc.index_in(kept["twin"], value_set=kept["id"].combine_chunks(), skip_nulls=True)
    twins = pa.chunked_array([pa.array(new)]).take(at)
    place = kept.schema.get_field_index("twin")
    return kept.set_column(place, kept.schema.field(place), twins.cast(kept.schema.field(place).type))


def _shards(splits: pa.ChunkedArray, room: NDArray[np.int64], most: int) -> Iterator[Shard]:
    """Yields the shards of images that come in an order: of a split as many as there is room for in each, and alike."""
    number = start = 0
    for run in pc.run_end_encode(splits.combine_chunks()).values.to_pylist() if len(splits) else ():
        stop = start + int(pc.sum(pc.equal(splits, run) if run is not None else pc.is_null(splits)).as_py())
        ends = np.cumsum(room[start:stop])
        count = max(-(-int(ends[-1]) // most), 1)
        at = np.minimum((ends - room[start:stop]) * count // ends[-1], count - 1)
        borders = [start + int(border) for border in np.flatnonzero(np.diff(at)) + 1]
        for first, last in zip([start, *borders], [*borders, stop], strict=True):
            yield Shard(number, f"{_name(run)}-{number:06d}", first, last)
            number += 1
        start = stop


def _name(split: str | None) -> str:
    """Returns what the shards of a split are called: a name that any file system takes, and in a uri stands for itself."""
    if split is None:
        return "shard"
    return quote(split, safe="+=,@ ").replace("%", "_").replace(".", "_").replace("~", "_")[:100] or "shard"


def _fingerprint(manifest: Manifest, kept: pa.Table, options: Options) -> str:
    """Returns what shards depend on: the kept rows and all that is written of them, the options, and the version of shards."""
    known = {"version": VERSION, "manifest": manifest.fingerprint, "schema": str(kept.schema.remove_metadata())}
    hasher = hashlib.sha256(json.dumps({**known, **options.describe()}, sort_keys=True).encode())
    for name in SEEN:
        if name in kept.column_names:
            for chunk in kept[name].chunks:
                for start in range(0, len(chunk), 65_536):
                    hasher.update(json.dumps(chunk.slice(start, 65_536).to_pylist()).encode())
    return hasher.hexdigest()[:32]


def describe(plan: Plan) -> dict[str, Any]:
    """Returns what a shard says of the pack that it belongs to."""
    known = {"version": VERSION, "fingerprint": plan.fingerprint, "manifest": plan.manifest.fingerprint}
    return {**known, "shuffled": plan.options.seed, **plan.options.describe()}
