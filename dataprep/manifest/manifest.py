"""The manifest: every image a row, kept or dropped with its reason, with the pipeline and the source it came from.

One Parquet file that any tool reads. Its columns are those of `dataprep.columns`: of the record, of the file, one or more for
each measure, error, and the verdict. What Parquet has no column for is JSON in the schema's metadata.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import evolve
from numpy.typing import NDArray

from dataprep.columns import LEAK
from dataprep.errors import ManifestError, suggestion
from dataprep.manifest.entries import statistics_in
from dataprep.manifest.fingerprint import COLUMNS as FINGERPRINTED
from dataprep.manifest.fingerprint import fingerprint_of_kept
from dataprep.manifest.forms import frame_of, html_of, paths_of
from dataprep.manifest.labels import LEARNT, counts_of, is_list_of_text, numbers_of, weights_of
from dataprep.manifest.overrides import NO_OVERRIDES, Overrides, check_overrides
from dataprep.manifest.parts import Fold, fold_of, inside, outside, protecting, split_of
from dataprep.manifest.run import Run
from dataprep.manifest.saved import contents_of, write_manifest
from dataprep.manifest.statistics import statistics_of, train_rows
from dataprep.manifest.stored import Stored, Table
from dataprep.manifest.suspects import copies_in, suspects_of
from dataprep.manifest.verdicts import check_measured, verdicts
from dataprep.pipeline import Pipeline, check_pipeline
from dataprep.protocols import Measure, Source
from dataprep.stages import ChannelSums, Deduplicate
from dataprep.types import Statistics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Manifest:
    """The table of records, what was measured, the pipeline that judged them and the source that reads them.

    Example:
        >>> manifest = dp.clean("photos")
        >>> len(manifest), manifest.reasons()
        (13, {'exact duplicate': 1})
        >>> manifest.write("manifest.parquet")
        >>> dp.Manifest.read("manifest.parquet") == manifest
        True

    Attributes:
        table: One row for each image, in the order of the ids.
        pipeline: The stages it was made with.
        source: Where the images are.
        measures: What the measured columns come from.
        classes: The labels of all records that were scanned, sorted; a label's index is its class number, whatever is kept.
        ignored: How many files beside the images the scan met and left alone, by how their names end.
        run: What `clean` did in this process to make it; not written to the file.
        frozen: Mean and std that were fixed when splits were made, or where this is a part of another manifest: those of what is
            trained on; every split carries them, whatever is judged anew. None where there are no splits.
        words: Where this is a part of another manifest, the vocabularies of the whole, by column; see `vocabulary`.
        remarks: What was decided about the source as it was scanned, such as what was taken for labels, a sentence each.
        packed: Where `pack` wrote the images, how: `shuffled` is the seed of their order, None where they were not shuffled.
    """

    table: pa.Table
    pipeline: Pipeline
    source: Source
    measures: tuple[Measure, ...]
    classes: tuple[str, ...]
    ignored: Mapping[str, int] = field(default_factory=dict)
    run: Run | None = field(default=None, compare=False)
    frozen: Statistics | None = None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    packed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> pa.Table | Stored:
        """The records: the table, or where a file has millions of them, what gives single columns of it, and looks rows up.

        Example:
            >>> len(manifest.rows), manifest.rows.schema.names[:2]
            (13, ['id', 'uri'])
        """
        rows: pa.Table | Stored = self.__dict__["rows"]
        return rows

    def __len__(self) -> int:
        """The number of records, kept or not."""
        return len(self.rows)

    def __repr__(self) -> str:
        """How many records there are, how many are kept, and how many labels and which splits they have."""
        kept, labels = len(self.kept("id")), len(self.classes)
        splits = (
            sorted(self.rows.select(["split"])["split"].drop_null().unique().to_pylist())
            if "split" in self.rows.schema.names
            else []
        )
        named = f"{labels:,} labels" if labels > 1 else f"the label {self.classes[0]!r}" if labels else "no labels"
        named += f", splits {', '.join(map(repr, splits[:5]))}" if splits else ""
        return f"Manifest({len(self):,} records, {kept:,} kept, {named}, source={self.source!r})"

    def kept(self, *columns: str) -> pa.Table:
        """Returns the rows that are kept, with some columns, or all where none is named.

        Example:
            >>> manifest.kept("uri", "label").to_pylist()[:2]
            [{'uri': 'cat/0000.jpg', 'label': 'cat'}, {'uri': 'cat/0002.jpg', 'label': 'cat'}]
            >>> manifest.kept("sharpnes")
            Traceback (most recent call last):
                ...
            dataprep.errors.ManifestError: kept: no column 'sharpnes'; did you mean 'sharpness'?

        Raises:
            ManifestError: There is no such column.
        """
        names = self._columns("kept", columns)
        rows = self.rows.select(list(dict.fromkeys((*names, "keep"))))
        return rows.filter(rows["keep"]).select(names)

    def _columns(self, where: str, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the columns that are asked for, all where none is named; they have to be there."""
        there = self.rows.schema.names
        for name in columns:
            if name not in there:
                raise ManifestError(f"{where}: no column {name!r:.200}; {suggestion(str(name), there)}")
        return columns or tuple(there)

    def reasons(self) -> dict[str, int]:
        """Returns how many rows were dropped for each reason, the most frequent first.

        Example:
            >>> manifest.reasons()
            {'exact duplicate': 1}
        """
        counts = Counter(self.rows.select(["reason"])["reason"].drop_null().to_pylist())
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def select(self, split: str) -> "Manifest":
        """Returns the records of one split, with the same ids, class numbers and statistics as the other splits have.

        Example:
            >>> parts = dp.split(manifest, {"train": 0.5, "val": 0.5})
            >>> len(parts.select("val").kept())
            6

        Raises:
            ManifestError: There is no such split.
        """
        return split_of(self, split)

    def fold(self, number: int) -> Fold:
        """Returns what to train on and what to validate with in one round of a cross-validation.

        Both have the same ids and class numbers, and the statistics of what is trained on in this round.

        Args:
            number: From 0, less than the number of folds that `dp.split(manifest, folds=...)` made.

        Raises:
            ManifestError: There is no such fold.

        Example:
            >>> train, val = dp.split(manifest, folds=3).fold(0)
            >>> len(train.kept()), len(val.kept())
            (8, 4)
        """
        return fold_of(self, number)

    def labels(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """Returns what a model learns of each kept row.

        Example:
            >>> manifest.labels()
            array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
            >>> manifest.classes
            ('cat', 'dog')

        Returns:
            (N,) int64 class numbers, -1 without a label; where images may have several, (N, classes) float32, 1 for each that an
            image has and 0 for others; where labels are numbers, (N,) float32, NaN without one.
        """
        known = [name for name in LEARNT if name in self.rows.schema.names]
        return numbers_of(self.kept(*known), self.classes)

    def class_counts(self) -> dict[str, int]:
        """Returns how many kept images each class has, in the order of class numbers; one with several labels counts for each.

        Example:
            >>> manifest.class_counts()
            {'cat': 6, 'dog': 6}

        Raises:
            ManifestError: There are no classes.
        """
        return dict(zip(self.classes, counts_of(self.labels(), self.classes).tolist(), strict=True))

    def class_weights(self) -> NDArray[np.float32]:
        """Returns what to weigh each class by, so that rare ones count as much as frequent ones.

        Example:
            >>> manifest.class_weights()  # CrossEntropyLoss(weight=torch.from_numpy(...))
            array([1., 1.], dtype=float32)

        Returns:
            (classes,) kept images with a label / (classes that have some · images of the class), as scikit-learn's "balanced";
            where an image may have several labels, images without the label / images with it, as BCEWithLogitsLoss takes for
            its `pos_weight`. 0 for a class without an image.

        Raises:
            ManifestError: There are no classes.
        """
        return weights_of(self.labels(), self.classes)

    def paths(self) -> list[Path]:
        """Returns the path of each kept image, in the order of `kept` and `labels`.

        Example:
            >>> [path.name for path in manifest.paths()[:2]]
            ['0000.jpg', '0002.jpg']

        Raises:
            ManifestError: The images are no files, but lie in an archive or a table.
        """
        return paths_of(self)

    def to_pandas(self, *columns: str) -> "pd.DataFrame":
        """Returns all records, kept or not, as a data frame: whole numbers and truth values stay such, where there are nulls too.

        Example:
            >>> manifest.to_pandas("uri", "keep").query("keep").shape
            (12, 2)

        Args:
            columns: Which; none stands for all.

        Raises:
            ManifestError: There is no such column, or pandas is not installed.
        """
        return frame_of(self.rows.select(self._columns("to_pandas", columns)))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_of(self)

    def vocabulary(self, column: str) -> tuple[str, ...] | None:
        """Returns the words in a column of lists of text, such as the labels of boxes: their places are class numbers.

        They are those of all records that were scanned, sorted, whatever is kept and also in a part of a manifest; or `classes`,
        where these hold all of them. None where there is no such column.

        Example:
            >>> import pyarrow as pa
            >>> table = pa.table({"image": ["photos/cat/0000.jpg"], "box_labels": [["dog", "cat"]]})
            >>> dp.clean(table).vocabulary("box_labels")
            ('cat', 'dog')
        """
        if column in self.words:
            return self.words[column]
        if column not in self.rows.schema.names or not is_list_of_text(self.rows.schema.field(column).type):
            return None
        words = tuple(sorted(pc.unique(pc.list_flatten(self.rows.select([column])[column])).drop_null().to_pylist()))
        return self.classes if set(words) <= set(self.classes) else words

    def leaks(self) -> pa.Table:
        """Returns the rows that were dropped because a protected split has a copy of them.

        Example:
            >>> parts = {"train": dp.Folder("photos/dog"), "test": dp.Folder("photos/cat")}
            >>> rules = dp.standard_rules(protect=("test",))
            >>> dp.clean(parts, dp.Pipeline(*rules)).leaks()["uri"].to_pylist()
            ['train/copy.jpg']
        """
        return self.table.filter(pc.equal(self.table["reason"], LEAK))

    def conflicts(self) -> pa.Table:
        """Returns the rows with a twin whose label is another.

        Example:
            >>> manifest.conflicts().select(["uri", "label", "twin_label"]).to_pylist()
            [{'uri': 'dog/copy.jpg', 'label': 'dog', 'twin_label': 'cat'}]
        """
        copies = self.copies()
        return copies.filter(pc.fill_null(pc.not_equal(copies["label"], copies["twin_label"]), False))

    def suspected_conflicts(self) -> pa.Table:
        """Returns the pairs of kept images with different labels that may be copies but are not proven to be.

        It searches the kept rows for copies once more, where their hashes and small pictures are still here; reads no image.

        Example:
            >>> manifest.suspected_conflicts().num_rows
            0

        Returns:
            `id`, `uri` and `label` of the one, `twin`, `twin_uri` and `twin_label` of the other.
        """
        rules = [rule for rule in self.pipeline.rules if isinstance(rule, Deduplicate)] if len(self.classes) > 1 else []
        return suspects_of(self.table, rules, {field.name for measure in self.measures for field in measure.fields})

    def copies(self) -> pa.Table:
        """Returns the rows with a twin, and its label and digest as `twin_label` and `twin_digest`, null where it is not here.

        Example:
            >>> manifest.copies().select(["uri", "twin", "distance"]).to_pylist()
            [{'uri': 'dog/copy.jpg', 'twin': 0, 'distance': 0}]
        """
        return copies_in(self.table)

    def training(self) -> "Manifest":
        """Returns the records outside of the splits that its rules protect: all, where they protect none.

        Example:
            >>> parts = {"train": dp.Folder("photos/dog"), "test": dp.Folder("photos/cat")}
            >>> found = dp.clean(parts, dp.Pipeline(*dp.standard_rules(protect=("test",))))
            >>> len(found), len(found.training())
            (13, 7)
        """
        return outside(self, protecting(self.pipeline))

    def trained(self) -> pa.Table:
        """Returns the rows that statistics are of: those of the split called train, else those that are not held out.

        Example:
            >>> parts = dp.split(manifest, {"train": 0.5, "val": 0.5})
            >>> parts.trained().num_rows
            7
        """
        return train_rows(self.table, protecting(self.pipeline))

    def protected(self) -> "Manifest":
        """Returns the records of the splits that its rules protect, which stay whatever they are copies of.

        Example:
            >>> parts = {"train": dp.Folder("photos/dog"), "test": dp.Folder("photos/cat")}
            >>> found = dp.clean(parts, dp.Pipeline(*dp.standard_rules(protect=("test",))))
            >>> len(found.protected())
            6
        """
        return inside(self, protecting(self.pipeline))

    def protected_copies(self) -> "Manifest":
        """Returns the kept records of protected splits as if they were not protected: which are copies of another one there.

        It searches them for copies once more, by the rules that protect them; reads no image.

        Example:
            >>> parts = {"train": dp.Folder("photos/dog"), "test": dp.Folder("photos/cat")}
            >>> found = dp.clean(parts, dp.Pipeline(*dp.standard_rules(protect=("test",))))
            >>> found.protected_copies().copies().num_rows
            0
        """
        rules = [rule for rule in self.pipeline.rules if isinstance(rule, Deduplicate) and rule.protect]
        table = verdicts(self.protected().kept(), tuple(evolve(rule, protect=(), conflicts="keep") for rule in rules))
        return replace(self, table=table)

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits of the kept rows' ids, uris, labels and contents, and the classes: what a resumed run must find again.

        Example:
            >>> len(manifest.fingerprint)
            32
            >>> dp.split(manifest, {"train": 0.5, "val": 0.5}).fingerprint == manifest.fingerprint
            True
        """
        known = self.rows.fingerprint if isinstance(self.rows, Stored) else None
        return known or fingerprint_of_kept(self.rows.select([*FINGERPRINTED, "keep"]), self.classes)

    @cached_property
    def statistics(self) -> Statistics | None:
        """Mean and std for all splits: the frozen ones, else those of the kept images that are trained on.

        None where `ChannelSums` was not measured, or no such image is kept.

        Example:
            >>> [round(std, 2) for std in manifest.statistics.std]
            [0.13, 0.13, 0.13]
            >>> dp.clean("photos").statistics is None  # `ChannelSums` was not measured
            True
        """
        if self.frozen is not None:
            return self.frozen
        if isinstance(self.rows, Stored) and self.rows.chosen is None:
            return statistics_in(self.rows.index.metadata)
        return statistics_of(self.trained()) if ChannelSums() in self.measures else None

    def judge(self, pipeline: Pipeline, overrides: Overrides = NO_OVERRIDES) -> "Manifest":
        """Decides anew what is kept, from the table alone; reads no image.

        Example:
            >>> stricter = dp.Pipeline(*dp.standard_rules(min_brightness=120))
            >>> manifest.judge(stricter).reasons()
            {'too dark': 4, 'exact duplicate': 1}

        Args:
            pipeline: The rules.
            overrides: What a person decided against them. Labels by hand stay, and new ones get the next class numbers.

        Raises:
            ManifestError: A rule needs a measure that this manifest does not have.
        """
        check_pipeline(pipeline, "judge")
        check_overrides(overrides, "judge")
        check_measured(pipeline.rules, self.measures)
        classes = overrides.classes(self.classes, self.table)
        return replace(self, table=verdicts(self.table, pipeline.rules, overrides), pipeline=pipeline, classes=classes)

    def write(self, path: str | Path) -> None:
        """Writes a Parquet file, to a temporary name first, so that no half of one is ever seen; in a store, a whole object.

        Example:
            >>> manifest.write("manifest.parquet")

        Raises:
            ManifestError: It cannot be written.
        """
        write_manifest(self, path)

    @classmethod
    def read(cls, path: str | Path, source: Any = None) -> "Manifest":
        """Reads a manifest.

        Example:
            >>> manifest.write("manifest.parquet")
            >>> manifest = dp.Manifest.read("manifest.parquet")
            >>> from shutil import copytree
            >>> manifest = dp.Manifest.read("manifest.parquet", copytree("photos", "elsewhere"))
            >>> manifest.paths()[0].parent.parent.name
            'elsewhere'

        Args:
            path: The Parquet file, or the folder that `dataprep clean` wrote it to; of either, also the URL in a store.
            source: Where the images are now, if they moved since: a folder, or any other form that `open_source` takes.

        Raises:
            ManifestError: It cannot be read, is not a manifest, is damaged, or is of another version.
            SourceError: `source` is not understood, or not there.
        """
        return cls(**contents_of(path, source))


Manifest.table = Table()  # what a dataclass sets and gets passes by here
