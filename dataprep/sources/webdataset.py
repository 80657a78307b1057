"""What tars of anybody hold, as a listing: images with what lies beside each of them, from the index of each tar."""

import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import pyarrow as pa
from attrs import define

from dataprep.errors import SourceError
from dataprep.images.formats import SEEN, is_image
from dataprep.sources.levels import SPLITS, read_levels
from dataprep.sources.listing import Scan, counted, joined, listed, quoted, scan_of, with_scan
from dataprep.sources.names import ending, is_image_data, may_be_image
from dataprep.sources.options import Options
from dataprep.sources.samples import BESIDE, key_of, parse, table_of
from dataprep.sources.table import describe_rows
from dataprep.sources.tars import Place, Readable, folder_of_indexes, index_of, shard_name
from dataprep.sources.walk import LONGEST, SYSTEM

AT_ONCE: Final = 4  # tars that are gone through at once
FIRST: Final = 64  # members of a tar that say whether it is a WebDataset
MASKS: Final = (".mask.png", ".seg.png", ".segmentation.png", ".mask.tif", ".mask.tiff")
"""Endings of what is the mask of an image beside it."""


@define
class Sample:
    """An image in a tar.

    Attributes:
        tar: The name of the tar.
        name: Its own there.
        place: Where its bytes are.
        modified: When the tar was changed last, ns since 1970.
        error: Why it cannot be read, or None.
        beside: What lies beside it.
    """

    tar: str
    name: str
    place: Place
    modified: int
    error: str | None
    beside: dict[str, Any]


def is_webdataset(path: str) -> bool:
    """Returns whether a tar has a text beside one of its first images, under its name; not where it cannot be read."""
    kinds: dict[str, set[str]] = {}
    with suppress(tarfile.TarError, OSError, ValueError, EOFError), tarfile.open(path, "r:") as archive:
        for entry in islice(archive, FIRST):
            kind = "image" if is_image(entry.name) else "text" if ending(entry.name) in BESIDE else "other"
            kinds.setdefault(key_of(entry.name), set()).add(kind)
    return any(of_one >= {"image", "text"} for of_one in kinds.values())


def list_tars(root: str, tars: Sequence[Readable], label: str | None, known: Mapping[str, pa.Table] | None = None) -> pa.Table:
    """Returns the images in some tars; each tar is gone through once, whatever process asks again.

    Args:
        root: The place of the tars.
        tars: The tars.
        label: What of a name inside is the label, where nothing beside the images says it.
        known: The indexes of tars that somebody has gone through already, by their names.

    Raises:
        SourceError: A tar cannot be opened, or under one name there are values of several types beside the images.
    """
    others: Counter[str] = Counter()

    def index(tar: Readable) -> pa.Table:
        return index_of(tar, folder_of_indexes()) if known is None or tar.name not in known else known[tar.name]

    with ThreadPoolExecutor(AT_ONCE, "dataprep-tars") as pool:
        indexes = list(pool.map(index, tars))
    samples = [sample for tar, index in zip(tars, indexes, strict=True) for sample in _samples(tar, index, others)]
    splits = _splits([tar.name for tar in tars])
    columns: dict[str, list[Any]] = {
        "uri": [sample.place.uri for sample in samples],
        "bytes": [sample.place.length for sample in samples],
        "modified": [sample.modified for sample in samples],
        "error": [sample.error for sample in samples],
    }
    if splits:
        columns["split"] = [splits[sample.tar] for sample in samples]
    scan = Scan(dict(sorted(others.items())), _remarks(samples, splits))
    beside = table_of([sample.beside for sample in samples], columns["uri"], root)
    if beside is None:
        levels = read_levels([sample.name for sample in samples], label, False)
        return listed({**columns, "label": levels.labels}, scan=joined([scan, Scan(remarks=levels.remarks)]))
    said = f"taken as WebDataset, {counted(len(tars), 'tar')}: what lies beside an image under its name is about it"
    rows = [[row] for row in range(len(samples))]
    table = describe_rows(columns, rows, beside, "image", Options(label="none", splits=False))
    scan = joined([Scan(remarks=(said,)), scan_of(table), scan])
    if splits and table["split"].null_count == len(table):  # no text beside the images says it
        of = {sample.place.uri: splits[sample.tar] for sample in samples}
        place = table.schema.get_field_index("split")
        named = pa.array([of[uri] for uri in table["uri"].to_pylist()], table.schema.field(place).type)
        table = table.set_column(place, table.schema.field(place), named)
    return with_scan(table, scan)


def _samples(tar: Readable, index: pa.Table, others: Counter[str]) -> list[Sample]:
    """Returns the images in a tar; counts what else is there."""
    entries, shard = index.to_pylist(), shard_name(tar.name)
    beside = _beside(entries, shard)
    found = []
    for entry in entries:
        if _is_listed(entry, tar, others):
            place = Place(shard, entry["offset"], entry["length"])
            known = beside.get(key_of(entry["name"]), {})
            found.append(Sample(tar.name, entry["name"], place, tar.modified, entry["error"], known))
    return found


def _beside(entries: Sequence[Mapping[str, Any]], shard: str) -> dict[str, dict[str, Any]]:
    """Returns what lies beside the images of a tar, by what the members of a sample share."""
    found: dict[str, dict[str, Any]] = {}
    for kind in BESIDE:
        for entry in entries:
            if entry["text"] is not None and ending(entry["name"]) == kind:
                found.setdefault(key_of(entry["name"]), {}).update(parse(kind, entry["text"]))
    for entry in entries:
        if entry["error"] is None and _is_mask(entry["name"]):
            found.setdefault(key_of(entry["name"]), {})["mask"] = Place(shard, entry["offset"], entry["length"]).uri
    return found


def _is_mask(name: str) -> bool:
    return name.lower().endswith(MASKS)


def _is_listed(entry: Mapping[str, Any], tar: Readable, others: Counter[str]) -> bool:
    """Returns whether an entry is an image to list, or something that may be one and cannot be read."""
    name, kind = entry["name"], ending(entry["name"])
    if any(step in SYSTEM or (step.startswith(".") and step not in (".", "..")) for step in name.split("/")):
        return False
    if entry["error"] is not None and (is_image(name) or not name):
        return True
    if entry["error"] is None and not _is_mask(name) and (is_image(name) or (may_be_image(name) and _looks_so(entry, tar))):
        return True
    if kind not in BESIDE and not _is_mask(name):
        others[kind if len(kind) <= LONGEST else "other"] += 1
    return False


def _looks_so(entry: Mapping[str, Any], tar: Readable) -> bool:
    """Returns whether a member starts as images do."""
    try:
        return is_image_data(tar.read(Place(shard_name(tar.name), entry["offset"], entry["length"]), 0, SEEN))
    except SourceError:
        return False


def _splits(names: Sequence[str]) -> dict[str, str]:
    """Returns the split of each tar, where all are called as splits are: train-0001.tar, val-0001.tar; else nothing."""
    found = {name: name.replace(".", "-").replace("_", "-").partition("-")[0].lower() for name in names}
    return found if all(split in SPLITS for split in found.values()) else {}


def _remarks(samples: Sequence[Sample], splits: Mapping[str, str]) -> tuple[str, ...]:
    """Returns what was decided, and which images cannot be read."""
    said = []
    if splits:
        said.append(f"the names of the tars are taken for splits: {quoted(sorted(set(splits.values())))}")
    if bad := [f"{sample.tar}: {sample.name or 'the rest'}" for sample in samples if sample.error is not None]:
        said.append(f"{counted(len(bad), 'image')} in damaged or strange places of the tars: {quoted(bad)}")
    return tuple(said)
