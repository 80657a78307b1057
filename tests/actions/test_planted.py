"""What was planted: uris and links that would lead out of the folders that the user named are refused, and nothing is touched."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from dataprep import DataprepError, Folder, Manifest, SourceError
from dataprep.actions import export, materialize, quarantine, undo

Judged = Callable[..., Manifest]

OUTSIDE = ("../secret.png", "cat/../../secret.png", "%2e%2e/secret.png", "cat/%2E%2e%2f..%2Fsecret.png", "..")


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by way of no link."""
    return {
        os.path.join(parent, name): Path(parent, name).read_bytes()
        for parent, _, names in os.walk(root)
        for name in names
        if not os.path.islink(os.path.join(parent, name))
    }


@pytest.mark.parametrize("uri", [*OUTSIDE, "/etc/hostname", "%2Fetc/hostname", "a\0b"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_uri_that_leads_out(photos: Path, judged: Judged, tmp_path: Path, uri: str, keep: bool) -> None:
    """A uri of a manifest that is no path below the folder is neither read, nor copied, linked, listed or moved."""
    (tmp_path / "secret.png").write_bytes((photos / "cat/1.png").read_bytes())
    manifest = judged(photos)
    rows = manifest.table.to_pylist()
    rows[0] |= {"uri": uri, "keep": keep, "reason": None if keep else "unreadable"}
    planted = replace(manifest, table=pa.Table.from_pylist(rows, manifest.table.schema))
    before = contents(tmp_path)
    with pytest.raises(SourceError, match="is not a path below a folder"):
        Folder(str(photos)).read(uri)
    for act in (
        lambda: materialize(planted, tmp_path / "tree", "copy"),
        lambda: materialize(planted, tmp_path / "links", "symlink"),
        lambda: quarantine(planted, tmp_path / "away"),
        lambda: export(planted, tmp_path / "kept.txt", "txt"),
    ):
        try:
            act()
        except DataprepError as error:
            assert "is not a path below a folder" in str(error)
        left = contents(tmp_path)
        assert left[str(tmp_path / "secret.png")] == before[str(tmp_path / "secret.png")]
        assert b"secret" not in left.get(str(tmp_path / "kept.txt"), b"")
        assert sorted(left) == sorted(before) or not keep


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_the_tree(photos: Path, judged: Judged, tmp_path: Path, mode: str, exists: bool) -> None:
    """A folder of the tree that is a link to elsewhere gets no image."""
    elsewhere = tmp_path / "elsewhere"
    if exists:
        elsewhere.mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "cat").symlink_to(elsewhere)
    with pytest.raises(DataprepError, match="tree/cat is a link"):
        materialize(judged(photos), tmp_path / "tree", mode)
    assert not elsewhere.exists() or not list(elsewhere.iterdir())


def test_a_link_in_the_quarantine(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A folder of the quarantine that is a link to elsewhere takes no file, and gives none back."""
    manifest, elsewhere = judged(photos), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "cat").symlink_to(elsewhere)
    before = contents(photos)
    with pytest.raises(DataprepError, match="away/cat is a link"):
        quarantine(manifest, tmp_path / "away")
    assert contents(photos) == before
    (tmp_path / "away" / "cat").unlink()
    assert quarantine(manifest, tmp_path / "away").moved == 3
    (tmp_path / "away" / "cat").rename(tmp_path / "kept")
    (elsewhere / "copy of 1.png").write_bytes(b"another's")
    (tmp_path / "away" / "cat").symlink_to(elsewhere)
    before = contents(tmp_path)
    with pytest.raises(DataprepError, match="away/cat is a link"):
        undo(tmp_path / "away")
    assert contents(tmp_path) == before


def test_a_link_in_the_source(photos: Path, judged: Judged, tmp_path: Path) -> None:
    """A folder of the source that became a link to elsewhere is not where files go back to; one that leads within it is."""
    quarantine(judged(photos), tmp_path / "away")
    (photos / "cat").rename(photos / "tomcat")
    (photos / "cat").symlink_to("tomcat")
    (photos / "dog").rename(tmp_path / "elsewhere")
    (photos / "dog").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(DataprepError, match="photos/dog is behind a link that leads out of the source"):
        undo(tmp_path / "away")
    assert contents(tmp_path) == before
    (photos / "dog").unlink()
    (tmp_path / "elsewhere").rename(photos / "dog")
    assert undo(tmp_path / "away").complete
    assert (photos / "tomcat" / "copy of 1.png").exists()
