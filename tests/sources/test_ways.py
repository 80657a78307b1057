"""One file, one row: whatever ways lead to a file, it is no copy of itself, and no protected file is moved for being one."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dataprep.actions import quarantine
from dataprep.cleaning.clean import clean
from dataprep.errors import SourceError
from dataprep.pipeline import Pipeline
from dataprep.sources import Folder, Several
from dataprep.stages import Deduplicate
from dataprep.testing import FakeEngine, encoded, photo

RULES = Pipeline(Deduplicate(by=None, protect=("test",)))


def nested(root: Path) -> tuple[Path, Path]:
    """The protected folder lies in the source."""
    return root / "data", root / "data" / "held"


def linked(root: Path) -> tuple[Path, Path]:
    """The protected folder is a link to one in the source."""
    (root / "link").symlink_to(root / "data" / "held")
    return root / "data", root / "link"


def source_linked(root: Path) -> tuple[Path, Path]:
    """The source is a link to what the protected folder lies in."""
    (root / "link").symlink_to(root / "data")
    return root / "link", root / "data" / "held"


def linked_within(root: Path) -> tuple[Path, Path]:
    """The source holds a link to the protected folder, which lies elsewhere."""
    (root / "data" / "held").rename(root / "held")
    (root / "data" / "again").symlink_to(root / "held")
    return root / "data", root / "held"


def files_linked(root: Path) -> tuple[Path, Path]:
    """The source holds links to the protected files."""
    (root / "data" / "held").rename(root / "held")
    for path in (root / "held").iterdir():
        (root / "data" / f"a {path.name}").symlink_to(path)
    return root / "data", root / "held"


def files_linked_back(root: Path) -> tuple[Path, Path]:
    """The protected files are links to files of the source."""
    (root / "held").mkdir()
    for path in (root / "data" / "held").iterdir():
        (root / "held" / path.name).symlink_to(path)
    return root / "data", root / "held"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with 3 photos of its own, one of them a copy of a protected one, and 4 in its folder of protected ones."""
    for number in range(4):
        for folder, seed in (("data/held", number), ("data/cat", number + 3)):
            if (folder, number) != ("data/cat", 3):
                path = tmp_path / folder / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encoded(photo(seed, 24, 32), "PNG"))
    return tmp_path


def everything(root: Path) -> dict[str, bytes]:
    """The content of every file that is found below a folder, by its path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("way", [nested, linked, source_linked, linked_within, files_linked, files_linked_back])
@pytest.mark.parametrize("order", [("train", "test"), ("test", "train")])
def test_a_protected_file_is_no_leak_of_itself(
    data: Path, way: Callable[[Path], tuple[Path, Path]], order: tuple[str, str]
) -> None:
    """A file that the source and a protected folder share is the latter's alone; quarantine moves only what copies it."""
    roots = dict(zip(("train", "test"), (Folder(str(root)) for root in way(data)), strict=True))
    manifest = clean(Several({name: roots[name] for name in order}), RULES, engine=FakeEngine())
    assert manifest.table["split"].to_pylist().count("test") == 4
    assert len(manifest) == 7
    assert manifest.leaks()["uri"].to_pylist() == ["train/cat/0.png"]
    before = everything(data / "data") | everything(Path(roots["test"].root))
    assert quarantine(manifest, data / "away", split="train").moved == 1
    after = everything(data / "data") | everything(Path(roots["test"].root))
    assert {path: before[path] for path in before.keys() - after.keys()} == {"cat/0.png": before["cat/0.png"]}


@pytest.mark.parametrize("inner", ["data/held", "data/cat"])
def test_the_protected_folder_is_around_the_source(data: Path, inner: str) -> None:
    """A source of which every image is protected has nothing to clean, and says so; nothing is moved."""
    parts = Several({"train": Folder(str(data / inner)), "test": Folder(str(data / "data"))})
    with pytest.raises(SourceError, match="part 'train': its images are all in a protected part"):
        clean(parts, RULES, engine=FakeEngine())


def test_the_innermost_folder_has_the_file(data: Path) -> None:
    """Where no part is protected, a file is that of the part whose folder is nearest to it, whatever the order of the parts."""
    inner, outer = Folder(str(data / "data" / "held")), Folder(str(data / "data"))
    for parts in ({"a": inner, "b": outer}, {"b": outer, "a": inner}):
        table = clean(Several(parts), Pipeline(), engine=FakeEngine()).table
        assert [uri.split("/")[0] for uri in table["uri"].to_pylist()] == ["a"] * 4 + ["b"] * 3


def test_two_hard_links_are_two_files(data: Path) -> None:
    """A hard link to a protected file is a leak, and moving it away leaves the protected file."""
    (data / "held").mkdir()
    os.link(data / "data" / "cat" / "1.png", data / "held" / "1.png")
    parts = Several({"train": Folder(str(data / "data" / "cat")), "test": Folder(str(data / "held"))})
    manifest = clean(parts, RULES, engine=FakeEngine())
    assert manifest.leaks()["uri"].to_pylist() == ["train/1.png"]
    assert quarantine(manifest, data / "away", split="train").moved == 1
    assert (data / "held" / "1.png").exists()


@pytest.mark.parametrize("links", [("train/cat", "test/cat"), ("test/cat",), ("train/cat",)])
def test_links_do_not_hide_a_leak(tmp_path: Path, links: tuple[str, ...]) -> None:
    """A folder that two splits hold has its rows in both, so that the leak is seen; quarantine leaves its files."""
    real = next((place for place in ("train/cat", "test/cat") if place not in links), "all/cat")
    for number in range(4):
        path = tmp_path / ("tree" if real != "all/cat" else "") / real / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(number, 24, 32), "PNG"))
    for link in links:
        (tmp_path / "tree" / link).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / link).symlink_to(path.parent)
    manifest = clean(Folder(str(tmp_path / "tree"), splits=True), RULES, engine=FakeEngine())
    assert len(manifest) == 8
    assert manifest.leaks()["uri"].to_pylist() == [f"train/cat/{number}.png" for number in range(4)]
    assert quarantine(manifest, tmp_path / "away").moved == 0


def test_loops_end_in_every_split(tmp_path: Path) -> None:
    """A link to what is around it leads nowhere, also where folders name splits."""
    (tmp_path / "train" / "cat").mkdir(parents=True)
    (tmp_path / "train" / "cat" / "1.png").write_bytes(encoded(photo(1, 24, 32), "PNG"))
    (tmp_path / "train" / "cat" / "up").symlink_to(tmp_path / "train")
    (tmp_path / "train" / "top").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path)
    assert Folder(str(tmp_path), splits=True).records()["uri"].to_pylist() == ["train/cat/1.png"]


@pytest.mark.parametrize("seconds", [2**33, 2**34, 2**40, -(2**35)])
def test_times_beyond_64_bits(tmp_path: Path, seconds: int) -> None:
    """A modified time that 64 bits of nanoseconds do not hold ends no run, and the file is what it was, for moves, too."""
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a.png", "b.png"):
        (root / name).write_bytes(encoded(photo(1, 24, 32), "PNG"))
        with suppress(OSError, OverflowError):
            os.utime(root / name, (seconds, seconds))
    manifest = clean(root, RULES, engine=FakeEngine(), cache=tmp_path / "cache")
    assert manifest.reasons() == {"exact duplicate": 1}
    engine = FakeEngine()
    assert clean(root, RULES, engine=engine, cache=tmp_path / "cache").table.equals(manifest.table)
    assert engine.uris == []
    assert quarantine(manifest, tmp_path / "away").moved == 1
