"""The rule that finds copies of which the hash of a whole picture knows nothing: parts of it, or bars around it, or its negative.

Corners that look alike propose pairs; a pair is a copy where enough of them say of one place that the one picture lies there in
the other, and the two small pictures agree there. What lies on each other as a whole is left to `Deduplicate`: pictures of one
kind, such as forms, do so by nature.
"""

from functools import partial
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import Attribute, field, frozen
from numpy.typing import NDArray

from dataprep.arguments import as_tuple
from dataprep.columns import LEAK, NEAR_DUPLICATE
from dataprep.describe import register
from dataprep.protocols import Measure
from dataprep.search import Agreement, Local, Overlap, Pairs, agreement, candidates, overlap, stars
from dataprep.stages.measures.local import SMALL, LocalFeatures, corners_of
from dataprep.stages.rules.conflicts import CHOICE, Conflicts, settle
from dataprep.stages.rules.deduplicate import PREFERRED, SPLITS, as_splits
from dataprep.stages.rules.originals import check_preferred, measures_of, preference
from dataprep.types import Drops

CORNERS: Final = 12
"""That say where the one picture lies in the other."""
OF_POSSIBLE: Final = 0.15
"""Share of the corners there that say so."""
WITHIN: Final = 0.8
"""Share of one of the pictures that is in the other, at least."""
SHARED: Final = 0.3
"""Share of the other one."""
WHOLE: Final = 0.9
"""From this share of both on, each is the whole of the other."""
LEAST: Final = Agreement(luminance=0.99, gradients=0.98, cells=0.95, texture=0.2)
"""How well the small pictures agree where they overlap."""


@register
@frozen
class DeduplicateCrops:
    """Drops copies that show a part of another picture, have bars, a border or a caption around it, or are its negative.

    The part is 30 % to 90 % of the one picture and 80 % or more of the other, upright and not mirrored; where it is more of both,
    hashes find it. Photographs with few details, or below some 100 pixels, are not found. Of two copies the better one is kept,
    as by `Deduplicate`, after which it comes: the one with more pixels, whatever they show.

    Example:
        >>> from pathlib import Path
        >>> image = photo(60, height=480, width=640)
        >>> _ = Path("photos/cat/whole.jpg").write_bytes(encoded(image))
        >>> _ = Path("photos/cat/part.jpg").write_bytes(encoded(image[:400, :520]))
        >>> dp.clean("photos", dp.Pipeline(dp.Deduplicate(), dp.DeduplicateCrops())).reasons()
        {'exact duplicate': 1, 'near duplicate': 1}

    Attributes:
        by: The measure of local features.
        protect: Splits whose images stay, such as ("test",): a copy of one in another split is dropped as a "leak".
        conflicts: What to do with a group whose labels disagree: "keep" the best; keep the best with the label that the
            "majority" has; or "drop" it whole, but for protected images.
        prefer: What to keep first: folders, which end in "/", and columns, as in `Deduplicate`.
    """

    finds_copies: ClassVar[bool] = True

    by: LocalFeatures = field(factory=LocalFeatures)
    protect: tuple[str, ...] = field(default=(), converter=as_splits, validator=SPLITS)
    conflicts: Conflicts = field(default="keep", validator=CHOICE)
    prefer: tuple[str, ...] = field(default=(), converter=as_tuple, validator=PREFERRED)

    @prefer.validator
    def _check_preferred(self, _: "Attribute[tuple[str, ...]]", wanted: tuple[str, ...]) -> None:
        check_preferred(wanted)

    @property
    def needs(self) -> tuple[Measure, ...]:
        """The local features, and what fills the columns to prefer by."""
        return (self.by, *measures_of(self.prefer))

    def judge(self, table: pa.Table) -> Drops:
        """Returns the copies, each with the image that is kept for it."""
        if len(table) == 0:
            return Drops()
        shielded = pc.is_in(table["split"], pa.array(self.protect, pa.string())).to_numpy()
        table, protected = table.take(pa.array(preference(table, shielded, self.prefer))), int(shielded.sum())
        details = _copies(table, self.by.side, protected)
        search = partial(_stars_among, np.array(list(details), np.int64).reshape(-1, 2))
        settled = settle(search, table["label"].to_pylist(), protected, self.conflicts)
        centres: list[int] = settled.centre.tolist()
        splits, ids = table["split"].to_pylist(), table["id"].to_pylist()
        verdicts = {
            row: (LEAK, f"{NEAR_DUPLICATE} of an image in {splits[twin]!r}, {details[twin, row]}")
            if twin < protected
            else (NEAR_DUPLICATE, details[twin, row])
            for row, twin in enumerate(centres)
            if twin != row and row not in settled.verdicts
        } | settled.verdicts
        drops = Drops()
        for row, (reason, detail) in verdicts.items():
            drops.add(ids[row], reason, detail, None if centres[row] == row else ids[centres[row]])
        return drops


def _stars_among(pairs: Pairs, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns which of some rows stands for each of them, as an index into them."""
    among = pairs[np.isin(pairs, rows).all(axis=1)]
    return stars(np.searchsorted(rows, among), len(rows))


def _copies(table: pa.Table, side: int, protected: int) -> dict[tuple[int, int], str]:
    """Returns the pairs of rows that are copies, each with a sentence on the second; of two protected rows nothing is said."""
    corners = [corners_of(stored) for stored in table["local_features"].to_pylist()]
    owner = np.repeat(np.arange(len(corners)), [len(each.codes) for each in corners])
    found = candidates(np.concatenate([each.codes for each in corners]), owner)
    sizes = np.stack([table["width"].to_numpy(), table["height"].to_numpy()], axis=1).astype(np.float64)
    sizes /= np.maximum(1, sizes.min(axis=1, keepdims=True) / side)
    small = table["small_picture"].to_pylist()

    def local(row: int) -> Local:
        """Returns the corners and the small picture of a row."""
        picture = np.frombuffer(small[row], np.uint8).reshape(SMALL, SMALL).astype(np.float32)
        return Local(corners[row].codes, corners[row].places, sizes[row], picture)

    copies = {}
    for first, second, negative in zip(*(column.tolist() for column in found), strict=True):
        if second >= protected:
            detail = _detail(local(first), local(second), negative)
            if detail is not None:
                copies[first, second] = detail
    return copies


def _detail(one: Local, other: Local, negative: bool) -> str | None:
    """Returns what the other picture is to the one, or None where it is no copy that this rule answers for."""
    found = overlap(one, other, negative)
    if found is None or not _is_part(found, negative):
        return None
    if not all(is_ >= least for is_, least in zip(agreement(one, other, found, negative), LEAST, strict=True)):
        return None
    twin, own = (f"{share:.0%}".replace("%", " %") for share in found.shares)
    return f"{own} of it is {'the negative of ' if negative else ''}{twin} of its twin, {found.corners} corners agree"


def _is_part(found: Overlap, negative: bool) -> bool:
    """Whether corners say that the one picture is a part of the other, or the other way round."""
    low, high = np.sort(found.shares)
    part = high >= WITHIN and low >= SHARED and (negative or low < WHOLE)
    return bool(part and found.corners >= max(CORNERS, OF_POSSIBLE * found.possible))
