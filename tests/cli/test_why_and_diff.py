"""`dataprep why` and `dataprep diff`: how files are named, what is printed, and the exit codes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataprep.testing import write_images

Command = Callable[..., Any]


@pytest.fixture
def cleaned(dataprep: Command, tmp_path: Path) -> Path:
    """A folder with what `clean` wrote of six photos and a copy."""
    photos = tmp_path / "photos"
    write_images(photos, 6)
    (photos / "dog" / "copy.jpg").write_bytes((photos / "cat" / "0000.jpg").read_bytes())
    assert dataprep("clean", photos, "-o", tmp_path / "out", "--workers", "0", "-q", "--no-report").code == 0
    return tmp_path / "out"


def test_files_by_any_name(dataprep: Command, cleaned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is found by its path from anywhere, by its name, and by the end of it."""
    expected = dataprep("why", cleaned, "dog/copy.jpg").out
    assert expected.startswith("dog/copy.jpg: dropped: exact duplicate")
    assert "its twin: cat/0000.jpg, at a distance of 0 bits, kept" in expected
    photos = cleaned.parent / "photos"
    monkeypatch.chdir(photos / "dog")
    for file in (photos / "dog" / "copy.jpg", "copy.jpg", "../dog/copy.jpg"):
        assert dataprep("why", cleaned, file).out == expected


def test_numbers_beside_limits(dataprep: Command, cleaned: Path) -> None:
    """What the rules ask stands beside the image's own numbers, and copies are listed with the image that is kept for them."""
    said = dataprep("why", cleaned, "cat/0000.jpg").out
    assert said.startswith("cat/0000.jpg: kept\n")
    assert "label cat" in said
    for words in ("too dark brightness", "at least 15 holds", "blurred sharpness", "at most 245 holds"):
        assert words in " ".join(said.split())
    assert "1 dropped as copies of it:\n  dog/copy.jpg: exact duplicate" in said
    (data,) = json.loads(dataprep("why", cleaned, "cat/0000.jpg", "--json").out)
    assert (data["record"]["uri"], data["copies"], data["twin"]) == ("cat/0000.jpg", ["dog/copy.jpg"], None)
    assert any(one["value"].startswith("sharpness ") for one in data["asked"])


def test_decided_by_hand(dataprep: Command, cleaned: Path) -> None:
    """Of an image that a person kept against the rules, `why` and `diff` say so."""
    photos, other, overrides = (cleaned.parent / name for name in ("photos", "other", "overrides.json"))
    digest = hashlib.sha256((photos / "dog" / "copy.jpg").read_bytes()).hexdigest()
    overrides.write_text(json.dumps({"version": 2, "decisions": [{"uri": "dog/copy.jpg", "digest": digest, "keep": True}]}))
    clean = ("clean", photos, "-o", other, "--workers", "0", "-q", "--no-report", "--overrides", overrides)
    assert dataprep(*clean).code == 0
    assert dataprep("why", other, "dog/copy.jpg").out.startswith("dog/copy.jpg: kept by hand\n")
    assert "dog/copy.jpg: exact duplicate: same content -> kept by hand\n" in dataprep("diff", cleaned, other).out


def test_names_that_are_none(dataprep: Command, cleaned: Path) -> None:
    """A name that no image has is refused with the nearest one, the end of several with some of them."""
    dataprep("why", cleaned, "dog/cpoy.jpg").assert_refused(1, "'dog/cpoy.jpg'", "did you mean 'dog/copy.jpg'")
    photos = cleaned.parent / "photos"
    (photos / "cat" / "copy.jpg").write_bytes((photos / "cat" / "0002.jpg").read_bytes())
    assert dataprep("clean", photos, "-o", cleaned, "--workers", "0", "-q", "--no-report").code == 0
    dataprep("why", cleaned, "copy.jpg").assert_refused(1, "the end of 2 names, 'cat/copy.jpg', 'dog/copy.jpg'")


def test_diff(dataprep: Command, cleaned: Path) -> None:
    """Each kind of change is told with its images, and the exit code is 3 only where that is asked for."""
    photos, other = cleaned.parent / "photos", cleaned.parent / "other"
    assert dataprep("diff", cleaned, cleaned, "--exit-code") == (0, "the two manifests say the same\n", "")
    (photos / "dog" / "copy.jpg").unlink()
    (photos / "cat" / "0002.jpg").rename(photos / "cat" / "renamed.jpg")
    clean = ("clean", photos, "-o", other, "--workers", "0", "-q", "--no-report", "--min-side", "97")
    assert dataprep(*clean).code == 3
    said = dataprep("diff", cleaned, other)
    assert said.code == 0
    assert "gone: 1 image\n  dog/copy.jpg: exact duplicate: same content\n" in said.out
    assert "moved or renamed: 1 image\n  cat/0002.jpg -> cat/renamed.jpg\n" in said.out
    assert "dropped now: 6 images\n" in said.out
    assert "  + Require(column='height', least=97, reason='too small')\n" in said.out
    assert dataprep("diff", cleaned, other, "--exit-code", "-q") == (3, "", "")
    data = json.loads(dataprep("diff", cleaned, other, "--json").out)
    assert {"kind": "moved", "uri": "cat/renamed.jpg", "before": "cat/0002.jpg", "after": "cat/renamed.jpg"} in data["images"]
