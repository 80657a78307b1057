"""The pages in docs/ are those that their programs draw."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dataprep.stages import AllOf, Require
from dataprep.stages.catalogue import MIXES, OPS
from dataprep.stages.rules.standard import standard_rules

DOCS = Path(__file__).parents[1] / "docs"


def test_ops_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the ops has every op and every mix, is what the program writes, and has all its pictures."""
    monkeypatch.syspath_prepend(DOCS)
    import draw_ops

    assert set(draw_ops.SHOWN) == {stage.__name__ for stage in (*OPS, *MIXES)}
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == draw_ops.page()
    assert all((DOCS / "pictures" / "ops" / f"{name}.jpg").is_file() for name in draw_ops.SHOWN)


def test_columns_in_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's table of columns is what the program writes."""
    monkeypatch.syspath_prepend(DOCS)
    import draw_columns

    text = draw_columns.README.read_text(encoding="utf-8")
    assert draw_columns.insert(text) == text


def test_page_of_large_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of the page are what the program computes from what is kept."""
    monkeypatch.syspath_prepend(DOCS)
    import draw_scale

    text = draw_scale.PAGE.read_text(encoding="utf-8")
    assert draw_scale.page(text) == text


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program that draws docs/measures.md."""
    pytest.importorskip("skimage")
    monkeypatch.syspath_prepend(DOCS)
    import draw_measures

    return draw_measures


def test_measures_page(drawing: ModuleType) -> None:
    """The page is what the program writes, and every picture on it is there."""
    text = (DOCS / "measures.md").read_text(encoding="utf-8")
    assert text == drawing.page()
    for limit in drawing.LIMITS:
        assert (DOCS / "pictures" / "measures" / drawing.name_of(limit.rule)).is_file()


def test_both_sides(drawing: ModuleType) -> None:
    """Each strip begins with what is kept and ends with what is dropped."""
    for limit in drawing.LIMITS:
        photo = drawing.photograph(limit.photo)
        least, most = limit.rule.least or -np.inf, limit.rule.most or np.inf
        values = [drawing.value_of(limit.rule, np.asarray(limit.edit(photo, step))) for step in limit.steps]
        kept = [least <= value <= most for value in values]
        assert kept == sorted(kept, reverse=True)
        assert set(kept) == {True, False}


def test_every_default_is_pictured(drawing: ModuleType) -> None:
    """Every threshold of the standard rules has its row."""
    pictured = {(limit.rule.column, limit.rule.least, limit.rule.most) for limit in drawing.LIMITS}
    for rule in standard_rules():
        for part in rule.rules if isinstance(rule, AllOf) else ():
            if isinstance(part, Require) and part.column != "width":  # as high as wide
                assert (part.column, part.least, part.most) in pictured


def test_pictures_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every view that the program draws is there, is shown by a page, and is small; there is no other."""
    pytest.importorskip("skimage")
    monkeypatch.syspath_prepend(DOCS)
    import draw_report

    pages = "".join(page.read_text(encoding="utf-8") for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"])
    assert {path.stem for path in draw_report.FOLDER.iterdir()} == set(draw_report.SHOWN)
    for path in draw_report.FOLDER.iterdir():
        assert f"pictures/report/{path.name}" in pages
        assert path.stat().st_size < 200_000
