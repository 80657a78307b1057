"""The report as a file: whole in itself, hostile to hostile names, and the same for the same manifest."""

import base64
import io
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DataprepError
from dataprep.manifest import Decision, Manifest, Overrides
from dataprep.pipeline import Pipeline
from dataprep.report import contents, looked, summarize, thumbnails, write_report
from dataprep.sources import Folder
from dataprep.stages import Deduplicate
from dataprep.testing import FakeSource


def written(manifest: Manifest, path: Path, **options: Any) -> str:
    """Writes a report and returns its text."""
    write_report(manifest, summarize(manifest), path / "report.html", **options)
    return (path / "report.html").read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    """Returns the data that a page holds, found as a browser does: up to the first end tag."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script', page, re.DOTALL | re.IGNORECASE)
    data = dict(json.loads(text))
    pictures = data["pictures"]
    for name in ("label", "split", "format", "detail"):
        words = [*pictures[name]["words"], None]
        pictures[name] = [words[code] for code in pictures[name]["codes"]]
    width, digests = pictures["digest"]["width"], pictures["digest"]["text"]
    pictures["digest"] = [digests[at * width : (at + 1) * width].rstrip() or None for at in range(len(pictures["row"]))]
    pictures["readable"] = [at not in pictures["unreadable"] for at in range(len(pictures["row"]))]
    return data


@pytest.fixture(scope="module")
def page(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the messy folder."""
    return written(manifest, tmp_path_factory.mktemp("page"))


