"""Several sources in one run: their images side by side, each under its source's name."""

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cleaning.clean import clean
from dataprep.describe import build, describe, register
from dataprep.errors import DataprepError, PipelineError, SourceError
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder, Part, Several, scan_of
from dataprep.sources.listing import SCHEMA
from dataprep.stages import Deduplicate
from dataprep.testing import FakeEngine, FakeSource, write_images

NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1).filter(lambda name: name.strip("."))


@register
@dataclass(frozen=True)
class Listed:
    """A source that lists what it is given, with columns of its own; what it reads is the uri."""

    uris: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def records(self) -> pa.Table:
        empty = {field.name: pa.nulls(len(self.uris), field.type) for field in SCHEMA}
        columns = empty | {"uri": list(self.uris)} | {name: ["x"] * len(self.uris) for name in self.more}
        return pa.table({name: pa.array(column, pa.string()) if name == "uri" else column for name, column in columns.items()})

    def read(self, uri: str, start: int = 0, stop: int | None = None) -> bytes:
        return uri.encode()[start:stop]


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str, str]:
    """A folder of 6 photos of cats and dogs, and one of 4, the first of which is a copy."""
    write_images(tmp_path / "new", 6)
    write_images(tmp_path / "old", 4, seed=5)
    (tmp_path / "old" / "cat" / "copy.jpg").write_bytes((tmp_path / "new" / "cat" / "0000.jpg").read_bytes())
    (tmp_path / "old" / "notes.txt").write_text("no image")
    (tmp_path / "new" / "notes.txt").write_text("no image")
    return str(tmp_path / "new"), str(tmp_path / "old")


def test_side_by_side(roots: tuple[str, str]) -> None:
    """Every image is there under its part's name, with all that its source says of it; ignored files add up."""
    sources = dict(zip(("train", "test"), map(Folder, roots), strict=True))
    table = Several(sources).records()
    expected = []
    for name, source in sources.items():
        expected += [row | {"uri": f"{name}/{row['uri']}", "split": name} for row in source.records().to_pylist()]
    assert table.to_pylist() == sorted(expected, key=lambda row: row["uri"])
    assert table.schema.equals(SCHEMA)
    assert scan_of(table).ignored == {".txt": 2}


