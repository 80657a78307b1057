"""The rule that keeps one image of each group of copies: exact ones by content digest, near ones by perceptual hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.search import Codes, Hashes, keep_best
from dataprep.stages.measures.hashing import Hash, Invariant, PHash, Variants
from dataprep.types import Drops, Measure

STEP = 1.25  # what re-encoding alone does to the sharpness is less: then the file with more bytes is the better one


@register
@dataclass(frozen=True)
class Deduplicate:
    """Keeps the best image of each group of duplicates and names it as the twin of the others.

    The best has the most pixels, then the most sharpness where that was measured, in steps of a quarter, then the most bytes,
    then the lowest content digest; the order of the rows plays no part. Every dropped image is within the radius of the very
    image that is kept for it.

    Attributes:
        by: The perceptual hash that near duplicates are found by, or None to drop exact copies only.
        radius: The largest Hamming distance, in bits, at which two images may be the same picture.
        verify: A second hash that must agree, so that simple pictures are not lumped together; None trusts the first.
        verify_radius: The largest distance of the second hash, in bits.
        invariant: Which copies count: "none" those as they are, "flip" mirrored ones too, "dihedral" also quarter turns.
        protect: Splits whose images stay, such as ("test",): a copy of one in another split is dropped as a "leak".
        conflicts: What to do with a group whose labels disagree: "keep" the best as ever, or "drop" it whole, but for protected
            images.
        views: Whether copies that were cropped, framed or turned by some degrees are looked for too, at four times the hashing.
    """

    by: Hash | None = PHash()
    radius: int = 10
    verify: Hash | None = PHash(bits=256)
    verify_radius: int = 80
    invariant: Invariant = "none"
    views: bool = False
    protect: tuple[str, ...] = ()
    conflicts: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        """Checks each radius against the bits of its hash."""
        for hash, name, radius in ((self.by, "radius", self.radius), (self.verify, "verify_radius", self.verify_radius)):
            if not isinstance(hash, Hash | None):
                raise PipelineError(f"Deduplicate: {hash!r} is no hash; give one, such as PHash(bits=64), or None for none")
            if hash is not None and not (isinstance(radius, int) and 0 <= radius < hash.bits // 2):
                raise PipelineError(
                    f"Deduplicate({name}={radius}): the radius of a hash of {hash.bits} bits is 0 to {hash.bits // 2 - 1}; "
                    "unrelated pictures differ in about half of the bits"
                )
        if self.conflicts not in ("keep", "drop"):
            raise PipelineError(f"Deduplicate(conflicts={self.conflicts!r}): one of 'keep', 'drop'")
        if not isinstance(self.protect, tuple):
            raise PipelineError(f"Deduplicate(protect={self.protect!r}): give a list of splits, such as ['test']")
        if self.invariant not in ("none", "flip", "dihedral"):
            raise PipelineError(f"Deduplicate(invariant={self.invariant!r}): one of 'none', 'flip', 'dihedral'")

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The hashes, and those of their variants."""
        hashes = () if self.by is None else (self.by,) if self.verify is None else (self.by, self.verify)
        variants = [Variants(hash, self.invariant, self.views) for hash in hashes]
        return (*hashes, *(measure for measure in variants if measure.count))

    def judge(self, table: pa.Table) -> Drops:
        """Returns the copies, each with the image that is kept for it, and what is dropped because labels disagree."""
        if len(table) == 0:
            return Drops()
        shielded = pc.is_in(table["split"], pa.array(self.protect, pa.string())).to_numpy()
        table, protected = table.take(pa.array(_preference(table, shielded))), int(shielded.sum())
        groups = self._groups(table, protected)
        verdicts = dict(_copies(table, groups, protected))
        if self.conflicts == "drop":
            verdicts |= _conflicts(table["label"].to_pylist(), groups.centre.tolist(), protected)
        ids = table["id"].to_pylist()
        drops = Drops()
        for row, (reason, detail) in verdicts.items():
            twin = int(groups.centre[row])
            drops.add(ids[row], reason, detail, None if twin == row else ids[twin])
        return drops

    def _groups(self, table: pa.Table, protected: int) -> "Groups":
        """Returns which kept row stands for each one; `table` has the best rows first, the protected ones before all."""
        _, first, group = np.unique(table["digest"].to_numpy().astype(str), return_index=True, return_inverse=True)
        copied = first[group]
        if self.by is None:
            centre = np.where(np.arange(len(copied)) < protected, np.arange(len(copied)), copied)
            return Groups(copied, centre, np.zeros(len(copied), np.int64))
        hashes = self._hashes(table, self.by, self.radius)
        verify = None if self.verify is None else self._hashes(table, self.verify, self.verify_radius)
        centre = keep_best(hashes, verify, protected)
        return Groups(copied, centre, hashes.distances(np.stack([np.arange(len(centre)), centre], axis=1)))

    def _hashes(self, table: pa.Table, hash: Hash, radius: int) -> Hashes:
        variants = Variants(hash, self.invariant, self.views)
        codes = _codes(table[hash.fields[0].name], hash.bits)
        if variants.count == 0:
            return Hashes(codes[:, 0], codes[:, 1:], radius)
        return Hashes(codes[:, 0], _codes(table[variants.fields[0].name], hash.bits), radius)


