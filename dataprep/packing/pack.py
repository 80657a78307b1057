"""All shards of a manifest: what is there is kept, what is not is made by an engine, and at last comes a manifest of them."""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataprep.columns import TYPES, fields_of, names_of
from dataprep.engines.local import Local
from dataprep.errors import DataprepError, SourceError
from dataprep.files import shown, unfinished
from dataprep.machine import cores
from dataprep.manifest import NAME, Manifest, check_manifest
from dataprep.manifest.parquet import read_table
from dataprep.packing.options import OnError, Options
from dataprep.packing.places import Here, Place, check_apart, place_of
from dataprep.packing.plan import Plan, Shard, describe, plan_of
from dataprep.packing.shard import Making, lost_task, task_of
from dataprep.progress import Watch, watched
from dataprep.protocols import Engine, Progress
from dataprep.sources import parts_of
from dataprep.sources.listing import counted, quoted
from dataprep.sources.shards import PACKED, Shards
from dataprep.sources.ways import Paths
from dataprep.stages import ChannelSums

LOGGER: Final = logging.getLogger("dataprep.pack")

SECONDS: Final = (0.005, 0.0005)  # that an image takes: made anew, or as it is
WORTH: Final = 2.0  # seconds of work from which on processes are started
ANOTHER: Final = "pack into another folder, or remove this one"


class Summary(NamedTuple):
    """What a pack comes to.

    Attributes:
        images: How many images are in the shards.
        shards: How many shards there are.
        present: How many of them were there before.
        bytes: The bytes of all tars, before they are written about.
        before: The bytes of the files of these images.
        failed: Which images are not in the shards, and why.
    """

    images: int
    shards: int
    present: int
    bytes: int
    before: int
    failed: tuple[tuple[str, str], ...] = ()


class Packed(NamedTuple):
    """What was packed: the manifest of what is in the shards, and how much that is."""

    manifest: Manifest
    summary: Summary


def pack(
    manifest: Manifest,
    where: str | Path,
    *,
    side: int | None = None,
    quality: int | None = None,
    raw: bool = False,
    shard: str | int = "256MB",
    seed: int | None = 0,
    split: str | None = None,
    on_error: OnError = "raise",
    engine: Engine | None = None,
    progress: Watch = True,
) -> Manifest:
    """Writes the kept images of a manifest as shards, which load faster than files, and returns the manifest of these.

    Shards are plain tars, as WebDataset has them, with a Parquet file beside each. The folder also gets a manifest, which
    `Manifest.read(where)` reads, also after it was moved. After a kill, the same call goes on.

    Example:
        >>> packed = dp.pack(manifest, "packed", side=64)
        >>> packed.kept("width", "shard").to_pylist()[0]
        {'width': 85, 'shard': 0}

    Args:
        manifest: What to pack; the source is not changed.
        where: The folder to write to.
        side: Makes the shorter side of larger images so many pixels long, and stores them as JPEG, upright and in sRGB; None
            leaves the files as they are. A crop of a small part of an image then has fewer pixels to come from.
        quality: Of JPEG, 1 to 100; by default 90 where a side is given. Alone it stores all images as JPEG at their size.
        raw: Stores pixels instead (PPM), which takes some ten times the space of JPEG and needs no decoding.
        shard: About how many bytes a shard has, such as "256MB".
        seed: Images are shuffled once, within their split, by this seed; None leaves them in the order of the manifest.
        split: Which split alone; None packs all, each split in shards of its own.
        on_error: What an image does that is gone, or was changed since the scan: "raise" an error that names it, or "skip" it, so
            that it is not in the shards; remarks of the manifest then name it, and a warning of the logger "dataprep.pack".
        engine: Who makes shards; None stands for `Local(timeout=None)`, all cores of this machine.
        progress: As of `clean`.

    Raises:
        DataprepError: An argument is wrong, the folder holds shards of another manifest or other options, or cannot be written.
        SourceError: An image cannot be read or was changed since the scan.
    """
    check_manifest(manifest, "pack")
    options = Options(side, quality, raw, shard, seed, on_error)
    part = manifest if split is None else manifest.select(split)
    packed = pack_into(part, place_of(where), options, engine, progress)
    for uri, error in packed.summary.failed:
        LOGGER.warning("%s is not in the shards: %s", uri, error)
    return packed.manifest