def test_whole_in_itself(page: str) -> None:
    """The page names nothing to load: no address but that of SVG, and no element that fetches."""
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|iframe|object|embed|img|base)\b|<script[^>]*\bsrc=|@import|url\(", page.split("<script", 1)[0])
    assert len(re.findall("<script", page)) == 2


def test_its_data(page: str, manifest: Manifest) -> None:
    """Every dropped picture is in the data, under its reason and its twin, with the uri as it is."""
    data = data_of(page)
    pictures = data["pictures"]
    rows = {row["uri"]: row for row in manifest.table.to_pylist()}
    shown = {uri: place for place, uri in enumerate(pictures["uri"])}
    for uri, row in rows.items():
        if not row["keep"]:
            place = shown[uri]
            assert data["reasons"][pictures["reason"][place]] == row["reason"]
            assert [pictures[name][place] for name in ("digest", "detail", "distance")] == [
                row["digest"] and row["digest"].hex(),
                row["detail"],
                row["distance"],
            ]
    assert [pictures["reason"].count(code) for code in range(len(data["reasons"]))] == list(manifest.reasons().values())
    for twin, *leaves in data["clusters"]:
        assert {rows[pictures["uri"][leaf]]["twin"] for leaf in leaves} == {rows[pictures["uri"][twin]]["id"]}
        assert {pictures["twin"][leaf] for leaf in leaves} == {twin}


def test_thumbnails(page: str) -> None:
    """Every readable picture has a small JPEG of its own proportions; what cannot be read has its error."""
    data = data_of(page)
    for place, url in enumerate(data["thumbnails"]):
        if data["pictures"]["readable"][place]:
            image = PIL.Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
            assert image.format == "JPEG"
            assert max(image.size) <= thumbnails.SIDE
            assert image.width * 3 == image.height * 4
        else:
            assert url is None
    assert list(data["errors"].values()) == ["Premature end of JPEG file"]


def test_same_bytes(page: str, manifest: Manifest, tmp_path: Path) -> None:
    """The same manifest, summary and time give the same page; without a time, it shows none."""
    assert written(manifest, tmp_path) == page
    assert "<time" not in page
    assert "1 March 2026, 09:30" in written(manifest, tmp_path, when=datetime(2026, 3, 1, 9, 30, tzinfo=UTC))


def test_progress(manifest: Manifest, tmp_path: Path) -> None:
    """Progress counts up to the thumbnails there are to make."""
    seen: list[tuple[int, int]] = []
    data = data_of(written(manifest, tmp_path, progress=lambda what, done, total: seen.append((done, total))))
    total = sum(data["pictures"]["readable"][: len(data["thumbnails"])])
    assert seen == [(done, total) for done in range(1, total + 1)]


def test_files_that_are_gone(manifest: Manifest, messy: Path, tmp_path: Path) -> None:
    """A file that is gone since has its error for a thumbnail, and no other picture suffers."""
    shutil.copytree(messy, tmp_path / "moved")
    (tmp_path / "moved" / "train" / "dog" / "conflict.jpg").unlink()
    moved = replace(manifest, source=Folder(str(tmp_path / "moved"), splits=True))
    data = data_of(written(moved, tmp_path))
    errors = {data["pictures"]["uri"][int(place)]: error for place, error in data["errors"].items()}
    assert errors["train/dog/conflict.jpg"] == "cannot be read: No such file or directory"
    assert len(errors) == 2


def test_limits(drawn: Callable[[int], Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limits pictures are counted, not shown: the page says so, and what it shows is the first of every list."""
    monkeypatch.setattr(contents, "LISTED", 300)
    manifest = drawn(2_000)
    page = written(manifest, tmp_path, thumbnails=95)
    data = data_of(page)
    near = {place for graph in data["histograms"] for limit in graph["limits"] for place in limit["below"] + limit["above"]}
    assert len(data["pictures"]["uri"]) == 300
    assert len(data["thumbnails"]) == 95 > len(near)
    assert max(near) < len(near)
    assert "95 of 300 pictures" in data["limits"][0]
    assert "300 of 2,000 pictures are listed" in data["limits"][1]
    pictures = data["pictures"]
    for code, reason in enumerate(data["reasons"]):
        rows = [row["id"] for row in manifest.table.to_pylist() if row["reason"] == reason]
        assert sorted(pictures["row"][place] for place, own in enumerate(pictures["reason"]) if own == code)[:8] == rows[:8]
    assert all(len(cluster) > 1 and min(cluster) >= 0 for cluster in data["clusters"])


@given(st.lists(st.floats() | st.floats(width=32) | st.integers(-(2**40), 2**40)))
def test_four_digits(values: list[float]) -> None:
    """Numbers are shown with four significant digits, and written with no more; what is not finite is not known."""
    for value, found in zip(values, contents._round(np.array(values, np.float64)), strict=True):
        if not math.isfinite(value):
            assert found is None
            continue
        assert found is not None
        assert abs(found - value) <= abs(value) * 0.00051 or abs(value) < 1e-295
        assert found == float(f"{found:.4g}") or not 1e-15 < abs(value) < 1e15


@pytest.mark.parametrize(("size", "count"), [(300, 48), (2_000, 100), (4_000, 200), (100_000, 3_000)])
def test_as_many_thumbnails_as_are_worth_it(drawn: Callable[[int], Manifest], size: int, count: int) -> None:
    """Where a page can show the files, one image in twenty has a thumbnail, within bounds; where it cannot, 3,000 have."""
    manifest = drawn(size)
    assert contents._suitable(manifest) == count
    assert contents._suitable(replace(manifest, source=FakeSource({}))) == 3_000


@pytest.mark.parametrize("count", [-1, 1.5, True, "all"])
def test_a_number_of_thumbnails(manifest: Manifest, tmp_path: Path, count: Any) -> None:
    """What is no number of thumbnails is refused by name and value, and nothing is written."""
    with pytest.raises(DataprepError, match=r"write_report\(thumbnails=.*: a whole number from 0"):
        written(manifest, tmp_path, thumbnails=count)
    assert list(tmp_path.iterdir()) == []


def test_decisions_from_before(manifest: Manifest, tmp_path: Path) -> None:
    """The page has what was decided before, and names what no longer holds, as text."""
    row = manifest.table.slice(0, 1).to_pylist()[0]
    held = Decision(row["uri"], row["digest"].hex(), keep=False)
    lost = Decision("<b>gone</b>.jpg", "0" * 64, keep=True)
    overrides = Overrides((held, lost))
    page = written(manifest.judge(manifest.pipeline, overrides), tmp_path, overrides=overrides)
    assert "<b>gone" not in page
    assert data_of(page)["lost"] == ["<b>gone</b>.jpg"]
    assert data_of(page)["decisions"] == [held.as_json(), lost.as_json()]
    assert "overruled" in data_of(page)["reasons"]


def test_nothing_dropped(manifest: Manifest, tmp_path: Path) -> None:
    """A manifest that dropped nothing, or has no rows, has a report."""
    kept = replace(manifest, table=manifest.kept())
    assert data_of(written(kept, tmp_path))["reasons"] == []
    empty = replace(manifest, table=manifest.table.slice(0, 0))
    assert data_of(written(empty, tmp_path))["histograms"] == []


def test_not_checked(manifest: Manifest) -> None:
    """Copies without a rule for them, conflicts without labels and leaks without splits are not checked, rather than none."""
    assert looked.unchecked(manifest) == {}
    without = manifest.judge(Pipeline(*(rule for rule in manifest.pipeline.rules if not getattr(rule, "finds_copies", False))))
    assert looked.unchecked(without).keys() == {"duplicates", "conflicts", "leaks"}
    for column, name in (("label", "conflicts"), ("split", "leaks")):
        place = manifest.table.column_names.index(column)
        bare = manifest.table.set_column(place, column, pa.nulls(len(manifest), pa.string()))
        assert looked.unchecked(replace(manifest, table=bare)).keys() == {name}


def test_distances_explained() -> None:
    """What a distance means is said with the numbers of the rule, and nothing where no hashes are compared."""
    said = looked.explain_distances((Deduplicate(radius=7),))
    assert said is not None
    assert "64 bits" in said and "about 32" in said and "up to 7 " in said and "small pictures" in said
    assert "small pictures" not in str(looked.explain_distances((Deduplicate(proof=None),)))
    assert looked.explain_distances((Deduplicate(by=None),)) is None
    assert looked.explain_distances(()) is None


def test_written_whole_or_not(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing that fails leaves the old file as it was and no temporary one."""
    (tmp_path / "report.html").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataprepError, match=r"report.html cannot be written: No space left"):
        written(manifest, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", "old")]
