"""Tars of anybody as a source: what is listed, what lies beside images, and what cannot be read."""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dataprep as dp
from dataprep.sources import tars
from dataprep.sources.listing import scan_of
from dataprep.testing import check_source, encoded, photo

SLOW = (HealthCheck.too_slow,)  # which a busy machine is
FORMS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
PICTURES = [encoded(photo(seed, 24, 32)) for seed in range(4)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of indexes."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def write_tar(path: Path, files: Sequence[tuple[str, bytes]], form: int = tarfile.USTAR_FORMAT) -> None:
    """Writes files, some of which may be called the same."""
    with tarfile.open(path, "w", format=form) as opened:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))


def listed(source: dp.Shards) -> dict[str, dict]:
    """The records by uri."""
    return {row["uri"]: row for row in source.records().to_pylist()}


names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/.\\"), min_size=1, max_size=80)


members = st.lists(st.tuples(st.lists(names, min_size=1, max_size=3), st.binary(max_size=700)), min_size=1, max_size=5)


@given(members, st.sampled_from(FORMS[1:]))
@settings(max_examples=40, suppress_health_check=SLOW)
def test_any_name_in_any_form(tmp_path_factory: pytest.TempPathFactory, files: list, form: int) -> None:
    """Long names, names of any letters and equal names are read by offset, whatever form of tar has them."""
    root = tmp_path_factory.mktemp("tars")
    members = [("/".join(steps) + ".jpg", content) for steps, content in files]
    write_tar(root / "a#b%c.tar", members, form)
    source = dp.Shards(root)
    rows = source.records().to_pylist()
    assert sorted(source.read(row["uri"]) for row in rows) == sorted(content for _, content in members)
    assert all(row["uri"].startswith("a%23b%25c.tar#") for row in rows)


def test_the_contract(tmp_path: Path) -> None:
    """It is a source as others are: pickled, sorted, read in parts, with errors for what is not there."""
    for number in range(3):
        write_tar(tmp_path / f"{number}.tar", [(f"{seed}.jpg", PICTURES[seed]) for seed in range(4)])
    check_source(dp.Shards(tmp_path))
    check_source(dp.Shards(tmp_path, include="[01].tar"))
    assert len(dp.Shards(tmp_path, include="[01].tar").records()) == 8
    assert dp.open_source(tmp_path) == dp.Shards(tmp_path)


def test_what_lies_beside(tmp_path: Path) -> None:
    """Labels and more are those of .cls, .txt and .json; masks are those of their images; splits are those of the tars' names."""
    for split in ("train", "val"):
        write_tar(
            tmp_path / f"{split}-0000.tar",
            [
                ("a/0.jpg", PICTURES[0]),
                ("a/0.cls", b"3"),
                ("a/0.json", json.dumps({"author": "me"}).encode()),
                ("a/0.mask.png", encoded(photo(1, 24, 32)[..., 0], "PNG")),
                ("a/1.jpg", PICTURES[1]),
                ("a/1.cls", b"7"),
                ("a/1.txt", "a \N{SNOWMAN}".encode()),
                ("readme.md", b"x"),
            ],
        )
    source = dp.Shards(tmp_path)
    rows = [row for row in source.records().to_pylist() if row["split"] == "val"]
    assert [row["label"] for row in rows] == ["3", "7"]
    assert rows[0]["author"] == "me" and rows[1]["caption"] == "a \N{SNOWMAN}"
    assert source.read(rows[0]["mask"]).startswith(b"\x89PNG") and rows[1]["mask"] is None
    scan = scan_of(source.records())
    assert scan.ignored == {".md": 2} and any("splits" in remark for remark in scan.remarks)


def test_labels_of_folders_inside(tmp_path: Path) -> None:
    """Where nothing lies beside the images, folders inside are labels."""
    write_tar(tmp_path / "x.tar", [("cat/0.jpg", PICTURES[0]), ("dog/0.jpg", PICTURES[1])])
    assert dp.Shards(tmp_path).records()["label"].to_pylist() == ["cat", "dog"]
    assert dp.Shards(tmp_path, label="none").records()["label"].to_pylist() == [None, None]


