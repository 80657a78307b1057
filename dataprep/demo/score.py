"""How well a manifest tells the truth about a messy folder: what was found of each kind, what was missed, what was lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dataprep.demo.truth import EXPECTED, FAMILY, File, Truth
from dataprep.errors import DataprepError
from dataprep.manifest import Manifest


class Row(NamedTuple):
    """How many files of a kind were planted and how many of them were found."""

    kind: str
    planted: int
    found: int


@dataclass(frozen=True)
class Score:
    """How well a manifest tells the truth.

    Attributes:
        rows: One for each kind that was planted.
        missed: The uri of each planted file that was not found, and what became of it.
        false_drops: The uri of each original that was lost, and why.
    """

    rows: tuple[Row, ...]
    missed: tuple[tuple[str, str], ...]
    false_drops: tuple[tuple[str, str], ...]

    @property
    def recall(self) -> float:
        """The share of the planted files that were found, 0..1."""
        planted = sum(row.planted for row in self.rows)
        return sum(row.found for row in self.rows) / planted if planted else 1.0

    @property
    def precision(self) -> float:
        """The share of right drops among right and false ones, 0..1; 1 where nothing was dropped."""
        found = sum(row.found for row in self.rows)
        return found / (found + len(self.false_drops)) if self.false_drops else 1.0


def score(manifest: Manifest, truth: Truth) -> Score:
    """Compares a manifest of the folder's photos with the truth.

    A copy is found where an image of its family is kept for it; where that is a copy too, the original is rightly dropped.

    Raises:
        DataprepError: The manifest is of other files.
    """
    rows = {row["uri"]: row for row in manifest.table.select(["id", "uri", "keep", "reason", "detail", "twin"]).to_pylist()}
    if other := rows.keys() ^ {file.uri for file in truth.files}:
        raise DataprepError(f"the manifest and the truth are not about the same folder: only one of them has {min(other)!r}")
    family = {file.uri: file.of or file.uri for file in truth.files if file.kind in FAMILY}
    heirs = {uri: heir for uri, heir in _heirs(rows).items() if uri in family and family.get(heir) == family[uri]}
    faults = {file: _fault(file, rows[file.uri], heirs) for file in truth.files}
    wrong = [(file.kind, (file.uri, fault)) for file, fault in faults.items() if fault is not None]
    return Score(
        tuple(row for kind in EXPECTED if kind != "original" and (row := _row(kind, faults)).planted),
        tuple(entry for kind, entry in wrong if kind != "original"),
        tuple(entry for kind, entry in wrong if kind == "original"),
    )


def _heirs(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Returns, by uri, the image that is kept for each one, perhaps itself: the end of its chain of twins."""
    uris = {row["id"]: uri for uri, row in rows.items()}
    heirs = dict(zip(rows, rows, strict=True))
    for _ in range(2):  # an exact copy's twin may itself be a near duplicate
        heirs = {uri: uris.get(rows[heir]["twin"], heir) for uri, heir in heirs.items()}
    return {uri: heir for uri, heir in heirs.items() if rows[heir]["keep"]}


def _fault(file: File, row: Mapping[str, Any], heirs: Mapping[str, str]) -> str | None:
    """Returns what is wrong with a manifest's row, or None; `heirs` are the kept images of the same family."""
    if row["keep"]:
        return None if heirs.get(file.of or file.uri) == file.uri else "kept"
    is_accepted = row["reason"] in (file.expected or EXPECTED["exact copy"])
    if is_accepted and (file.uri in heirs or file.kind not in FAMILY):
        return None
    return f"dropped as {row['reason']}: {row['detail']}" + ("" if row["twin"] is None else f" from record {row['twin']}")


def _row(kind: str, faults: Mapping[File, str | None]) -> Row:
    """Counts one kind."""
    found = [fault is None for file, fault in faults.items() if file.kind == kind]
    return Row(kind, len(found), sum(found))
