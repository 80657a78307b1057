"""What bare Python says of EXIF and files: what the whole of dataprep says, or nothing."""

import os
import struct
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dataprep
from dataprep.cleaning.bare import exif, files
from dataprep.images.exif import captured
from dataprep.sources.folder import Folder
from dataprep.testing import encoded, photo

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  EXIF names no zone
LIMIT = 1 << 20


TIMES = st.one_of(
    st.datetimes().map(lambda when: f"{when:%Y:%m:%d %H:%M:%S}"),
    st.from_regex(r"[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\0?", fullmatch=True),
    st.text(st.characters(max_codepoint=255), max_size=24),
)


def tables(tags: dict[int, str], camera: dict[int, str], order: str) -> bytes:
    """EXIF of texts, in its first table and in that of the camera."""
    first = len(tags) + bool(camera)
    at = 8 + 2 + 12 * first + 4
    texts = 2 + 12 * len(camera) + 4 if camera else 0
    lines, rest = [], b""
    end = at + texts
    for tag, text in [*tags.items(), *camera.items()]:
        data = text.encode("latin-1")
        if len(data) <= 4:
            lines.append(struct.pack(order + "HHI", tag, 2, len(data)) + data.ljust(4, b"\0"))
        else:
            lines.append(struct.pack(order + "HHII", tag, 2, len(data), end + len(rest)))
            rest += data
    pointer = [struct.pack(order + "HHII", 0x8769, 4, 1, at)] if camera else []
    start = (b"II\x2a\0" if order == "<" else b"MM\0\x2a") + struct.pack(order + "IH", 8, first)
    tags_lines, camera_lines = lines[: len(tags)], lines[len(tags) :]
    body = start + b"".join([*tags_lines, *pointer]) + bytes(4)
    if camera:
        body += struct.pack(order + "H", len(camera)) + b"".join(camera_lines) + bytes(4)
    return body + rest


@given(
    st.dictionaries(st.sampled_from([0x0132, 0x010F]), TIMES),
    st.dictionaries(st.sampled_from([0x9003, 0x9004]), TIMES),
    st.sampled_from("<>"),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=2),
    st.integers(0, 300),
)
def test_when_it_was_captured(
    tags: dict[int, str], camera: dict[int, str], order: str, flips: list[tuple[int, int]], cut: int
) -> None:
    """Of whatever EXIF, bare Python finds the time that is found otherwise, or leaves it."""
    data = bytearray(tables(tags, camera, order))
    for at, value in flips:
        if at < len(data):
            data[at] = value
    data = data[: max(cut, 8)] if cut < 100 else data
    assume(len(data) < 60000)
    segment = b"Exif\0\0" + data
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + encoded(photo(0), "JPEG")[2:]
    found = exif.captured(jpeg, 12, 12 + len(data))
    meant = captured(jpeg)
    assert found in (None, exif.NEVER if meant is None else (meant - EPOCH).total_seconds() * 1000)


def test_usual_exif_is_not_left() -> None:
    """The time that cameras write is found."""
    for order in "<>":
        data = tables({0x0132: "2002:02:03 04:05:06\0"}, {0x9003: "2001:02:03 04:05:06\0"}, order)
        assert exif.captured(data, 0, len(data)) == 981173106000


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """A folder with files of each kind, also such as no scan would list."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "plain.jpg").write_bytes(b"plain")
    (folder / "empty.jpg").touch()
    (folder / "large.jpg").write_bytes(bytes(LIMIT + 1))
    (folder / "100%25.jpg").write_bytes(b"percent")
    (folder / "link.jpg").symlink_to("plain.jpg")
    (folder / "nowhere.jpg").symlink_to("nothing")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (tmp_path / "outside.jpg").write_bytes(b"outside")
    return folder


@pytest.mark.parametrize("slow", [False, True])
def test_files(kinds: Path, monkeypatch: pytest.MonkeyPatch, slow: bool) -> None:
    """A file that is read has the bytes that the source reads; what is not plain is left, and no pipe is waited for."""
    if slow:
        monkeypatch.setattr(files, "WAIT", -1.0)
    names = [*sorted(os.listdir(kinds)), "../outside.jpg", "/etc/passwd", "missing.jpg", "plain.jpg\0", *["plain.jpg"] * 9]
    reader = files.Files({"": str(kinds)}, LIMIT)
    question = (names, [None] * len(names))
    reader.expect(question)
    reader.expect(question)
    read = [dict(zip(names, reader.read(*question), strict=True)) for _ in range(2)]
    assert {name for name, data in read[0].items() if data is not None} == {"plain.jpg", "link.jpg"}
    assert read[0] == read[1]
    assert all(data == Folder(str(kinds)).read(name) for name, data in read[0].items() if data is not None)
    assert [files.Files({"a": str(kinds)}, LIMIT)._path(uri, 1) for uri in ("a/x", "b/x", "x")] == [f"{kinds}/x", None, None]


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, None])
def test_a_size_by_the_scan(kinds: Path, size: int | None) -> None:
    """A file that the scan found too large is left, whatever it is now."""
    reader = files.Files({"": str(kinds)}, LIMIT)
    reader.expect((["plain.jpg"], [size]))
    assert list(reader.read(["plain.jpg"], [size])) == [None if size == LIMIT + 1 else b"plain"]


def test_bare_modules_import_little() -> None:
    """What bare Python runs is imported without `site`, and without any package."""
    script = f"""
import sys
shell = sys.modules["dataprep"] = type(sys)("dataprep")
shell.__path__ = [{str(Path(dataprep.__file__).parent)!r}]
from dataprep.cleaning.bare import colours, exif, files, measure
print(*sys.modules)
"""
    ended = subprocess.run([sys.executable, "-S", "-P", "-c", script], capture_output=True, text=True, check=True)
    heavy = {"site", "typing", "re", "enum", "collections", "pickle", "threading", "functools", "numpy", "pyarrow"}
    assert not heavy & set(ended.stdout.split())
