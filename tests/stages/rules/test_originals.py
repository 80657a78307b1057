"""Originals: of several copies the one is kept that is likely what the others were made from."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import PipelineError
from dataprep.pipeline import Pipeline
from dataprep.stages import Deduplicate, DeduplicateCrops, LaplacianVariance
from dataprep.types import Drops

PLAIN: dict[str, Any] = {
    "uri": "a/x.jpg",
    "digest": "m",
    "label": "cat",
    "split": None,
    "format": "JPEG",
    "height": 100,
    "width": 100,
    "bytes": 10_000,
    "modified": 5,
    "sharpness": 10.0,
    "captured": None,
}
WORDS = [(name, pa.string()) for name in ("label", "split", "format")]
SCHEMA = pa.schema([*WORDS, ("captured", pa.timestamp("ms")), ("modified", pa.int64())])


def table_of(*rows: dict[str, Any]) -> pa.Table:
    """Returns a table of copies of one picture, each like `PLAIN` but for what is given."""
    full = [{**PLAIN, **row, "id": place, "phash64": b"12345678"} for place, row in enumerate(rows)]
    names = list(full[0])
    types = {field.name: field.type for field in SCHEMA}
    return pa.table({name: pa.array([row[name] for row in full], types.get(name)) for name in names})


def kept_of(*rows: dict[str, Any], **options: Any) -> int:
    """Returns the place of the copy that is kept, which is the same in any order."""
    found = set()
    for turned in (rows, rows[::-1]):
        drops: Drops = Deduplicate(**{"verify": None, "proof": None} | options).judge(table_of(*turned))
        (kept,) = set(range(len(rows))) - set(drops.ids)
        found.add(rows.index(turned[kept]))
    (place,) = found
    return place


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"label": None, "height": 300}, {}),
        ({"height": 99, "format": "PNG", "bytes": 90_000, "captured": datetime(2020, 1, 1)}, {}),  # noqa: DTZ001
        ({"bytes": 90_000, "captured": datetime(2020, 1, 1)}, {"format": "PNG"}),  # noqa: DTZ001
        ({"bytes": 7_900, "captured": datetime(2020, 1, 1)}, {}),  # noqa: DTZ001
        ({"bytes": 10_100}, {"captured": datetime(2020, 1, 1)}),  # noqa: DTZ001
        ({"bytes": 10_100, "uri": "a/x (1).jpg"}, {}),
        ({"bytes": 10_000, "digest": "a"}, {"bytes": 10_100}),
        ({"digest": "n"}, {"digest": "m"}),
        ({"sharpness": 9000.0, "digest": "n"}, {}),
    ],
)
def test_what_speaks_for_an_original(worse: dict[str, Any], better: dict[str, Any]) -> None:
    """A label, then pixels, then no loss, then bytes for each pixel, the time of a camera, a name, bytes, the digest."""
    assert kept_of(worse, better) == 1


def test_sharpness_is_no_witness() -> None:
    """A brightened copy of 62 kB does not beat its original of 146 kB, however much sharper it seems."""
    assert kept_of({"bytes": 62_000, "sharpness": 900.0, "label": "dog"}, {"bytes": 146_000, "sharpness": 300.0}) == 1


COPIES = [
    "x (1).jpg",
    "x(2).png",
    "Copy of x.jpg",
    "x - Kopie.jpg",
    "x - Copy (2).JPG",
    "x-edited.jpg",
    "x_copy2.jpg",
    "копия x.jpg",
]
NAMES = ["x.jpg", "copyright.jpg", "credit.jpg", "tiger (3) a.jpg", "copy/x.jpg", "x", "0003 (photo).jpg", "scopes.jpg"]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("name", NAMES)
def test_names_of_copies(copied: str, name: str) -> None:
    """Of the same content the one is kept whose name is not that of a copy, whichever comes first in the alphabet."""
    for folders in ("", "0/", "z/"):
        assert kept_of({"uri": folders + copied}, {"uri": name}) == 1


@pytest.mark.parametrize(
    ("prefer", "kept"),
    [
        ((), 0),
        (("originals/",), 1),
        (("-bytes",), 2),
        (("sharpness",), 2),
        (("-captured",), 3),
        (("captured",), 1),
        (("-modified", "b/"), 3),
        (("b/", "captured"), 3),
        (("nothing/", "originals/"), 1),
    ],
)
def test_prefer(prefer: tuple[str, ...], kept: int) -> None:
    """Folders and columns that are named come before all that speaks for an original, in their order."""
    rows = (
        {"uri": "a/1.jpg", "height": 900},
        {"uri": "originals/1.jpg", "captured": datetime(2021, 1, 1)},  # noqa: DTZ001
        {"uri": "b/1.jpg", "bytes": 10, "sharpness": 99.0},
        {"uri": "b/2.jpg", "captured": datetime(2020, 1, 1), "modified": 1},  # noqa: DTZ001
    )
    assert kept_of(*rows, prefer=prefer) == kept


def test_prefer_measures() -> None:
    """What fills a column that is named is measured, once."""
    rule = Deduplicate(prefer=["sharpness", "-sharpness", "bytes", "a/"])
    assert LaplacianVariance() in rule.needs
    assert Pipeline(rule).measures.count(LaplacianVariance()) == 1
    assert LaplacianVariance() not in Deduplicate(prefer=("bytes", "captured")).needs


@pytest.mark.parametrize("rule", [Deduplicate, DeduplicateCrops])
@pytest.mark.parametrize(
    ("prefer", "said"),
    [
        ("originals/", r"prefer='originals/'\): give a list, such as"),
        (("originals",), r"no column 'originals' to choose by; .*; or a folder, as 'originals/'"),
        (("sharpnes",), r"no column 'sharpnes' to choose by; did you mean 'sharpness'"),
        (("label",), r"no column 'label' to choose by; it is no number of a record"),
        ((7,), r"7 is neither a folder"),
        (("",), r"'' is neither a folder"),
    ],
)
def test_prefer_what_is_not_there(rule: type, prefer: Any, said: str) -> None:
    """What is neither a folder nor a column of numbers is refused, with what there is."""
    with pytest.raises(PipelineError, match=said):
        rule(prefer=prefer)


ROWS = st.fixed_dictionaries(
    {
        "label": st.sampled_from(["cat", None]),
        "height": st.integers(1, 3),
        "format": st.sampled_from(["PNG", "JPEG", None]),
        "bytes": st.integers(1, 40_000),
        "captured": st.sampled_from([None, datetime(2020, 1, 1)]),  # noqa: DTZ001
        "uri": st.sampled_from(["x.jpg", "x (1).jpg"]),
    }
)


@given(st.lists(ROWS, min_size=3, max_size=3, unique_by=str), st.lists(st.sampled_from(["bytes", "-captured", "x/"]), max_size=2))
def test_one_order(rows: list[dict[str, Any]], prefer: list[str]) -> None:
    """What is better than the better of two is better than the worse: the choice of three agrees with those of two."""
    rows = [{**row, "digest": str(place)} for place, row in enumerate(rows)]
    best = kept_of(*rows, prefer=prefer)
    assert all(kept_of(rows[best], row, prefer=prefer) == 0 for row in rows if row != rows[best])


def test_older_tables() -> None:
    """A table without formats or times of cameras is judged by the rest."""
    table = table_of({"bytes": 1}, {}).drop_columns(["format", "captured", "sharpness"])
    for prefer in ((), ("captured",)):
        assert Deduplicate(verify=None, proof=None, prefer=prefer).judge(table).ids == [0]
