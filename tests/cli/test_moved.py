"""After a quarantine: a rejected image stays a row with its reason, whatever is cleaned next, until its file is back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataprep.actions import moved_rows, note_quarantine
from dataprep.errors import DataprepError
from dataprep.manifest import Manifest
from dataprep.testing import encoded, photo, write_images

Command = Callable[..., Any]
JUDGED = ("uri", "label", "digest", "sharpness", "keep", "reason", "detail", "distance")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos, an exact copy of one, and a file that is no image."""
    root = tmp_path / "photos"
    paths = write_images(root, 6)
    (root / "cat" / "copy.jpg").write_bytes(paths[0].read_bytes())
    (root / "dog" / "torn.jpg").write_bytes(b"no image")
    return root


def judged(manifest: Manifest) -> list[dict[str, Any]]:
    """What was judged of each image, with the uri of its twin, by uri."""
    table = manifest.table
    uris = dict(zip(table["id"].to_pylist(), table["uri"].to_pylist(), strict=True))
    twins = pa.array([uris.get(twin) for twin in table["twin"].to_pylist()])
    return table.select(JUDGED).append_column("twin", twins).sort_by("uri").to_pylist()


@pytest.mark.parametrize("way", ["clean", "quarantine"])
def test_rejects_are_not_forgotten(photos: Path, tmp_path: Path, dataprep: Command, way: str) -> None:
    """The next manifests have the rows that were moved, as they were judged; once they are back they are judged as ever."""
    out, away = tmp_path / "out", tmp_path / "away"
    clean = ("clean", photos, "--out", out, "--workers", "0", "--no-report", "--quiet")
    assert dataprep(*clean, *(("--quarantine", away) if way == "clean" else ())).code == 0
    if way == "quarantine":
        assert dataprep("quarantine", out, away).code == 0
    first = judged(Manifest.read(out))
    assert not (photos / "cat" / "copy.jpg").exists()
    for _ in range(2):
        assert dataprep(*clean).code == 0
        manifest = Manifest.read(out)
        assert judged(manifest) == first
        assert manifest.table["id"].to_pylist() == sorted(set(manifest.table["id"].to_pylist()))
    (photos / "cat" / "new.jpg").write_bytes(encoded(photo(80)))
    assert dataprep(*clean, "--quarantine", away).code == 0
    again = judged(Manifest.read(out))
    assert [row for row in again if row["uri"] != "cat/new.jpg"] == first
    assert dataprep("undo", away).code == 0
    assert dataprep(*clean).code == 0
    assert judged(Manifest.read(out)) == again


def test_a_reject_that_is_gone(photos: Path, tmp_path: Path, dataprep: Command) -> None:
    """What was removed from the quarantine is no image of the set any more."""
    out, away = tmp_path / "out", tmp_path / "away"
    clean = ("clean", photos, "--out", out, "--workers", "0", "--no-report", "--quiet")
    dataprep(*clean, "--quarantine", away)
    (away / "dog" / "torn.jpg").unlink()
    dataprep(*clean)
    assert Manifest.read(out).reasons() == {"exact duplicate": 1}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2, "folders": []}', '{"version": 1, "folders": [3]}', "\0"])
def test_a_note_that_is_damaged(tmp_path: Path, text: str) -> None:
    """A note that cannot be understood is refused by name, and not written over."""
    (tmp_path / "quarantines.json").write_text(text)
    for use in (lambda: note_quarantine(tmp_path, "away"), lambda: moved_rows(tmp_path)):
        with pytest.raises(DataprepError, match=r"quarantines\.json does not say where quarantines are"):
            use()
    assert (tmp_path / "quarantines.json").read_text() == text
