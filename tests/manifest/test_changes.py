"""What became other between two manifests."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.manifest import Manifest
from dataprep.manifest.changes import compare
from dataprep.pipeline import Pipeline
from dataprep.stages import Require
from dataprep.testing import FakeEngine, FakeSource, encoded, photo

CONTENTS = [encoded(photo(number, 24 + 8 * number, 32), "PNG") for number in range(4)]
NAMES = ("cat/a.png", "cat/b.png", "dog/a.png", "dog/c.png", "e.png")


def manifest(files: dict[str, int], least: int = 1) -> Manifest:
    """The manifest of some contents by their names, of images of a height."""
    source = FakeSource({name: CONTENTS[number] for name, number in files.items()})
    return clean(source, Pipeline(Require("height", least=least)), engine=FakeEngine(), progress=False)


@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1), st.integers(1, 60))
def test_nothing_changed(files: dict[str, int], least: int) -> None:
    """A manifest and itself say the same."""
    assert compare(manifest(files, least), manifest(files, least)) == ((), ())


@settings(max_examples=20)
@given(*[st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1)] * 2)
def test_names_and_contents(before: dict[str, int], after: dict[str, int]) -> None:
    """Every name that is gone or new is told once, as moved where contents can be paired, and every other content is told."""
    changes = compare(manifest(before), manifest(after)).images
    kinds = {kind: [change for change in changes if change.kind == kind] for kind in ("gone", "new", "moved", "other content")}
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    assert sorted([change.uri for change in kinds["gone"]] + [str(change.before) for change in kinds["moved"]]) == sorted(gone)
    assert sorted(change.uri for change in kinds["new"] + kinds["moved"]) == sorted(new)
    pairs = Counter(before[name] for name in gone) & Counter(after[name] for name in new)
    assert len(kinds["moved"]) == pairs.total()
    assert all(before[str(change.before)] == after[change.uri] for change in kinds["moved"])
    assert {change.uri for change in kinds["other content"]} == {
        name for name in before.keys() & after.keys() if before[name] != after[name]
    }


@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1), st.integers(1, 60), st.integers(1, 60))
def test_verdicts(files: dict[str, int], one: int, other: int) -> None:
    """Every image whose verdict is another is told, with both, and the rules that differ."""
    first, second = manifest(files, one), manifest(files, other)
    changes = compare(first, second)
    before, after = (dict(zip(m.table["uri"].to_pylist(), m.table["keep"].to_pylist(), strict=True)) for m in (first, second))
    told = {change.uri: change.kind for change in changes.images}
    assert {uri: kind for uri, kind in told.items() if kind in ("dropped", "kept")} == {
        uri: "kept" if after[uri] else "dropped" for uri in files if before[uri] != after[uri]
    }
    assert len(changes.stages) == (2 if one != other else 0)


def test_labels_follow_a_move() -> None:
    """An image that was moved to another folder has another label, too."""
    changes = compare(manifest({"cat/a.png": 1}), manifest({"dog/c.png": 1})).images
    assert [(change.kind, change.uri, change.before, change.after) for change in changes] == [
        ("moved", "dog/c.png", "cat/a.png", "dog/c.png"),
        ("other label", "dog/c.png", "cat", "dog"),
    ]
