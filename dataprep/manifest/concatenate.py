"""Several manifests as one: what a mixture of data sets is trained from.

    both = dp.concatenate({"photos": photos, "web": web})
    sampler = dp.Sampler(balance="part", shares={"photos": 0.7, "web": 0.3})
    loader = dp.Loader(both, pipeline, sampler=sampler, backend=dp.Torch(workers=2))

The result is a manifest like any other: it is written, read, split, judged and loaded. Every image gets a new id; the columns
`part` and `part_id` say which manifest it comes from and what its id is there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataprep.columns import fields_of, names_of
from dataprep.errors import ManifestError, PipelineError
from dataprep.manifest.given import check_manifest
from dataprep.manifest.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Part, Several
from dataprep.sources.several import below, within


def concatenate(parts: Mapping[str, Manifest]) -> Manifest:
    """Returns one manifest of all records of several, in the order given; reads no image.

    Verdicts stay as they are. Duplicates across the parts are found by `judge`.

    Example:
        >>> paths = write_images("more", 4, seed=100)
        >>> both = dp.concatenate({"photos": manifest, "more": dp.clean("more", manifest.pipeline)})
        >>> both.kept("uri")["uri"][-1].as_py()
        'more/dog/0003.jpg'
        >>> both.judge(both.pipeline).class_counts()  # looks for copies across the two
        {'cat': 8, 'dog': 8}

    Args:
        parts: The manifests under short names, which their uris then start with.

    Raises:
        ManifestError: There are none, a name is invalid, or the parts have columns of other types.
    """
    if not isinstance(parts, Mapping):
        raise ManifestError(f'concatenate takes manifests by name, such as {{"photos": manifest}}, got {parts!r:.200}')
    for name, manifest in parts.items():
        check_manifest(manifest, f"concatenate, under {name!r},")
    if not parts:
        raise ManifestError('concatenate takes manifests by name, such as {"photos": manifest}, not none')
    manifests = list(parts.values())
    try:
        source = Several([Part(name, manifest.source) for name, manifest in parts.items()])
    except PipelineError as error:
        raise ManifestError(f"concatenate: {error}") from error
    ends = list(accumulate(_room(manifest) for manifest in manifests))
    tables = [_rename(name, manifest.table, first) for (name, manifest), first in zip(parts.items(), [0, *ends], strict=False)]
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ManifestError(f"the parts were not measured alike: {error}; run `clean` on each with the same pipeline") from error
    pipelines = [manifest.pipeline for manifest in manifests]
    alike = all(pipeline.rules == pipelines[0].rules for pipeline in pipelines)
    return Manifest(
        table,
        pipelines[0] if alike else Pipeline(*pipelines[0].ops),
        source,
        tuple(measure for measure in manifests[0].measures if all(measure in manifest.measures for manifest in manifests)),
        _classes(manifests),
        dict(sum((Counter(manifest.ignored) for manifest in manifests), Counter())),
        remarks=tuple(dict.fromkeys(remark for manifest in manifests for remark in manifest.remarks)),
    )


def _classes(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Returns the classes of all parts: sorted where those of each are, else in the order in which the parts have them."""
    known = dict.fromkeys(label for manifest in manifests for label in manifest.classes)
    are_sorted = all(list(manifest.classes) == sorted(manifest.classes) for manifest in manifests)
    return tuple(sorted(known) if are_sorted else known)


def _room(manifest: Manifest) -> int:
    """Returns one more than the largest id."""
    return int(pc.max(manifest.table["id"]).as_py() or 0) + 1 if len(manifest) else 0


def _rename(name: str, table: pa.Table, first: int) -> pa.Table:
    """Returns the records of one part under new ids, which start at `first`, and uris that start with its name."""
    table = table.drop_columns([column for column in names_of("concatenate") if column in table.column_names])
    ids = table["id"]
    for column, values in (
        ("id", pc.add(ids, first)),
        ("twin", pc.add(table["twin"], first)),
        ("uri", below(name, table["uri"])),
    ):
        table = table.set_column(table.column_names.index(column), table.schema.field(column), values)
    if "mask" in table.column_names:
        table = table.set_column(table.column_names.index("mask"), "mask", within(name, table["mask"]))
    part, part_id = fields_of("concatenate")
    names = pa.array(np.full(table.num_rows, name, object), part.type)
    return table.append_column(part, names).append_column(part_id, ids)
