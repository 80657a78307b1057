"""Overrides: what a person decides against the rules holds for the content that was seen, and is never lost in silence."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.columns import digests_of
from dataprep.errors import ManifestError
from dataprep.manifest import NO_OVERRIDES, Decision, Manifest, Overrides
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder
from dataprep.stages import ChannelSums, Require
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo, write_images

RULES = Pipeline(ChannelSums(), *standard_rules())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of six photos, two smaller copies of the first, a uniform picture and a broken one."""
    folder = tmp_path_factory.mktemp("photos")
    write_images(folder, 6)
    for name, size in (("copy", (72, 96)), ("tiny", (48, 64))):
        (folder / "cat" / f"{name}.png").write_bytes(encoded(photo(0, *size), "PNG"))
    (folder / "cat" / "flat.png").write_bytes(encoded(np.full((64, 64, 3), 120, np.uint8), "PNG"))
    (folder / "cat" / "broken.jpg").write_bytes(encoded(photo(9))[:-500])
    return clean(folder, RULES, engine=FakeEngine())


def decide(manifest: Manifest, **keeps: bool) -> Overrides:
    """Decides about pictures of `cat`, named without their suffix."""
    rows = {Path(row["uri"]).stem: row for row in manifest.table.select(["uri", "digest"]).to_pylist()}
    return Overrides(tuple(Decision(rows[name]["uri"], rows[name]["digest"].hex(), keep) for name, keep in keeps.items()))


def verdict(manifest: Manifest, name: str) -> tuple[bool, str | None, str | None, str | None]:
    """Returns keep, reason, detail and the name of the twin."""
    rows = {Path(row["uri"]).stem: row for row in manifest.table.to_pylist()}
    names = {row["id"]: stem for stem, row in rows.items()}
    row = rows[name]
    return row["keep"], row["reason"], row["detail"], names.get(row["twin"])


def test_the_rules_alone(manifest: Manifest) -> None:
    """Both copies of the first photo fall to it, before anyone decides otherwise."""
    assert [verdict(manifest, name)[3] for name in ("copy", "tiny")] == ["0000", "0000"]
    assert manifest.judge(RULES, NO_OVERRIDES).table.equals(manifest.table)


def test_the_next_best_takes_its_place(manifest: Manifest) -> None:
    """What is dropped by hand is gone before the rules judge: the best of its copies is kept for the others."""
    judged = manifest.judge(RULES, decide(manifest, **{"0000": False}))
    assert verdict(judged, "0000") == (False, "overruled", "dropped by hand", None)
    assert verdict(judged, "copy") == (True, None, None, None)
    assert verdict(judged, "tiny")[3] == "copy"
    assert judged.kept().num_rows == manifest.kept().num_rows


def test_kept_whatever_the_rules_say(manifest: Manifest) -> None:
    """What is kept by hand has no reason or twin, and a detail that says so; it counts, and changes no other verdict."""
    judged = manifest.judge(RULES, decide(manifest, **{"flat": True, "tiny": True, "0000": True}))
    for name in ("flat", "tiny"):
        assert verdict(judged, name) == (True, None, "kept by hand", None)
    assert verdict(judged, "0000") == (True, None, None, None)
    assert verdict(judged, "copy") == verdict(manifest, "copy")
    assert judged.statistics is not None
    assert judged.statistics.images == manifest.kept().num_rows + 2


def test_what_cannot_be_read_is_not_kept(manifest: Manifest) -> None:
    """A decision about a picture that cannot be read is lost, whatever it says."""
    for keep in (True, False):
        overrides = decide(manifest, broken=keep)
        assert manifest.judge(RULES, overrides).table.equals(manifest.table)
        assert overrides.lost(manifest.table) == overrides.decisions


def test_a_decision_is_about_one_content(manifest: Manifest) -> None:
    """A decision holds while both uri and digest are found in one row; otherwise it is given back and changes nothing."""
    held = decide(manifest, **{"0000": False, "flat": True})
    first, second = held.decisions
    changed, gone = first._replace(digest="0" * 64), second._replace(uri="cat/elsewhere.png")
    exchanged = first._replace(digest=second.digest)
    assert held.lost(manifest.table) == ()
    for lost in (changed, gone, exchanged):
        overrides = Overrides((lost,))
        assert overrides.lost(manifest.table) == (lost,)
        assert manifest.judge(RULES, overrides).table.equals(manifest.table)
    assert Overrides((second, gone, changed)).lost(manifest.table) == (gone, changed)


