"""Parts of a manifest: a split, a round of a cross-validation, what rules protect; each with the class numbers of the whole."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from dataprep.errors import ManifestError, suggestion
from dataprep.manifest.labels import is_list_of_text
from dataprep.manifest.stored import Stored
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate
from dataprep.types import Statistics

if TYPE_CHECKING:
    from dataprep.manifest.manifest import Manifest

FOLD: Final = "fold-"
"""What the name of a split starts with that is one fold of a cross-validation; its number follows."""


class Fold(NamedTuple):
    """One round of a cross-validation.

    Attributes:
        train: The records of all folds but one.
        val: The records of that one.
    """

    train: "Manifest"
    val: "Manifest"


def split_of(manifest: "Manifest", split: str) -> "Manifest":
    """Does what `Manifest.select` does."""
    splits = _splits(manifest)
    known = splits.drop_null().unique().to_pylist()
    if split not in known:
        none = "it has none: `dp.split` or `dataprep split` makes some, or scan with `Folder(root, splits=True)`"
        hint = suggestion(str(split), known) if known else none
        raise ManifestError(f"the manifest has no split {split!r}; {hint}")
    fingerprint = manifest.rows.fingerprint_of(split) if isinstance(manifest.rows, Stored) else None
    return _part(manifest, pc.equal(splits, split), manifest.statistics, fingerprint)


def fold_of(manifest: "Manifest", number: int) -> Fold:
    """Does what `Manifest.fold` does."""
    splits = _splits(manifest)
    known = sorted(name for name in splits.drop_null().unique().to_pylist() if name.startswith(FOLD))
    if not known or number not in range(len(known)):
        hint = f"give 0 to {len(known) - 1}" if known else "it has none; `dp.split(manifest, folds=5)` makes them"
        raise ManifestError(f"the manifest has no fold {number!r}; {hint}")
    is_val = pc.equal(splits, f"{FOLD}{number}")
    train = _part(manifest, pc.invert(is_val), None)
    frozen = train.statistics
    rows: Any = train.rows
    return Fold(replace(train, table=rows, frozen=frozen), _part(manifest, is_val, frozen))


def protecting(pipeline: Pipeline) -> list[str]:
    """Returns the splits that the rules of a pipeline protect."""
    return sorted({split for rule in pipeline.rules if isinstance(rule, Deduplicate) for split in rule.protect})


def inside(manifest: "Manifest", splits: Collection[str]) -> "Manifest":
    """Returns the records of some splits."""
    return _part(manifest, pc.is_in(_splits(manifest), value_set=pa.array(splits, pa.string())), manifest.frozen)


def outside(manifest: "Manifest", splits: Collection[str]) -> "Manifest":
    """Returns the records of no split, or of others."""
    return _part(manifest, pc.invert(pc.is_in(_splits(manifest), value_set=pa.array(splits, pa.string()))), manifest.frozen)


def _splits(manifest: "Manifest") -> pa.ChunkedArray:
    return manifest.rows.select(["split"])["split"]


def _part(manifest: "Manifest", chosen: pa.ChunkedArray, frozen: Statistics | None, fingerprint: str | None = None) -> "Manifest":
    """Returns some of the records, in which labels have the class numbers that they have in the whole."""
    rows: Any = manifest.rows
    lists = [field.name for field in rows.schema if is_list_of_text(field.type)]
    words = {name: words for name in lists if (words := manifest.vocabulary(name)) is not None}
    if not pc.all(chosen, skip_nulls=False).as_py():  # else nothing is copied
        rows = rows.where(chosen, fingerprint) if isinstance(rows, Stored) else rows.filter(chosen)
    return replace(manifest, table=rows, frozen=frozen, words=words)