def hostile() -> Iterator[tuple[str, int, bytes]]:
    """Yields tars with what is wrong in them, how many images in them can be read, and their bytes."""
    parts = []
    for seed in range(2):
        info = tarfile.TarInfo(f"{seed}.jpg")
        info.size = len(PICTURES[seed])
        parts.append(info.tobuf(tarfile.USTAR_FORMAT) + PICTURES[seed] + bytes(-len(PICTURES[seed]) % 512))
    first, whole, end = parts[0], b"".join(parts), bytes(1024)
    yield "the archive is cut short", 1, whole[: len(first) + 512 + len(PICTURES[1]) // 2]
    yield "damaged", 1, whole[: len(first) + 100]
    yield "damaged", 1, first + b"\xff" * 512 + whole[len(first) + 512 :] + end
    yield "cut short", 2, whole
    yield "damaged", 0, b""
    yield "damaged", 0, b"no tar at all" * 100
    for kind, said in ((tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.FIFOTYPE, "no plain file")):
        info = tarfile.TarInfo("2.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        yield said, 2, whole + info.tobuf(tarfile.USTAR_FORMAT) + end
    for name in ("../../etc/2.jpg", "/etc/2.jpg", "a/../../2.jpg"):
        yield "leads out", 2, whole + tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT) + end
    huge = tarfile.TarInfo("2.jpg")
    huge.size = 1 << 50
    yield "cut short", 2, whole + huge.tobuf(tarfile.GNU_FORMAT) + end


@pytest.mark.parametrize(("said", "good", "data"), list(hostile()))
def test_hostile_tars(tmp_path: Path, said: str, good: int, data: bytes) -> None:
    """What cannot be read in a tar is a row with an error, what can is read, and another tar beside it is not affected."""
    (tmp_path / "bad.tar").write_bytes(data)
    write_tar(tmp_path / "good.tar", [("0.jpg", PICTURES[3])])
    source = dp.Shards(tmp_path)
    rows = source.records().to_pylist()
    assert sum(row["error"] is None for row in rows) == good + 1
    assert sum(row["error"] is not None and said in row["error"] for row in rows) == 1
    for row in rows:
        if row["error"] is None:
            assert source.read(row["uri"]) in PICTURES
    check_source(source)
    kept = dp.clean(source, dp.Pipeline(), engine=dp.Local(0), progress=False)
    assert len(kept.kept()) == good + 1


@given(st.data())
@settings(max_examples=100, suppress_health_check=SLOW)
def test_any_damage(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever bytes of a tar are changed, listing and reading end in rows, bytes and errors of our own."""
    root = tmp_path_factory.mktemp("tars")
    form = data.draw(st.sampled_from(FORMS))
    write_tar(root / "a.tar", [("d/" * 30 + "é" * 40 + ".jpg", b"x" * 700), ("b.json", b"{}"), ("c.png", b"y")], form)
    content = bytearray((root / "a.tar").read_bytes())[: data.draw(st.integers(0, 6_000))]
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 255)), max_size=6)):
        if place < len(content):
            content[place] = value
    (root / "a.tar").write_bytes(content)
    source = dp.Shards(root)
    try:
        rows = source.records().to_pylist()
    except dp.SourceError:
        return
    for row in rows:
        with suppress(dp.SourceError):
            assert len(source.read(row["uri"])) == row["bytes"]


@pytest.mark.parametrize(
    "uri",
    [
        *("a.tar", "a.tar#5", "../a.tar#000000000512+5", "a.tar#0+5", "a.tar#512+999999999999"),
        *("%2e%2e/a.tar#512+1", "/a.tar#512+1", "b.tar#512+1", "a.tar#513+3"),
    ],
)
def test_uris_of_others(tmp_path: Path, uri: str) -> None:
    """A uri that is no member of a tar in the folder is an error, and leads nowhere else."""
    (tmp_path / "in").mkdir()
    write_tar(tmp_path / "a.tar", [("0.jpg", b"outs" + PICTURES[0])])
    write_tar(tmp_path / "in" / "a.tar", [("0.jpg", PICTURES[0])])
    with pytest.raises(dp.SourceError, match="cannot be read"):
        dp.Shards(tmp_path / "in").read(uri)


def test_a_tar_is_gone_through_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in a tar is kept, until the tar is changed; a damaged index, or a folder that cannot hold one, costs time only."""
    write_tar(tmp_path / "a.tar", [("0.jpg", PICTURES[0])])
    source, read = dp.Shards(tmp_path), []
    through = tars._entries
    monkeypatch.setattr(tars, "_entries", lambda tar: read.append(tar.path) or through(tar))
    before = source.records()
    assert len(read) == 1 and source.records().equals(before) and len(read) == 1
    (kept,) = (cache / "dataprep" / "shards").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert source.records().equals(before) and len(read) == 2
    write_tar(tmp_path / "a.tar", [("0.jpg", PICTURES[1]), ("1.jpg", PICTURES[2])])
    assert len(source.records()) == 2 and len(read) == 3
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    assert len(source.records()) == 2 and len(read) == 4


def test_a_tar_that_was_replaced(tmp_path: Path) -> None:
    """Where another tar has come under a name, what is not there any more is an error."""
    write_tar(tmp_path / "a.tar", [("0.jpg", PICTURES[0]), ("1.jpg", PICTURES[1])])
    source = dp.Shards(tmp_path)
    first, second = source.records()["uri"].to_pylist()
    assert source.read(second) == PICTURES[1]
    write_tar(tmp_path / "b.tar", [("0.jpg", PICTURES[0] + bytes(600)), ("1.jpg", PICTURES[1])])
    (tmp_path / "b.tar").replace(tmp_path / "a.tar")
    for uri in (first, second):
        with pytest.raises(dp.SourceError, match="changed since"):
            source.read(uri)


def test_what_is_no_folder_of_tars(tmp_path: Path) -> None:
    """A folder that is missing, holds no tar, or tars without an image, is named."""
    with pytest.raises(dp.SourceError, match="cannot be listed"):
        dp.Shards(tmp_path / "no").records()
    with pytest.raises(dp.SourceError, match="no tar"):
        dp.Shards(tmp_path).records()
    write_tar(tmp_path / "a.tar", [("0.txt", b"x"), ("0.md", b"x")])
    with pytest.raises(dp.SourceError, match=r"no images.*\.md"):
        dp.Shards(tmp_path).records()