def pack_into(manifest: Manifest, place: Place, options: Options, engine: Engine | None = None, progress: Watch = True) -> Packed:
    """Writes the kept images of a manifest as shards; `pack` says how."""
    _check_apart(manifest, place)
    plan = plan_of(manifest, options)
    with place.at_work(), watched(progress) as advance:
        there = look(plan, place)
        present = len(there)
        for shard in _make(plan, place, [shard for shard in plan.shards if shard not in there], engine, advance):
            there[shard] = _read(plan, place, shard)
        packed = _assemble(plan, place, [there[shard] for shard in plan.shards], present)
        with unfinished(place.scratch) as file:
            replace(packed.manifest, source=Shards()).write(file.name)
            place.put(NAME, file.name)
    return packed


def preview(manifest: Manifest, place: Place, options: Options) -> Summary:
    """Returns what `pack_into` would write, with its errors, and writes nothing."""
    _check_apart(manifest, place)
    plan = plan_of(manifest, options)
    present = len(look(plan, place)) if not isinstance(place, Here) or os.path.isdir(place.scratch) else 0
    return Summary(len(plan.order), len(plan.shards), present, plan.bytes, _before(plan))


def look(plan: Plan, place: Place) -> dict[Shard, pa.Table]:
    """Returns the indexes of the shards that are done.

    Raises:
        DataprepError: There are shards of another manifest, or of other options.
    """
    names = place.names()
    files = {f"{shard.name}{ending}" for shard in plan.shards for ending in (".tar", ".parquet")}
    strange = sorted(name for name in names if name.endswith((".tar", ".parquet")) and name not in {*files, NAME})
    done = [shard for shard in plan.shards if f"{shard.name}.parquet" in names]
    for name in [*(f"{shard.name}.parquet" for shard in done[:1]), *strange]:
        if name.endswith(".parquet"):
            _check_own(plan, place, name)
    if strange:
        raise DataprepError(f"{shown(place.scratch)} holds {quoted(strange)}, which this pack does not write; {ANOTHER}")
    if NAME in names:
        _check_manifest(plan, place)
    known = {shard: _read(plan, place, shard) for shard in done}
    return {shard: index for shard, index in known.items() if names.get(f"{shard.name}.tar") == _about(index)["tar"]["bytes"]}


def _read(plan: Plan, place: Place, shard: Shard) -> pa.Table:
    """Returns the index of a shard that is done."""
    _check_own(plan, place, f"{shard.name}.parquet")
    return read_table(place.get(f"{shard.name}.parquet"))


def _about(index: pa.Table | pa.Schema) -> dict[str, Any]:
    """Returns what a shard says of itself, nothing where it is none."""
    schema = index.schema if isinstance(index, pa.Table) else index
    known: dict[str, Any] = json.loads((schema.metadata or {}).get(PACKED, b"{}"))
    return known


def _check_own(plan: Plan, place: Place, name: str) -> None:
    """Checks that a Parquet file is the index of a shard of this pack.

    Raises:
        DataprepError: It is another one; the message says in what they differ.
    """
    try:
        about = _about(pq.read_schema(pa.OSFile(os.fsencode(place.get(name)))))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataprepError(f"{shown(place.get(name))} cannot be read: {error}; {ANOTHER}") from error
    now = describe(plan)
    if about.get("fingerprint") == now["fingerprint"]:
        return
    differing = [key for key in plan.options.describe() if about and about.get(key) != now[key]]
    if not about:
        what = "is no shard"
    elif differing:
        then, here = (", ".join(f"{key}={known.get(key)!r}" for key in differing) for known in (about, now))
        what = f"was packed with {then}, and now it is {here}"
    elif about["manifest"] != now["manifest"]:
        what = f"is of another manifest (fingerprint {about['manifest']}, now {now['manifest']})"
    else:
        what = "is of a manifest with other columns, splits or targets, or of another version of dataprep"
    raise DataprepError(f"{shown(place.get(name))} {what}; {ANOTHER}")


def _check_manifest(plan: Plan, place: Place) -> None:
    """Checks that a manifest that is there is one of packed images."""
    known = Manifest.read(place.get(NAME))
    if known.packed.get("fingerprint") != plan.fingerprint:
        raise DataprepError(f"{shown(place.get(NAME))} is another manifest than that of these shards; {ANOTHER}")


