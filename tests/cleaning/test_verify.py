"""Verifying: content counts, where size and time say that nothing was changed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dataprep as dp
from dataprep.engines import Local
from dataprep.testing import FakeEngine, encoded, photo

Command = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Files of one size and one time, as archives unpack them, and one that is no image."""
    root = tmp_path / "photos"
    root.mkdir()
    for row in range(70):
        put(root / f"{row:02}.bmp", row)
    (root / "broken.bmp").write_bytes(b"no image")
    return root


def put(path: Path, seed: int) -> None:
    """Puts a picture at a path, or another one in its place."""
    path.write_bytes(encoded(photo(seed, 24, 24), "BMP"))
    os.utime(path, ns=(10**18, 10**18))


@pytest.mark.parametrize("engine", [FakeEngine(shuffle=3), Local(0), Local(2)])
def test_what_was_changed_is_listed(photos: Path, engine: dp.Engine) -> None:
    """Exactly the images of another content are listed, with why; a new time alone is no change, nor is what was unreadable."""
    manifest = dp.clean(photos, engine=FakeEngine())
    assert dp.verify(manifest, engine=engine).num_rows == 0
    for row in (3, 40):
        put(photos / f"{row:02}.bmp", 100 + row)
    (photos / "50.bmp").unlink()
    os.utime(photos / "60.bmp")
    calls: list[tuple[str, int, int]] = []
    found = dp.verify(manifest, engine=engine, progress=lambda *call: calls.append(call)).to_pylist()
    assert [(row["id"], row["uri"]) for row in found] == [(3, "03.bmp"), (40, "40.bmp"), (50, "50.bmp")]
    assert [row["why"] for row in found] == [
        "another content than was measured",
        "another content than was measured",
        "cannot be read: No such file or directory",
    ]
    assert calls[-1] == ("verifying", 71, 71)


@pytest.mark.parametrize("changed", [(), (0,), (3, 40, 69)])
def test_known_images_are_compared_by_content(photos: Path, tmp_path: Path, changed: tuple[int, ...]) -> None:
    """With `verify` a file of another content, though of the same size and time, is measured again, and no other one."""
    cache = tmp_path / "cache"
    first = dp.clean(photos, engine=FakeEngine(), cache=cache)
    for row in changed:
        put(photos / f"{row:02}.bmp", 100 + row)
    assert dp.clean(photos, engine=FakeEngine(), cache=cache).table.equals(first.table)  # what is promised without
    again = dp.clean(photos, engine=FakeEngine(), cache=cache, verify=True)
    assert again.table.equals(dp.clean(photos, engine=FakeEngine()).table)
    assert again.run is not None
    assert again.run.measured == len(changed)


def test_commands(photos: Path, tmp_path: Path, dataprep: Command) -> None:
    """`dataprep verify` lists what was changed, and ends with 3; `clean --verify` measures it again."""
    out, workers = tmp_path / "out", ("--workers", "0")
    clean = ("clean", photos, "--out", out, "--no-report", *workers)
    dataprep(*clean)
    assert dataprep("verify", out, *workers).code == 0
    put(photos / "07.bmp", 107)
    ended = dataprep("verify", out, *workers)
    assert ended.code == 3
    assert ended.out.splitlines() == ["07.bmp: another content than was measured", "1 of 71 images is not as it was measured"]
    assert dataprep("verify", out, *workers, "--quiet").out == ""
    dataprep(*clean)
    assert dataprep("verify", out, *workers).code == 3
    dataprep(*clean, "--verify")
    assert dataprep("verify", out, *workers).code == 0