@given(st.dictionaries(st.integers(0, 9), st.booleans()))
def test_every_decision_holds(keeps: dict[int, bool]) -> None:
    """Whatever is decided about readable pictures comes true, and judging twice is judging once."""
    manifest = TOY
    rows = manifest.table.to_pylist()
    overrides = Overrides(tuple(Decision(rows[row]["uri"], rows[row]["digest"].hex(), keep) for row, keep in keeps.items()))
    judged = manifest.judge(manifest.pipeline, overrides)
    readable = [row for row in keeps if rows[row]["error"] is None]
    assert [judged.table["keep"][row].as_py() for row in readable] == [keeps[row] for row in readable]
    assert len(overrides.lost(manifest.table)) == len(keeps) - len(readable)
    assert judged.judge(manifest.pipeline, overrides).table.equals(judged.table)


def toy() -> Manifest:
    """Ten rows, no images: 7 to 9 are too small, 3 cannot be read."""
    columns = {
        "id": pa.array(range(10), pa.int64()),
        "uri": [f"{row}.jpg" for row in range(10)],
        "digest": digests_of(str(row) * 64 for row in range(10)),
        "label": pa.array(["cat", "dog", None, "cat", "dog"] * 2, pa.string()),
        "bytes": pa.array([90 if row > 6 else 100 for row in range(10)], pa.int64()),
        "error": pa.array(["cannot be read" if row == 3 else None for row in range(10)], pa.string()),
    }
    unjudged = Manifest(pa.table(columns), Pipeline(Require("bytes", least=95)), Folder("/nowhere"), (), ("cat", "dog"))
    return unjudged.judge(unjudged.pipeline)


TOY = toy()


def test_read(manifest: Manifest, tmp_path: Path) -> None:
    """A file that the report saves is read as the decisions in it."""
    overrides = decide(manifest, flat=True, copy=False)
    path = tmp_path / "overrides.json"
    for version in (1, 2):
        path.write_text(json.dumps({"version": version, "decisions": [decision.as_json() for decision in overrides.decisions]}))
        assert Overrides.read(path) == overrides


