"""The checks of measures and rules: all of the house pass, and what breaks one rule is told which."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

import dataprep as dp
from dataprep.stages.catalogue import MEASURES, RULES
from dataprep.testing import check_measure, check_rule

GENERATOR = np.random.default_rng(0)


@dp.register
@dataclass(frozen=True)
class Redness:
    """A measure that keeps every rule; those below break one each."""

    side: Any = 64
    channels: ClassVar[Any] = 3
    version: ClassVar[Any] = 1
    fields: ClassVar[Any] = (pa.field("redness", pa.float32()),)

    def measure(self, image: dp.Image) -> Any:
        return {"redness": float(image[..., 0].mean())}


class Unregistered(Redness):
    pass


class Versionless(Redness):
    version = 0


class Fieldless(Redness):
    fields = ()


class Twice(Redness):
    fields = Redness.fields * 2


class Taken(Redness):
    fields = (pa.field("width", pa.int32()),)


class Infrared(Redness):
    channels = 4


class Incomplete(Redness):
    def measure(self, image):
        return {}


class Overflowing(Redness):
    fields = (pa.field("redness", pa.int8()),)

    def measure(self, image):
        return {"redness": 300}


class Truncated(Redness):
    fields = (pa.field("redness", pa.int32()),)


class Missing(Redness):
    fields = (pa.field("redness", pa.float32(), nullable=False),)

    def measure(self, image):
        return {"redness": None}


class Painting(Redness):
    def measure(self, image):
        image[..., 1:] = 0
        return super().measure(image)


class Keeping(Redness):
    fields = (pa.field("redness", pa.binary()),)

    def measure(self, image):
        return {"redness": memoryview(image.reshape(-1)[:1])}


class Guessing(Redness):
    def measure(self, image):
        return {"redness": GENERATOR.random()}


@pytest.mark.parametrize(
    ("measure", "rule"),
    [
        (object(), "has no 'version', 'fields'"),
        (Versionless(), "has the version 0"),
        (Fieldless(), r"has fields=\(\)"),
        (Twice(), "names a column twice"),
        (Taken(), r"fills \['width'\], which every manifest has of its own"),
        (Redness(side=0), "has side=0"),
        (Infrared(), "has channels=4"),
        (Incomplete(), r"returns \{\}; `measure` returns a value for each of \['redness'\]"),
        (Overflowing(), "finds 300, which its column 'redness' of int8 cannot hold"),
        (Truncated(), "of which 'redness' of int32 keeps .*; give it a float type"),
        (Missing(), "finds nothing for 'redness', which is said never to be null"),
        (Painting(), "changes the image"),
        (Keeping(), "keeps a view of the image"),
        (Guessing(), "finds something else in the same image"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_measure_that_breaks_a_rule_is_told_which(measure: Any, rule: str) -> None:
    """Each measure breaks one rule of the contract, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=rule):
        check_measure(measure)


@pytest.mark.parametrize("kind", MEASURES)
def test_measures_keep_the_contract(kind: Any) -> None:
    """Every measure of the house passes."""
    check_measure(kind(dp.PHash(), "dihedral", True) if kind is dp.Variants else kind())


def test_a_measure_that_keeps_the_rules_passes() -> None:
    """A measure as the documentation asks for passes, and so does the rule that looks at its column."""
    check_measure(Redness())
    check_rule(dp.Require("redness", most=100, measure=Redness()))


@dataclass(frozen=True)
class Judge:
    """A rule that keeps every rule of the contract: it drops the first two records."""

    needs: ClassVar[Any] = ()

    def judge(self, table: pa.Table) -> Any:
        drops = dp.Drops()
        for id in self.chosen(table):
            drops.add(id, "first", f"id {id}")
        return drops

    def chosen(self, table: pa.Table) -> list[int]:
        return table["id"].to_pylist()[:2]


class Needy(Judge):
    needs = [Redness()]  # noqa: RUF012  # no tuple


class Listing(Judge):
    def judge(self, table):
        return self.chosen(table)


class Inventing(Judge):
    def chosen(self, table):
        return [10**6]


class Repeating(Judge):
    def chosen(self, table):
        return super().chosen(table)[:1] * 2


class Changing(Judge):
    def chosen(self, table):
        return GENERATOR.permutation(table["id"].to_pylist()).tolist()[:5]


class Crowded(Judge):
    def chosen(self, table):
        return [table["id"].to_pylist()[1]]


class Silent(Judge):
    def judge(self, table):
        return dp.Drops(self.chosen(table), [" "] * len(self.chosen(table)), [""] * len(self.chosen(table)))


class Numbered(Judge):
    def judge(self, table):
        return dp.Drops(self.chosen(table), ["first"] * len(self.chosen(table)), [1] * len(self.chosen(table)))


@dataclass(frozen=True)
class Twins(Judge):
    """A rule that names a twin for the first two records: by what is added to the id, or a number."""

    twins: tuple[int, ...] = ()
    distances: tuple[int | None, ...] = (1, 1)

    def judge(self, table):
        if len(table) < 2:
            return dp.Drops()
        ids = table["id"].to_pylist()
        twins = [None if twin is None else ids[twin] if twin < 9 else twin for twin in self.twins]
        return dp.Drops(ids[:2], ["copy"] * 2, [""] * 2, twins, list(self.distances))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (object(), "has no 'needs', 'judge'"),
        (Needy(), "needs .*; give a tuple of measures"),
        (Listing(), "returns list; `judge` returns `dataprep.Drops`"),
        (
            dp.Require("redness", least=2, measure=Unregistered()),
            "cannot be read from a pipeline file .* register the stages in its",
        ),
        (Inventing(), r"drops the ids \[1000000\], which are not in its table"),
        (Repeating(), "drops a record twice"),
        (Changing(), "decides otherwise the second time"),
        (Crowded(), "fails on a table of 0 rows: IndexError"),
        (Silent(), "drops without a reason"),
        (Numbered(), "drops with a detail that is no string"),
        (Twins((9999, 5)), "names the twin 9999 of record 1, which is not in its table"),
        (Twins((0, 5)), "names record 1 as the twin of itself"),
        (Twins((1, 5)), "names the twin 2 of record 1, a duplicate itself"),
        (Twins((5, None)), "gives the distance 1 with the twin None"),
        (Twins((5, 5), (-1, 1)), "gives the distance -1"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_rule_that_breaks_the_contract_is_told_how(rule: Any, said: str) -> None:
    """Each rule breaks the contract in one way, and the error says which and what to do."""
    with pytest.raises(AssertionError, match=said):
        check_rule(rule)


HOUSE = [
    dp.Readable(),
    dp.Require("pixels", most=50),
    dp.Outliers("bytes", k=2, within="all"),
    dp.FarBelow("bytes", share=0.9),
    dp.Deduplicate(by=None),
    dp.Deduplicate(conflicts="drop", invariant="flip"),
    *dp.standard_rules(crops=True),
]


@pytest.mark.parametrize("rule", [Judge(), Twins((5, 6)), *HOUSE], ids=repr)
def test_rules_keep_the_contract(rule: Any) -> None:
    """Every rule of the house passes."""
    check_rule(rule)
    assert {type(one) for one in HOUSE} == set(RULES)
