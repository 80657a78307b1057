"""The rule that keeps one image of each group of copies: exact ones by content digest, near ones by perceptual hash."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import Attribute, field, frozen
from numpy.typing import NDArray

from dataprep.arguments import as_tuple, check, one_of
from dataprep.columns import DIGEST, EXACT_DUPLICATE, LEAK, NEAR_DUPLICATE
from dataprep.describe import register
from dataprep.errors import PipelineError
from dataprep.protocols import Measure
from dataprep.search import Codes, Hashes, Pictures, keep_best, suspects
from dataprep.search.likeness import BYTES
from dataprep.search.pieces import Pieces
from dataprep.search.proof import ALIGNED_VIEWS
from dataprep.search.stars import first_of_equal
from dataprep.stages.measures.hashing import AnyHash, CropResistantHash, Hash, Invariant, PHash, Variants
from dataprep.stages.measures.miniature import Miniature
from dataprep.stages.rules.conflicts import CHOICE, Conflicts, Verdict, settle
from dataprep.stages.rules.originals import check_preferred, measures_of, preference
from dataprep.types import Drops


def _hash(given: AnyHash | None) -> AnyHash | None:
    """Returns a hash, which the radii are checked against."""
    if given is not None and not isinstance(given, AnyHash):
        raise PipelineError(f"Deduplicate: {given!r} is not a hash; give one, such as PHash(bits=64), or None for none")
    return given


def as_splits(given: Sequence[str]) -> tuple[str, ...]:
    """Returns splits, a list as a tuple."""
    kept: tuple[str, ...] = as_tuple(given)
    return kept


def _check_radius_of(hash: AnyHash | None, name: str, radius: object) -> None:
    """Raises `PipelineError` unless a radius is below what unrelated pictures differ in."""
    if hash is not None and not (isinstance(radius, int) and 0 <= radius < hash.unrelated):
        raise PipelineError(
            f"Deduplicate({name}={radius!r}): the radius of {hash} is 0 to {hash.unrelated - 1}, "
            f"such as {hash.radii[name != 'radius']}; unrelated pictures differ in about {hash.unrelated} of its {hash.bits} bits"
        )


WIDER: Final = (1.6, 1.2)
"""How much wider than hashes alone could be trusted candidates are looked for."""
PROOF: Final = check(lambda given: given is None or isinstance(given, Miniature), "give Miniature(), or None to trust the hashes")
PREFERRED: Final = check(lambda given: isinstance(given, tuple), "give a list, such as ['originals/', 'sharpness']")
SPLITS: Final = check(lambda given: isinstance(given, tuple), "give a list of splits, such as ['test']")


@register
@frozen
class Deduplicate:
    """Keeps the best image of each group of duplicates and names it as the twin of the others.

    The best is what `prefer` says, then has a label, then is what is likely the original: it has the most pixels, then a lossless
    format, then the most bytes for each pixel, in steps of a quarter, then the time of a camera, then a name without "copy",
    "(1)", "edited" and the like, then the most bytes, then the lowest content digest; the order of the rows plays no part. Every
    dropped image is within the radius of the very image that is kept for it, but for those that are dropped for their label.

    Example:
        >>> exact = dp.Pipeline(dp.Deduplicate(by=None))
        >>> manifest.judge(exact).reasons()
        {'exact duplicate': 1}
        >>> careful = dp.Deduplicate(radius=8, protect=("test",), conflicts="drop", prefer=["originals/"])

    Attributes:
        by: The perceptual hash that near duplicates are found by, or None to drop exact copies only.
        radius: The largest Hamming distance, in bits, at which two images may be the same picture; by default what suits the
            hash: 16 for a luminance hash of 64 bits, 77 for one of 256, 2 for `ColorHash`, 8 for `CropResistantHash`; 10 and 48
            where nothing proves the copies.
        verify: A second hash that must agree, so that simple pictures are not lumped together; None trusts the first.
        verify_radius: The largest distance of the second hash, in bits; by default what suits it: 17 for a luminance hash of
            64 bits, 96 for one of 256, 4 for `ColorHash`, 8 for `CropResistantHash`; 14 and 80 where nothing proves the copies.
        invariant: Which copies count: "none" those as they are, "flip" mirrored ones too, "dihedral" also quarter turns.
            `ColorHash` sees them all as they are; `CropResistantHash` knows no mirrored or turned ones.
        protect: Splits whose images stay, such as ("test",): a copy of one in another split is dropped as a "leak".
        conflicts: What to do with a group whose labels disagree: "keep" the best as ever; keep the best with the label that the
            "majority" has, and nothing where none has more than half; or "drop" it whole, but for protected images.
        prefer: What to keep first, before all that speaks for an original: folders, which end in "/", and columns, such as
            "captured" for the latest time of a camera and "-captured" for the earliest; such as ("originals/", "sharpness").
        proof: The small picture that a pair of candidates has to agree in, see `dataprep.search.proof`; None takes all for
            copies.
        views: Whether copies that were cropped, framed or turned by some degrees are looked for too, at four times the hashing.
    """

    finds_copies: ClassVar[bool] = True

    proof: Miniature | None = field(default=Miniature(), validator=PROOF, kw_only=True)
    by: AnyHash | None = field(default=PHash(), converter=_hash)
    radius: int = field()
    verify: AnyHash | None = field(default=PHash(bits=256), converter=_hash)
    verify_radius: int = field()
    invariant: Invariant = field(default="none", validator=one_of("none", "flip", "dihedral"))
    views: bool = False
    protect: tuple[str, ...] = field(default=(), converter=as_splits, validator=SPLITS)
    conflicts: Conflicts = field(default="keep", validator=CHOICE)
    prefer: tuple[str, ...] = field(default=(), converter=as_tuple, validator=PREFERRED)

    @radius.default
    def _suitable(self) -> int:
        return self._suit(self.by or PHash(bits=64), 0)

    @verify_radius.default
    def _suitable_to_verify(self) -> int:
        return self._suit(self.verify or PHash(bits=256), 1)

    def _suit(self, hash: AnyHash, role: int) -> int:
        """Returns the radius of a hash as the first, 0, or as the second, 1; where pictures decide a wider one."""
        proven = self.proof is not None and isinstance(hash, Hash)
        return round(hash.radii[role] * WIDER[role]) if proven else hash.radii[role]

    @radius.validator
    def _check_radius(self, argument: "Attribute[int]", radius: object) -> None:
        _check_radius_of(self.by, argument.name, radius)

    @verify_radius.validator
    def _check_verify_radius(self, argument: "Attribute[int]", radius: object) -> None:
        _check_radius_of(self.verify, argument.name, radius)

    @invariant.validator
    def _check_regions(self, argument: "Attribute[Invariant]", invariant: str) -> None:
        regions = next((hash for hash in self._given if isinstance(hash, CropResistantHash)), None)
        if regions is not None and invariant != "none":
            raise PipelineError(
                f"Deduplicate(invariant={invariant!r}): {regions} knows no mirrored or turned copies; "
                "take another hash, or invariant='none'"
            )

    @prefer.validator
    def _check_preferred(self, _: "Attribute[tuple[str, ...]]", wanted: tuple[str, ...]) -> None:
        check_preferred(wanted)

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The hashes, those of their variants, the small picture, and what fills the columns to prefer by."""
        variants = [Variants(hash, self.invariant, self.views) for hash in self._given if isinstance(hash, Hash)]
        proof = () if self.proof is None or self.by is None else (self.proof,)
        return (*self._given, *(measure for measure in variants if measure.count), *proof, *measures_of(self.prefer))

    @property
    def _given(self) -> tuple[AnyHash, ...]:
        """The hashes that are compared."""
        return () if self.by is None else (self.by,) if self.verify is None else (self.by, self.verify)

    def judge(self, table: pa.Table) -> Drops:
        """Returns the copies, each with the image that is kept for it, and what is dropped because labels disagree."""
        if len(table) == 0:
            return Drops()
        shielded = pc.is_in(table["split"], pa.array(self.protect, pa.string())).to_numpy()
        order, protected = preference(table, shielded, self.prefer), int(shielded.sum())
        groups, conflicts = self._groups(table, order, protected)
        splits = table["split"].take(pa.array(order[:protected])).to_pylist()
        verdicts = dict(_copies(splits, groups)) | conflicts
        ids, rows = table["id"].to_numpy()[order], np.fromiter(verdicts, np.int64, len(verdicts))
        reasons, details = (list(texts) for texts in zip(*verdicts.values(), strict=True)) if verdicts else ([], [])
        alone = (groups.centre[rows] == rows).tolist()  # dropped for their labels
        twins, distances = ids[groups.centre[rows]].tolist(), groups.distance[rows].tolist()
        copies = ([None if own else value for own, value in zip(alone, column, strict=True)] for column in (twins, distances))
        return Drops(ids[rows].tolist(), reasons, details, *copies)

    def suspects(self, table: pa.Table) -> list[tuple[int, int]]:
        """Returns the ids of pairs that look like copies but are not proven, the smaller id first, in ascending order.

        Only photographs that are like nothing else in the table are suspected; of drawings and of families nothing can be said.
        """
        if self.by is None or self.proof is None or len(table) < 2:
            return []
        rows = np.arange(len(table))
        verify = None if self.verify is None else self._hashes(table, rows, self.verify, self.verify_radius)
        pairs = suspects(self._hashes(table, rows, self.by, self.radius), verify, self._pictures(table, rows))
        return sorted((min(pair), max(pair)) for pair in table["id"].to_numpy()[pairs].tolist())

    def _groups(self, table: pa.Table, order: NDArray[np.int64], protected: int) -> tuple["Groups", dict[int, Verdict]]:
        """Returns which row stands for each one, and what is dropped since labels disagree.

        Args:
            table: The records.
            order: (N,) their rows, the best first, the protected ones before all; what is returned counts in this order.
            protected: How many of these there are.
        """
        labels: Sequence[str | None] = pa.nulls(len(order))  # which nobody looks at
        if self.conflicts != "keep":
            labels = table["label"].take(pa.array(order)).to_pylist()
        contents = _contents(table["digest"])
        copied = first_of_equal(contents[order][:, :8], lambda rows: contents[order[rows]])
        if self.by is None:
            centre, verdicts = settle(partial(_same, copied, protected), labels, protected, self.conflicts)
            return Groups(copied, centre, np.zeros(len(copied), np.int64), protected), verdicts
        hashes = self._hashes(table, order, self.by, self.radius)
        verify = None if self.verify is None else self._hashes(table, order, self.verify, self.verify_radius)
        pictures = None if self.proof is None else self._pictures(table, order)

        def search(rows: NDArray[np.int64]) -> NDArray[np.int64]:
            """Returns for each of some rows, by its place among them, the one that stands for it."""
            if len(rows) == len(order):  # nothing is copied
                return keep_best(hashes, verify, protected, pictures)
            return keep_best(hashes.take(rows), verify and verify.take(rows), protected, pictures and pictures.take(rows))

        centre, verdicts = settle(search, labels, protected, self.conflicts)
        moved = np.flatnonzero(centre != np.arange(len(centre)))
        distance = np.zeros(len(centre), np.int64)
        distance[moved] = hashes.distances(np.stack([moved, centre[moved]], axis=1))
        return Groups(copied, centre, distance, protected), verdicts

    def _pictures(self, table: pa.Table, order: NDArray[np.int64]) -> Pictures:
        """Returns the small pictures, with the poses and motions in which a copy may be."""
        codes = Pieces(_pieces(table[Miniature.fields[0].name], BYTES))
        poses = {"none": (0,), "flip": (0, 1), "dihedral": tuple(range(8))}[self.invariant]
        pictures = Pictures(codes, poses, *((ALIGNED_VIEWS, -1.0) if self.views else ()))
        return pictures.take(order)

    def _hashes(self, table: pa.Table, order: NDArray[np.int64], hash: AnyHash, radius: int) -> Hashes:
        codes = _codes(table[hash.fields[0].name], hash.bits // 8, order)
        own = codes.shape[1]
        variants = Variants(hash, self.invariant, self.views) if isinstance(hash, Hash) else None
        if variants is not None and variants.count:
            codes = np.concatenate([codes, _codes(table[variants.fields[0].name], hash.bits // 8, order)], axis=1)
        return Hashes(codes, radius, own)


class Groups(NamedTuple):
    """Which images are copies, the best first; three (N,) columns, and a number.

    Attributes:
        copied: The first row with the same content.
        centre: The row that is kept for it, its own if it is kept.
        distance: The bits between the hashes of the two.
        protected: So many at the start stay.
    """

    copied: NDArray[np.int64]
    centre: NDArray[np.int64]
    distance: NDArray[np.int64]
    protected: int


def _contents(digests: pa.ChunkedArray) -> Pieces:
    """Returns (N, bytes) codes that are the same for the same content: digests, or numbers of what is in their place."""
    if digests.type == DIGEST and not digests.null_count:
        return Pieces(_pieces(digests, DIGEST.byte_width))
    numbers: NDArray[np.int64] = (
        pc.fill_null(digests.combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int64)
    )
    return Pieces([numbers[:, None].view(np.uint8)])


def _pieces(column: pa.ChunkedArray, width: int) -> list[NDArray[np.uint8]]:
    """Returns the values of a column of so many bytes each, (n, bytes) of each chunk: views of its memory, where they can be."""
    if column.type != pa.binary(width) or column.null_count:
        return [np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(-1, width)]
    memory = (np.frombuffer(chunk.buffers()[1] or b"", np.uint8)[chunk.offset * width :] for chunk in column.chunks)
    return [data[: len(chunk) * width].reshape(-1, width) for data, chunk in zip(memory, column.chunks, strict=True)]


def _codes(column: pa.ChunkedArray, width: int, order: NDArray[np.int64]) -> Codes:
    """Returns (N, hashes, bytes) of a column of hashes laid end to end, in an order; what has fewer has its first one again."""
    if pa.types.is_fixed_size_binary(column.type):
        return Pieces(_pieces(column, column.type.byte_width))[order].reshape(len(order), -1, width)
    rows: list[bytes] = column.to_pylist()
    most = max(map(len, rows))
    if min(map(len, rows)) < most:
        rows = [row + row[:width] * ((most - len(row)) // width) for row in rows]
    codes = b"".join(rows)
    return np.frombuffer(codes, np.uint8).reshape(len(rows), -1, width)[order]


def _same(copied: NDArray[np.int64], protected: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns for each of some rows, the best first, the first one of the same content, for protected ones themselves."""
    _, first, members = np.unique(copied[rows], return_index=True, return_inverse=True)
    return np.where(rows < protected, np.arange(len(rows)), first[members])


def _copies(splits: Sequence[str], groups: Groups) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yields the rows that are not kept, each with its reason and detail.

    Args:
        splits: Those of the protected ones.
        groups: Which are copies.
    """
    rows = np.flatnonzero(groups.centre != np.arange(len(groups.centre)))
    twins = groups.centre[rows]
    same, distances = (groups.copied[rows] == groups.copied[twins]).tolist(), groups.distance[rows].tolist()
    for row, twin, exact, distance in zip(rows.tolist(), twins.tolist(), same, distances, strict=True):
        reason, detail = (EXACT_DUPLICATE, "same content") if exact else (NEAR_DUPLICATE, f"distance {distance}")
        yield row, (LEAK, f"{reason} of an image in {splits[twin]!r}, {detail}") if twin < groups.protected else (reason, detail)