GOOD = {"uri": "a.jpg", "digest": "0", "keep": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("\ud800".encode("utf-8", "surrogatepass"), "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "save one from the report"),
        ('{"version": 3, "decisions": []}', "version 3; this dataprep reads versions 1 and 2"),
        ('{"version": 1}', "lacks 'decisions'"),
        ('{"decisions": []}', "lacks 'version'"),
        ('{"version": 1, "decision": []}', "no 'decision'; did you mean 'decisions'"),
        ('{"version": 1, "decisions": {}}', "`decisions` is a list, got {}"),
        ({"decisions": [GOOD, 7]}, "decision 2 is `{uri, digest, keep, label}`, got 7"),
        ({"decisions": [{"url": "a", "digest": "0", "keep": True}]}, "decision 1 has no 'url'; did you mean 'uri'"),
        ({"decisions": [{"uri": "a", "digest": "0"}]}, "decision 1 lacks 'keep' and 'label': it decides nothing"),
        ({"decisions": [{"uri": "a", "keep": True}]}, "decision 1 lacks 'digest'"),
        ({"decisions": [GOOD | {"label": 7}]}, "`label` is a string of Unicode, got 7"),
        ({"decisions": [GOOD | {"label": ""}]}, "`label` is empty"),
        ({"decisions": [GOOD | {"keep": "yes"}]}, "`keep` is true or false, got 'yes'"),
        ({"decisions": [GOOD | {"keep": 1}]}, "`keep` is true or false, got 1"),
        ({"decisions": [GOOD | {"uri": None}]}, "`uri` is a string of Unicode, got None"),
        ({"decisions": [GOOD | {"uri": "\ud800"}]}, "`uri` is a string of Unicode, got "),
        ({"decisions": [GOOD, GOOD | {"keep": False}]}, "decision 2 is the second one about 'a.jpg'"),
    ],
)
def test_files_that_cannot_be_understood(tmp_path: Path, text: object, message: str) -> None:
    """A file with a fault is refused by name, place and cause, whole: no decision of it is used."""
    path = tmp_path / "overrides.json"
    if isinstance(text, dict):
        text = json.dumps({"version": 1} | text)
    path.write_bytes(text if isinstance(text, bytes) else str(text).encode())
    with pytest.raises(ManifestError) as caught:
        Overrides.read(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_several_files(tmp_path: Path) -> None:
    """Decisions of several files come together; of two about one image, the later file's holds."""
    first = [Decision("a", "1", True), Decision("b", "2", True)]
    second = [Decision("b", "2", False), Decision("c", "3", False)]
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    for path, decisions in zip(paths, (first, second), strict=True):
        path.write_text(json.dumps({"version": 2, "decisions": [decision.as_json() for decision in decisions]}))
    assert Overrides.read(*paths) == Overrides((first[0], second[0], second[1]))
    assert set(Overrides.read(*paths[::-1]).decisions) == {*first, second[1]}
    assert Overrides.read() == Overrides()


KEEPS = st.none() | st.booleans()
LABELS = st.none() | st.sampled_from(["cat", "dog", "owl"])


def test_a_digest_as_bytes_is_refused() -> None:
    """A digest as it stands in a table would be that of no file: the error says how it becomes the text of one."""
    with pytest.raises(ManifestError, match=r"'a\.png' has the digest as bytes; give it as text, by `\.hex\(\)`"):
        Overrides((Decision("a.png", bytes(32), keep=True),))  # type: ignore[arg-type]


DECISIONS = st.builds(Decision, st.sampled_from("abc"), st.sampled_from("12"), KEEPS, LABELS)
SOME = st.lists(DECISIONS, max_size=4, unique_by=lambda decision: decision.uri).map(lambda found: Overrides(tuple(found)))


@given(SOME, SOME)
def test_merged(first: Overrides, second: Overrides) -> None:
    """Of two decisions about one content, the later holds in what it says, and the earlier in what it leaves open."""
    merged = {decision.uri: decision for decision in first.merged(second).decisions}
    earlier, later = ({decision.uri: decision for decision in some.decisions} for some in (first, second))
    assert merged.keys() == earlier.keys() | later.keys()
    for uri, found in merged.items():
        old, new = earlier.get(uri), later.get(uri)
        last = new or old
        assert last is not None
        same = old if old is not None and old.digest == last.digest else last
        assert found.digest == last.digest
        assert (found.keep, found.label) == (
            same.keep if last.keep is None else last.keep,
            same.label if last.label is None else last.label,
        )


@given(st.dictionaries(st.integers(0, 9), st.sampled_from(["cat", "dog", "an owl", "ظبي"])))
def test_labels_by_hand(labels: dict[int, str]) -> None:
    """A readable picture has the label that it was given, all others keep theirs, and new labels are the last classes."""
    rows = TOY.table.to_pylist()
    overrides = Overrides(
        tuple(Decision(rows[row]["uri"], rows[row]["digest"].hex(), label=label) for row, label in labels.items())
    )
    judged = TOY.judge(TOY.pipeline, overrides)
    wanted = [labels[row["id"]] if row["id"] in labels and row["error"] is None else row["label"] for row in rows]
    assert judged.table["label"].to_pylist() == wanted
    assert judged.table.drop_columns("label").equals(TOY.table.drop_columns("label"))
    assert judged.classes == ("cat", "dog", *sorted({label for label in wanted if label} - {"cat", "dog"}))


def test_several_labels_by_hand() -> None:
    """Where images have lists of labels, a label by hand is a list as well, and an image without a list keeps none."""
    lists = pa.array([["cat"] if row % 2 else None for row in range(10)], pa.list_(pa.string()))
    several = replace(TOY, table=TOY.table.append_column("labels", lists))
    rows = several.table.slice(0, 2).to_pylist()
    overrides = Overrides(tuple(Decision(row["uri"], row["digest"].hex(), label="owl|cat") for row in rows))
    judged = several.judge(TOY.pipeline, overrides)
    assert judged.table["labels"].to_pylist()[:2] == [None, ["cat", "owl"]]
    assert judged.table["label"].to_pylist()[:2] == ["owl|cat", "owl|cat"]
    assert judged.classes == ("cat", "dog", "owl")


def test_cleaned_with_labels_by_hand(manifest: Manifest) -> None:
    """Cleaning with overrides is judging with them: labels, classes and verdicts are the same, and labels make conflicts."""
    row = next(row for row in manifest.table.to_pylist() if row["uri"] == "cat/copy.png")
    overrides = Overrides((Decision(row["uri"], row["digest"].hex(), label="owl"),))
    cleaned = clean(manifest.source, RULES, engine=FakeEngine(), overrides=overrides)
    judged = manifest.judge(RULES, overrides)
    assert cleaned.table.equals(judged.table)
    assert cleaned.classes == judged.classes == ("cat", "dog", "owl")
    assert cleaned.conflicts()["uri"].to_pylist() == ["cat/copy.png"]


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is refused by name."""
    with pytest.raises(ManifestError, match=r"overrides.json cannot be read: No such file"):
        Overrides.read(tmp_path / "overrides.json")


def test_no_rows() -> None:
    """Over an empty table every decision is lost."""
    overrides = Overrides((Decision("a.jpg", "0", True),))
    empty = replace(TOY, table=TOY.table.slice(0, 0))
    assert empty.judge(TOY.pipeline, overrides).table.num_rows == 0
    assert overrides.lost(empty.table) == overrides.decisions
