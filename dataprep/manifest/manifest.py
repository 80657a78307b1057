"""The manifest: every image a row, kept or dropped with its reason, with the pipeline and the source it came from.

One Parquet file that any tool reads. Its columns are those of `dataprep.columns`: of the record, of the file, one or more for
each measure, error, and the verdict. What Parquet has no column for is JSON in the schema's metadata.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from attrs import evolve
from numpy.typing import NDArray

from dataprep import sources  # noqa: F401  registers the sources that a manifest may name
from dataprep.columns import LEAK
from dataprep.describe import build, describe
from dataprep.errors import ManifestError, PipelineError, suggestion
from dataprep.files import naming, replacing
from dataprep.manifest.overrides import NO_OVERRIDES, Overrides
from dataprep.manifest.verdicts import verdicts
from dataprep.manifest.versions import VERSION, bring_up_to_date
from dataprep.pipeline import Pipeline
from dataprep.protocols import Measure, Source
from dataprep.stages import ChannelSums, Deduplicate
from dataprep.types import Statistics

METADATA: Final = b"dataprep"
NAME: Final = "manifest.parquet"
"""What `dataprep clean` calls the file."""

SLICE: Final = 65_536


@dataclass(frozen=True)
class Run:
    """What `clean` did to make a manifest.

    Attributes:
        measured: How many images it read, or tried to.
        known: How many it knew from its cache.
        seconds: From the scan to the verdicts.
    """

    measured: int
    known: int
    seconds: float


@dataclass(frozen=True)
class Manifest:
    """The table of records, what was measured, the pipeline that judged them and the source that reads them.

    Attributes:
        table: One row for each image, in the order of the ids.
        pipeline: The stages it was made with.
        source: Where the images are.
        measures: What the measured columns come from.
        classes: The labels of all records that were scanned, sorted; a label's index is its class number, whatever is kept.
        ignored: How many files beside the images the scan met and left alone.
        run: What `clean` did in this process to make it; not written to the file.
    """

    table: pa.Table
    pipeline: Pipeline
    source: Source
    measures: tuple[Measure, ...]
    classes: tuple[str, ...]
    ignored: int = 0
    run: Run | None = field(default=None, compare=False)

    def __len__(self) -> int:
        """The number of records, kept or not."""
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        """How many records there are and how many are kept."""
        kept = len(self.kept("id"))
        return f"Manifest({len(self):,} records, {kept:,} kept, source={self.source!r})"

    def kept(self, *columns: str) -> pa.Table:
        """Returns the rows that are kept, with some columns, or all where none is named."""
        return self.table.select(columns or self.table.column_names).filter(self.table["keep"])

    def reasons(self) -> dict[str, int]:
        """Returns how many rows were dropped for each reason, the most frequent first."""
        counts = Counter(self.table["reason"].drop_null().to_pylist())
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def select(self, split: str) -> "Manifest":
        """Returns the records of one split, with the same ids and class numbers.

        Raises:
            ManifestError: There is no such split.
        """
        known = self.table["split"].drop_null().unique().to_pylist()
        if split not in known:
            hint = suggestion(split, known) if known else "it has none; scan with `Folder(root, splits=True)`"
            raise ManifestError(f"the manifest has no split {split!r}; {hint}")
        return replace(self, table=self.table.filter(pc.equal(self.table["split"], split)))

    def labels(self) -> NDArray[np.int64]:
        """Returns the class number of each kept row, -1 without a label."""
        indices = pc.index_in(self.kept("label")["label"], value_set=pa.array(self.classes, pa.string()))
        numbers: NDArray[np.int64] = pc.fill_null(indices, -1).to_numpy().astype(np.int64)
        return numbers

    def leaks(self) -> pa.Table:
        """Returns the rows that were dropped because a protected split has a copy of them."""
        return self.table.filter(pc.equal(self.table["reason"], LEAK))

    def conflicts(self) -> pa.Table:
        """Returns the rows with a twin whose label is another."""
        copies = self.copies()
        return copies.filter(pc.fill_null(pc.not_equal(copies["label"], copies["twin_label"]), False))

    def copies(self) -> pa.Table:
        """Returns the rows with a twin, and its label and digest as `twin_label` and `twin_digest`, null where it is not here."""
        copies = self.table.filter(pc.is_valid(self.table["twin"]))
        twins = pc.index_in(copies["twin"], value_set=self.table["id"].combine_chunks())
        for name in ("label", "digest"):
            copies = copies.append_column(f"twin_{name}", self.table[name].take(twins))
        return copies

    def training(self) -> "Manifest":
        """Returns the records outside of the splits that its rules protect: all, where they protect none."""
        return self._within(protected=False)

    def protected(self) -> "Manifest":
        """Returns the records of the splits that its rules protect, which stay whatever they are copies of."""
        return self._within(protected=True)

    def protected_copies(self) -> "Manifest":
        """Returns the kept records of protected splits as if they were not protected: which are copies of another one there.

        It searches them for copies once more, by the rules that protect them; reads no image.
        """
        rules = [rule for rule in self.pipeline.rules if isinstance(rule, Deduplicate) and rule.protect]
        table = verdicts(self.protected().kept(), tuple(evolve(rule, protect=(), conflicts="keep") for rule in rules))
        return replace(self, table=table)

    def _within(self, *, protected: bool) -> "Manifest":
        splits = {split for rule in self.pipeline.rules if isinstance(rule, Deduplicate) for split in rule.protect}
        rows = pc.is_in(self.table["split"], value_set=pa.array(sorted(splits), pa.string()))
        return replace(self, table=self.table.filter(rows if protected else pc.invert(rows)))

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the kept rows' ids, uris, labels and contents: what a resumed run must find again."""
        kept = self.kept("id", "uri", "label", "digest")
        hasher = hashlib.sha256(kept["id"].to_numpy().tobytes())
        for column in ("uri", "label", "digest"):
            for start in range(0, len(kept), SLICE):  # of millions of rows no list is made at once
                hasher.update(json.dumps(kept[column].slice(start, SLICE).to_pylist()).encode())
        return hasher.hexdigest()[:32]

    @cached_property
    def statistics(self) -> Statistics | None:
        """Mean and std over the kept images, exact from integer sums; None where `ChannelSums` was not measured."""
        if ChannelSums() not in self.measures:
            return None
        kept = self.kept("height", "width", "channel_sums", "channel_squares")
        if kept.num_rows == 0:
            return None
        pixels = int(pc.sum(pc.multiply_checked(kept["height"].cast(pa.int64()), kept["width"].cast(pa.int64()))).as_py())
        sums, squares = (_totals(kept[name]) for name in ("channel_sums", "channel_squares"))
        mean = [total / pixels for total in sums]
        # pixels * squares - sums**2 in integers: no cancellation
        std = [(pixels * square - total * total) ** 0.5 / pixels for square, total in zip(squares, sums, strict=True)]
        scaled = [tuple(value / 255 for value in values) for values in (mean, std)]
        return Statistics(scaled[0], scaled[1], kept.num_rows, pixels)  # type: ignore[arg-type]  # three channels each

    def judge(self, pipeline: Pipeline, overrides: Overrides = NO_OVERRIDES) -> "Manifest":
        """Decides anew what is kept, from the table alone; reads no image.

        Args:
            pipeline: The rules.
            overrides: What a person decided against them.

        Raises:
            ManifestError: A rule needs a measure that this manifest does not have.
        """
        missing = [measure for rule in pipeline.rules for measure in rule.needs if measure not in self.measures]
        if missing:
            raise ManifestError(
                f"the manifest has no columns of {', '.join(map(repr, dict.fromkeys(missing)))}; run `clean` with this pipeline: "
                "it reads the images once more for what is missing"
            )
        return replace(self, table=verdicts(self.table, pipeline.rules, overrides), pipeline=pipeline)

    def write(self, path: str | Path) -> None:
        """Writes a Parquet file, to a temporary name first, so that no half of one is ever seen.

        Raises:
            ManifestError: It cannot be written.
        """
        metadata = {
            "version": VERSION,
            "pipeline": [describe(stage) for stage in self.pipeline.stages],
            "measures": [describe(measure) for measure in self.measures],
            "source": describe(self.source),
            "classes": self.classes,
            "ignored": self.ignored,
            "statistics": self.statistics._asdict() if self.statistics else None,
        }
        table = self.table.replace_schema_metadata({METADATA: json.dumps(metadata)})
        with naming(path, kind=ManifestError), replacing(path) as temporary, temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd")  # to an open file, for names that are not UTF-8

    @classmethod
    def read(cls, path: str | Path, source: Source | None = None) -> "Manifest":
        """Reads a manifest.

        Args:
            path: The Parquet file, or the folder that `dataprep clean` wrote it to.
            source: Where the images are now, if they moved since.

        Raises:
            ManifestError: It cannot be read, is not a manifest, or is of another version.
        """
        path = file_of(path)
        try:
            with naming(path, "read", ManifestError), path.open("rb") as file:
                table = pq.read_table(file)
        except pa.ArrowInvalid as error:
            raise ManifestError(f"{path} is not a manifest: not a Parquet file") from error
        metadata = _metadata(table, path)
        table = bring_up_to_date(table.replace_schema_metadata(None), metadata.get("version"), path)
        try:
            pipeline = Pipeline.from_descriptions(metadata["pipeline"])
            measures = tuple(build(measure, "measures") for measure in metadata["measures"])
            source = source or build(metadata["source"], "source")
        except PipelineError as error:
            raise ManifestError(f"{path}: {error}; import the module that registers it first") from error
        classes = tuple(metadata["classes"])
        return cls(table, pipeline, source, measures, classes, metadata["ignored"])


def file_of(path: str | Path) -> Path:
    """Returns the file of a manifest, which may be given by its folder."""
    return Path(path) / NAME if Path(path).is_dir() else Path(path)


def _totals(column: pa.ChunkedArray) -> list[int]:
    """Returns the sum of each of three channels as integers of any size."""
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, 3)
    # high and low words are summed apart: the squares of 1e8 large images do not fit 64 bits
    return [(int((channel >> 32).sum()) << 32) + int((channel & 0xFFFFFFFF).sum()) for channel in values.T]


def _metadata(table: pa.Table, path: str | Path) -> dict[str, Any]:
    text = (table.schema.metadata or {}).get(METADATA)
    if text is None:
        raise ManifestError(f"{path} is not a manifest: a Parquet file, but not written by `dataprep clean`")
    metadata: dict[str, Any] = json.loads(text)
    return metadata