class Groups(NamedTuple):
    """Which images are copies, the best first; three (N,) columns.

    Attributes:
        copied: The first row with the same content.
        centre: The row that is kept for it, its own if it is kept.
        distance: The bits between the hashes of the two.
    """

    copied: NDArray[np.int64]
    centre: NDArray[np.int64]
    distance: NDArray[np.int64]


def _codes(column: pa.ChunkedArray, bits: int) -> Codes:
    """Returns (N, hashes, bytes) of a column of hashes laid end to end."""
    return np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(len(column), -1, bits // 8)


def _copies(table: pa.Table, groups: Groups, protected: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yields the rows that are not kept, each with its reason and detail."""
    splits = table["split"].to_pylist()
    for row in np.flatnonzero(groups.centre != np.arange(len(groups.centre))).tolist():
        twin = int(groups.centre[row])
        exact = groups.copied[row] == groups.copied[twin]
        reason, detail = ("exact duplicate", "same content") if exact else ("near duplicate", f"distance {groups.distance[row]}")
        yield row, ("leak", f"{reason} of an image in {splits[twin]!r}, {detail}") if twin < protected else (reason, detail)


def _conflicts(labels: list[str | None], centres: list[int], protected: int) -> dict[int, tuple[str, str]]:
    """Returns the rows of all groups in which labels disagree, but for protected ones, each with its reason and detail."""
    given: dict[int, set[str]] = {}
    for label, centre in zip(labels, centres, strict=True):
        given.setdefault(centre, set()).update([] if label is None else [label])
    return {
        row: ("label conflict", f"copies are labelled {', '.join(map(repr, sorted(given[centre])))}")
        for row, centre in enumerate(centres)
        if len(given[centre]) > 1 and row >= protected
    }


def _preference(table: pa.Table, shielded: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the rows of the table, the one to keep first; shielded ones before all others."""
    columns = {name: table[name] for name in ("digest", "uri")}
    columns["shielded"] = pa.array(shielded)
    keys: list[tuple[str, str]] = [("shielded", "descending"), ("pixels", "descending")]
    columns["pixels"] = pa.array(table["height"].to_numpy().astype(np.int64) * table["width"].to_numpy())
    if "sharpness" in table.column_names:
        columns["sharpness"] = pa.array(np.floor(np.log1p(table["sharpness"].to_numpy()) / np.log(STEP)))
        keys.append(("sharpness", "descending"))
    columns["bytes"] = table["bytes"]
    keys += [("bytes", "descending"), ("digest", "ascending"), ("uri", "ascending")]
    order: NDArray[np.int64] = pc.sort_indices(pa.table(columns), sort_keys=keys).to_numpy().astype(np.int64)
    return order
