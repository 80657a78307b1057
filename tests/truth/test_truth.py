"""How often the rules are right is what docs/measures.md says, and the bench that measures it tells the truth."""

from collections import Counter

import pytest

pytest.importorskip("skimage")
pytest.importorskip("sklearn")

from pictures import Pictures, jpeg, png
from sets import DISTINCT, planted
from table import MARKS, PAGE, faults, insert, measure, numbers, recalls, score, section

from dataprep.columns import NEAR_DUPLICATE
from dataprep.stages import Deduplicate, Require
from dataprep.testing import photo

pytestmark = pytest.mark.truth

TOLERANCE = 0.01
"""The share of a set's pictures by which a count may differ, but by 1 at least: other decoders and pens give other pixels."""


def test_page() -> None:
    """Every count of the page is what is measured now, and the rules that it names are those that `clean` has by default."""
    text = PAGE.read_text(encoding="utf-8")
    written = text[text.index(MARKS[0]) + len(MARKS[0]) : text.index(MARKS[1])]
    found = section()
    assert written.split("```")[1] == found.split("```")[1], "the default rules changed: run `python tests/truth`"
    then, now = numbers(written), numbers(found)
    total = {key[:2]: count for key, count in (then | now).items() if key[2] == "pictures"}
    changed = {
        key: (then.get(key, 0), now.get(key, 0))
        for key in then | now
        if abs(then.get(key, 0) - now.get(key, 0)) > max(1, TOLERANCE * total[key[:2]])
    }
    assert not changed, "the page says the first, measured is the second; if that is meant, run `python tests/truth`"


@pytest.mark.parametrize("distinct", DISTINCT, ids=lambda each: each.name)
def test_distinct(distinct) -> None:
    """A set is the same when it is made again, and has no file twice."""
    drawn, again = distinct.make(0.05), distinct.make(0.05)
    assert drawn == again
    assert len({picture.data for picture in drawn.pictures}) == len(drawn.pictures)


def test_planted() -> None:
    """Each copy and each fault is there once for every photograph, whose number it has."""
    for pictures in planted(count=3):
        sorts = {picture.label for picture in pictures.pictures}
        assert Counter((picture.label, picture.of) for picture in pictures.pictures) == Counter(
            (s, n) for s in sorts for n in range(3)
        )


def test_score() -> None:
    """What is dropped is counted by its reason, and as one of another label where the twin has another one."""
    pictures = [
        jpeg(photo(number), label, quality=quality)
        for number, label, quality in ((0, "a", 90), (0, "a", 60), (0, "b", 50), (1, "a", 90))
    ]
    manifest = measure(Pictures("toys", "drawing", (*pictures, png(photo(2, 20, 20), "a"))))
    assert score(manifest)[2:] == (5, 1, {NEAR_DUPLICATE: 2, "too small": 1})
    assert score(manifest, [Deduplicate(by=None)])[2:] == (5, 0, {})
    assert score(manifest, [Require("height", least=50)])[2:] == (5, 0, {"height out of range": 1})


def test_recalls() -> None:
    """A copy is found where it and its photograph are taken for one, whichever is kept; other drops are wrong."""
    sorts = {"smaller": (0, 1), "other": (2, 2)}
    pictures = [jpeg(photo(number), "original", number, 90) for number in (0, 1)]
    pictures += [jpeg(photo(seed), name, number, 70) for name, seeds in sorts.items() for number, seed in enumerate(seeds)]
    found = recalls(measure(Pictures("toys", "drawing", tuple(pictures))))
    assert [tuple(each) for each in found] == [("smaller", 2, 2, 0), ("other", 2, 0, 1)]


def test_faults() -> None:
    """A fault is found where a picture is dropped for anything but being a copy; good pictures that are dropped are wrong."""
    good = [jpeg(photo(number), "original", number) for number in range(3)]
    dark = [png(photo(number) // 30, "dark", number) for number in range(3)]
    found = faults(measure(Pictures("toys", "drawing", (*good, *dark))))
    assert [tuple(each) for each in found] == [("none", 3, 0, 0), ("dark", 3, 3, 0)]


def test_insert() -> None:
    """What is between the marks is replaced, and nothing else; the numbers of a table are found again."""
    page = f"before\n\n{MARKS[0]}\n\nold\n\n{MARKS[1]}\nafter\n"
    table = "| set | kind | pictures | share |\n|---|---|--:|--:|\n| a | b | 12 | 5 % |\n"
    assert insert(page, table) == page.replace("old\n", table)
    assert numbers(insert(page, table)) == {("set", "a", "pictures"): 12}