@given(st.dictionaries(NAMES, st.sets(NAMES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_sorted_and_read(given: dict[str, set[str]]) -> None:
    """Whatever the names, records are sorted by uri over all parts, no two uris are equal, and each reads what its source has."""
    several = Several({name: Listed(tuple(uris)) for name, uris in given.items()})
    uris = several.records()["uri"].to_pylist()
    assert uris == sorted(f"{name}/{uri}" for name, listed in given.items() for uri in listed)
    assert len(set(uris)) == len(uris)
    assert [several.read(uri) for uri in uris] == [uri.partition("/")[2].encode() for uri in uris]


def test_read_range(roots: tuple[str, str]) -> None:
    """A range of bytes is that of the file."""
    several = Several({"a": Folder(roots[0]), "b": Folder(roots[1])})
    data = Path(roots[1], "cat", "copy.jpg").read_bytes()
    assert several.read("b/cat/copy.jpg") == data
    assert several.read("b/cat/copy.jpg", 3, 9) == data[3:9]


def test_splits_of_a_source(tmp_path: Path) -> None:
    """A split that a source names stays; where it names none, the part's name is the split, be a class called train."""
    write_images(tmp_path / "ours", 2, labels=("train", "test"))
    write_images(tmp_path / "theirs" / "val", 1)
    write_images(tmp_path / "theirs", 1, labels=())
    several = Several(
        {"train": Folder(str(tmp_path / "ours"), splits=False), "other": Folder(str(tmp_path / "theirs"), splits=True)}
    )
    rows = several.records().select(["uri", "label", "split"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("other/0000.jpg", None, "other"),
        ("other/val/cat/0000.jpg", "cat", "val"),
        ("train/test/0001.jpg", "test", "train"),
        ("train/train/0000.jpg", "train", "train"),
    ]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 is found and read below a part as it is alone, be a percent sign in the part's name."""
    write_images(tmp_path / "photos", 1)
    odd = os.fsencode(tmp_path / "photos" / "cat") + b"/\xff%41.jpg"
    with open(odd, "wb") as file:
        file.write(b"abc")
    several = Several({"100%": Folder(str(tmp_path / "photos"))})
    assert several.records()["uri"].to_pylist() == ["100%/cat/%FF%2541.jpg", "100%/cat/0000.jpg"]
    assert several.read("100%/cat/%FF%2541.jpg") == b"abc"


def test_empty_part(roots: tuple[str, str], tmp_path: Path) -> None:
    """A part without images, whether its source says so or lists none, is an error that names it."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"^part 'test': no images in .*/empty: it holds nothing"):
        Several({"train": Folder(roots[0]), "test": Folder(str(tmp_path / "empty"))}).records()
    with pytest.raises(SourceError, match=r"^part 'test': no such folder: .*/missing$"):
        Several({"train": Folder(roots[0]), "test": Folder(str(tmp_path / "missing"))}).records()
    with pytest.raises(SourceError, match=r"^part 'test': Listed\(.*\) lists no images$"):
        Several({"train": Folder(roots[0]), "test": Listed()}).records()


def test_columns_of_their_own() -> None:
    """A column that only one source has is null for the others."""
    table = Several({"a": Listed(("1",), ("camera",)), "b": Listed(("2",))}).records()
    assert table["camera"].to_pylist() == ["x", None]


def test_the_same_folder_twice(roots: tuple[str, str]) -> None:
    """A folder that is two parts is listed twice, and cleaned once: no image is a copy of itself."""
    folder = Folder(roots[0])
    both = Several({"a": folder, "b": folder})
    assert len(both.records()) == 12
    manifest = clean(both, Pipeline(Deduplicate()), engine=FakeEngine())
    assert manifest.reasons() == {}
    assert [uri.partition("/")[2] for uri in manifest.table["uri"].to_pylist()] == folder.records()["uri"].to_pylist()


def test_found_across(roots: tuple[str, str], tmp_path: Path) -> None:
    """Cleaning finds an image of one part again in another; the manifest is written and read with its sources."""
    several = Several({"train": Folder(roots[0]), "test": Folder(roots[1])})
    manifest = clean(several, Pipeline(Deduplicate()), engine=FakeEngine())
    assert manifest.ignored == {".txt": 2}
    assert len(manifest.select("test")) == 5
    # seeds 5 of one and 0 of the other are the same picture; and copy.jpg is the first of the other
    assert manifest.reasons() == {"exact duplicate": 2}
    manifest.write(tmp_path / "manifest.parquet")
    again = Manifest.read(tmp_path / "manifest.parquet")
    assert again.source == several
    assert again.table.equals(manifest.table)
    assert again.source.read("test/cat/copy.jpg") == again.source.read("train/cat/0000.jpg")


def test_described(roots: tuple[str, str]) -> None:
    """Sources inside sources survive JSON, pickle and repr, whatever the parts are called."""
    inner = Several({"Folder": Folder(roots[0], splits=True), "PHash": Listed(("1",))})
    several = Several((Part("é", inner), Part("test", Folder(roots[1]))))
    assert build(json.loads(json.dumps(describe(several))), "source") == several
    assert pickle.loads(pickle.dumps(several)) == several
    assert eval(repr(several)) == several
    assert hash(several) == hash(Several(several.parts))


def test_nested(roots: tuple[str, str]) -> None:
    """Several sources may be one part of several: names follow each other, and the innermost is the split."""
    several = Several({"all": Several({"a": Folder(roots[0])}), "old": Folder(roots[1])})
    table = several.records()
    assert table["uri"].to_pylist()[0] == "all/a/cat/0000.jpg"
    assert table["split"].unique().to_pylist() == ["a", "old"]
    assert several.read("all/a/cat/0000.jpg") == Folder(roots[0]).read("cat/0000.jpg")


@pytest.mark.parametrize("name", ["", "a/b", "/", ".", "..", "\udcff", None, 7, b"a"])
def test_names(name: object) -> None:
    """A name that cannot start a uri is refused and quoted."""
    with pytest.raises(PipelineError, match=r"^no part can be called .*; give it a short name without a slash, such as 'train'$"):
        Several({name: Listed(("1",))})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, r"^Several takes sources by name, such as .*, not no part at all$"),
        ((), "no part at all"),
        ((Listed(("1",)),), r"not Listed\("),
        (("train", "test"), "not 'train'"),
        ((Part("a", Listed()), Part("a", Listed(("1",)))), "^two parts are called 'a'; their uris would be the same"),
        ({"a": "photos"}, r"^part 'a': 'photos' is not a source; give one, such as Folder\('photos'\)$"),
        ({"a": Listed}, "^part 'a': .* is not a source"),
        ({"a": None}, "^part 'a': None is not a source"),
    ],
)
def test_parts(parts: object, message: str) -> None:
    """What is not a source under a name of its own is refused in one sentence."""
    with pytest.raises(PipelineError, match=message):
        Several(parts)


def test_unknown_source() -> None:
    """A description that names a source nobody registered is refused with the part and the name."""
    with pytest.raises(PipelineError, match=r"source: part 'a': \{'Attic': \{\}\} is not a source"):
        build({"Several": {"parts": [{"Part": {"name": "a", "source": {"Attic": {}}}}]}}, "source")


@pytest.mark.parametrize("uri", ["tset/1.jpg", "1.jpg", "", "/1.jpg"])
def test_unknown_uri(uri: str) -> None:
    """A uri of no part is a `SourceError` that says which parts there are."""
    with pytest.raises(SourceError, match=r"^cannot be read: no part is called .*; (did you mean|known:) .*test") as raised:
        Several({"train": Listed(("1",)), "test": Listed(("1",))}).read(uri)
    assert isinstance(raised.value, DataprepError)


def test_concurrency_of_parts() -> None:
    """As many reads at once as the part takes that takes the fewest."""

    class Narrow(FakeSource):
        concurrency = 3

    files = {"a.jpg": b"a"}
    assert Several({"a": FakeSource(files), "b": Narrow(files)}).concurrency == 3
    assert Several({"a": FakeSource(files)}).concurrency == 32