def _make(
    plan: Plan, place: Place, missing: Sequence[Shard], engine: Engine | None, progress: Progress | None
) -> Iterator[Shard]:
    """Yields the shards that were missing, as they are done.

    Raises:
        SourceError: An image cannot be packed, and is not to be left out.
        DataprepError: The process that made a shard died.
    """
    total = len(plan.order)
    done = total - sum(shard.stop - shard.start for shard in missing)
    engine = engine or Local(_workers(plan, missing), timeout=None)
    making = Making(plan.manifest.source, place, plan.options, plan.manifest.classes, describe(plan))
    tasks = (task_of(shard.number, shard.name, plan.rows(shard)) for shard in missing)
    if progress is not None:
        progress("packing", done, total)
    for results in engine.map(making, tasks, lost_task) if missing else ():
        for result in results.to_pylist():
            shard = plan.shards[result["number"]]
            _check_result(result, plan.options)
            done += shard.stop - shard.start
            if progress is not None:
                progress("packing", done, total)
            yield shard


def _workers(plan: Plan, missing: Sequence[Shard]) -> int:
    """Returns how many processes are worth their start; 0 for a pack that is done before they would be there."""
    seconds = sum(shard.stop - shard.start for shard in missing) * SECONDS[plan.options.form == "original"]
    return min(cores(), len(missing)) if len(missing) > 1 and seconds > WORTH else 0


def _check_result(result: dict[str, Any], options: Options) -> None:
    """Raises an error where a shard was not made."""
    if result["error"] is not None:
        raise DataprepError(f"{result['name']} could not be made: {result['error']}; the shards that are done stay")
    failed = json.loads(result["failed"])
    if failed and options.on_error == "raise":
        (uri, error), many = failed[0], f" and {counted(len(failed) - 1, 'image')} more of its shard" if len(failed) > 1 else ""
        raise SourceError(f"{uri}: {error}{many}; run `dataprep clean` again, or leave such images out by on_error='skip'")


def _assemble(plan: Plan, place: Place, indexes: Sequence[pa.Table], present: int) -> Packed:
    """Returns what all shards are together."""
    tars = [_about(index) for index in indexes]
    failed = tuple((uri, error) for about in tars for uri, error in about["failed"])
    table = pa.concat_tables([index.replace_schema_metadata(None) for index in indexes]).combine_chunks()
    table = _with_versions(table, plan, place, list(map(len, indexes)))
    manifest, measures = plan.manifest, plan.manifest.measures
    frozen, remarks = manifest.frozen, manifest.remarks
    if plan.options.form != "original":  # the sums are of other pixels than those that are there now
        frozen, measures = manifest.statistics, tuple(measure for measure in measures if measure != ChannelSums())
        table = table.drop_columns([name for name in names_of("ChannelSums") if name in table.column_names])
    if failed:
        remarks = (*remarks, f"{counted(len(failed), 'image')} left out when packing: {quoted(uri for uri, _ in failed)}")
    words = {name: words for name in manifest.table.column_names if (words := manifest.vocabulary(name)) is not None}
    known = replace(manifest, table=table, source=place.source, measures=measures, frozen=frozen, remarks=remarks, words=words)
    known = replace(known, ignored={}, run=None, packed=describe(plan))
    size = sum(about["tar"]["bytes"] for about in tars)
    return Packed(known, Summary(len(table), len(indexes), present, size, _before(plan), failed))


def _with_versions(table: pa.Table, plan: Plan, place: Place, lengths: Sequence[int]) -> pa.Table:
    """Returns the rows of all shards with the ETags of their tars, where these are in a store, and not of what was packed."""
    name = names_of("store")[0]
    table = table.drop_columns([name]) if name in table.column_names else table
    versions = place.versions()
    if not versions:
        return table
    each = [versions.get(f"{shard.name}.tar") for shard in plan.shards]
    return table.append_column(fields_of("store")[0], pa.array(np.repeat(np.array(each, object), lengths), TYPES[name]))


def _before(plan: Plan) -> int:
    """Returns the bytes of the files that are packed."""
    return int(pc.sum(plan.kept["bytes"]).as_py() or 0)


def _check_apart(manifest: Manifest, place: Place) -> None:
    """Checks that shards are not put into a folder of the source."""
    check_apart(place, {name: part.root for name, part in parts_of(manifest.source).items() if isinstance(part, Paths)})
