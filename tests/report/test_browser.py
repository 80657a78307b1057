"""The report in a browser: opened from a file, paged by keyboard, overruled, saved, and read by assistive technology."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from dataprep.manifest import Decision, Manifest, Overrides
from dataprep.report import summarize, write_report
from dataprep.testing import FakeSource

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

VIEWS = ("overview", "labels", "duplicates", "conflicts", "leaks", "dropped", "kept", "measures")


def view(page: Any, name: str) -> Any:
    """Opens a view by its address and returns its section."""
    page.evaluate("name => { location.hash = name }", name)
    section = page.locator(f"section#{name.partition('?')[0]}")
    section.wait_for(state="visible")
    return section


def pressed_until(page: Any, key: str, reached: str) -> None:
    """Presses a key until the element that has the focus matches a selector."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", reached):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never reaches {reached}")


def test_opens(open_page: Callable[..., Any], report: Path, manifest: Manifest) -> None:
    """From a file, the page shows its numbers and every view, and loads nothing but itself."""
    page = open_page(report)
    heading = page.locator("#overview h2").inner_text()
    kept = manifest.kept().num_rows
    assert heading == f"{kept} of {len(manifest)} pictures are kept, {len(manifest) - kept} dropped"
    playwright.expect(page.locator(".reasons li")).to_have_count(len(manifest.reasons()))
    for name in VIEWS:
        section = view(page, name)
        playwright.expect(page.locator("main > section:visible")).to_have_count(1)
        assert section.locator("h2").inner_text()
    playwright.expect(page.locator("nav a[aria-current]")).to_have_text("Measures")


def test_flagged(open_page: Callable[..., Any], report: Path) -> None:
    """A copy under another label is a conflict, one in another split a leak; both say what differs."""
    page = open_page(report)
    for name, flag, file in (("conflicts", "label dog ≠ cat", "conflict.jpg"), ("leaks", "split train ≠ test", "leak.jpg")):
        section = view(page, name)
        playwright.expect(section.locator(".cluster")).to_have_count(1)
        assert set(section.locator(".flag").all_inner_texts()) == {flag}
        assert file in section.inner_text()


def test_filter(open_page: Callable[..., Any], report: Path) -> None:
    """Clusters can be narrowed to those with exact copies, or with near ones."""
    page = open_page(report)
    section = view(page, "duplicates")
    section.get_by_role("button", name="exact duplicate 2").click()
    playwright.expect(section.locator(".cluster")).to_have_count(2)
    playwright.expect(section.locator(".chips [aria-pressed=true]")).to_have_text("exact duplicate 2")
    section.get_by_role("button", name="near duplicate 30").click()
    playwright.expect(section.locator(".cluster")).to_have_count(24)


def test_pages_by_keyboard(open_page: Callable[..., Any], report: Path) -> None:
    """Tab reaches the views and the pages, Enter and the arrow keys turn them, and no focus is lost."""
    page = open_page(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    pressed_until(page, "Tab", "nav a[href='#duplicates']")
    page.keyboard.press("Enter")
    status = page.locator("#duplicates .pager [role=status]")
    playwright.expect(status).to_have_text("1–24 of 30")
    pressed_until(page, "Tab", "#duplicates .pager [aria-label='Next page']")
    page.keyboard.press("Enter")
    playwright.expect(status).to_have_text("25–30 of 30")
    assert page.evaluate("document.activeElement.matches('.pager button')")
    page.keyboard.press("Enter")
    playwright.expect(status).to_have_text("25–30 of 30")
    for key, text in (("ArrowLeft", "1–24 of 30"), ("ArrowLeft", "1–24 of 30"), ("ArrowRight", "25–30 of 30")):
        page.keyboard.press(key)
        playwright.expect(status).to_have_text(text)
    pressed_until(page, "Tab", "#duplicates .look")
    page.keyboard.press("Shift+ArrowLeft")
    playwright.expect(status).to_have_text("1–24 of 30")
    assert page.evaluate("document.activeElement.matches('#duplicates .clusters')")


def shown(dialog: Any) -> list[tuple[str, int]]:
    """Waits until the pictures of a dialog are loaded, and returns the address and the width of each.

    Playwright's own way to wait evaluates a string again and again, which the page's security policy forbids.
    """
    loaded = """image => new Promise(done => {
        image.onload = image.onerror = () => done([image.src, image.naturalWidth]);
        if (image.complete) image.onload();
    })"""
    pictures = dialog.locator("img").all()
    assert pictures
    return [tuple(picture.evaluate(loaded)) for picture in pictures]


def test_looking_closely(open_page: Callable[..., Any], report: Path) -> None:
    """A thumbnail opens both pictures of a copy side by side, the arrow keys go on, Escape returns to where one was."""
    page = open_page(report)
    first = view(page, "duplicates").locator(".cluster").first.locator(".look")
    first.nth(1).focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#look")
    playwright.expect(dialog.locator("figure")).to_have_count(2)
    assert "duplicate, " in dialog.locator("h2").inner_text()
    assert all(source.startswith("file:") and width >= 96 for source, width in shown(dialog))
    page.keyboard.press("ArrowLeft")
    playwright.expect(dialog.locator("figure")).to_have_count(1)
    dialog.get_by_role("button", name="Drop").click()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.matches('.look')")
    playwright.expect(page.locator("#count")).to_have_text("1 overruled")
    playwright.expect(page.locator("#duplicates .card.changed")).to_have_count(1)


def saved(page: Any, path: Path) -> Overrides:
    """Saves the overrides and reads them."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save overrides.json").click()
    assert download.value.suggested_filename == "overrides.json"
    download.value.save_as(path)
    return Overrides.read(path)


def test_overrule(open_page: Callable[..., Any], report: Path, manifest: Manifest, tmp_path: Path) -> None:
    """What a person decides on the page comes true when the manifest is judged with the file that it saves."""
    page = open_page(report)
    assert page.locator("#save").is_disabled()
    cluster = view(page, "duplicates").locator(".cluster", has_text="07.jpg")
    twin = cluster.locator(".card").first
    twin.get_by_role("button", name="Drop").click()
    view(page, "dropped?reason=too+dark")
    dark = page.locator("#dropped .card").first
    dark.get_by_role("button", name="Keep").press("Enter")
    playwright.expect(dark.locator(".verdict")).to_have_text("to be kept")
    other = page.locator("#dropped .card").nth(1).locator(".toggle")
    other.click()
    playwright.expect(page.locator("#count")).to_have_text("3 overruled")
    other.click()
    assert other.get_attribute("aria-pressed") == "false"
    overrides = saved(page, tmp_path / "overrides.json")
    assert len(overrides.decisions) == 2
    assert overrides.lost(manifest.table) == ()
    judged = {row["uri"]: row for row in manifest.judge(manifest.pipeline, overrides).table.to_pylist()}
    kept, dropped = sorted(overrides.decisions, key=lambda decision: not decision.keep)
    assert dropped.uri == "train/cat/07.jpg"
    assert (judged[kept.uri]["keep"], judged[dropped.uri]["reason"]) == (True, "overruled")
    assert judged["train/cat/07-copy.png"]["keep"]


def test_decisions_from_before(open_page: Callable[..., Any], manifest: Manifest, tmp_path: Path) -> None:
    """Old decisions stay in the file that the page saves, unless a new one about the same picture replaces them."""
    rows = {row["uri"]: row for row in manifest.table.select(["uri", "digest"]).to_pylist()}
    old = [Decision(uri, rows[uri]["digest"].hex(), keep=False) for uri in ("train/cat/01.jpg", "train/cat/02.jpg")]
    before = Overrides((*old, Decision("gone.jpg", "0" * 64, keep=True)))
    judged = manifest.judge(manifest.pipeline, before)
    write_report(judged, summarize(judged), tmp_path / "report.html", overrides=before)
    page = open_page(tmp_path / "report.html")
    playwright.expect(page.locator("#count")).to_have_text("Nothing overruled, 3 from before")
    view(page, "dropped?reason=overruled")
    page.locator("#dropped .card", has_text="02.jpg").get_by_role("button", name="Keep").click()
    again = saved(page, tmp_path / "overrides.json")
    assert {decision.uri: decision.keep for decision in again.decisions} == {
        "train/cat/01.jpg": False,
        "train/cat/02.jpg": True,
        "gone.jpg": True,
    }


def test_hostile_names(open_page: Callable[..., Any], report: Path, manifest: Manifest) -> None:
    """Names are shown as text: none becomes an element, runs, or turns the direction of what is around it."""
    page = open_page(report)
    view(page, "dropped?reason=too+dark")
    names = page.locator("#dropped .name").all_inner_texts()
    assert "<img src=x onerror=window.hit=1>.png" in names
    assert "\"double\" and 'single' &amp; &.png" in names
    assert "⟨U+202E⟩gnp.exe.png" in names
    assert "line⟨U+000A⟩break.png" in names
    assert "separators⟨U+2028⟩⟨U+2029⟩.png" in names
    assert "%FF%E9.png" in names
    folders = page.locator("#dropped .folder").all_inner_texts()
    assert "train/</script>window.hit=1<" in folders
    for number in range(len(names)):
        page.locator("#dropped .look").nth(number).click()
        assert all(source.startswith("file:") for source, _ in shown(page.locator("#look")))
        page.keyboard.press("Escape")
    assert page.evaluate("window.hit") is None
    playwright.expect(page.locator("#dropped b, dialog b, img[src=x], main script")).to_have_count(0)
    playwright.expect(page.locator("script")).to_have_count(2)


@pytest.mark.parametrize("width", [400, 1600])
def test_width(open_page: Callable[..., Any], report: Path, width: int) -> None:
    """No view is wider than the window."""
    page = open_page(report, width)
    for name in VIEWS:
        view(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_many(open_page: Callable[..., Any], drawn: Callable[[int], Manifest], tmp_path: Path, size: int) -> None:
    """With so many rows, half of them dropped and one with 5,000 copies, the document holds one page at a time."""
    manifest = replace(drawn(size), source=FakeSource({}))
    write_report(manifest, summarize(manifest), tmp_path / "report.html", thumbnails=0)
    assert (tmp_path / "report.html").stat().st_size < 200 * size
    page = open_page(tmp_path / "report.html")
    page.set_default_timeout(120_000)
    for name in (*VIEWS, "dropped?sort=-sharpness", "kept?q=0077&label=label+7"):
        section = view(page, name)
        assert page.locator("*").count() < 9_000, name
        if name in ("duplicates", "leaks", "dropped", "kept"):
            texts = [section.locator(".pager [role=status]").inner_text()]
            for _ in range(3):
                page.keyboard.press("ArrowRight")
                texts.append(section.locator(".pager [role=status]").inner_text())
            assert len(set(texts)) == 4
            assert page.locator("*").count() < 9_000, name
    more = view(page, "duplicates").locator(".cluster").first.locator(".more")
    more.click()
    playwright.expect(page.locator(".cluster").first.locator(".card")).to_have_count(58)
    assert page.evaluate("document.activeElement.matches('.cluster li:nth-child(11) .look')")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, the accessibility checker, from the file that DATAPREP_AXE names or from node_modules."""
    for path in (os.environ.get("DATAPREP_AXE"), "node_modules/axe-core/axe.min.js"):
        if path and Path(path).is_file():
            return Path(path).read_text(encoding="utf-8")
    pytest.skip("axe-core is not there: `npm install axe-core`, or set DATAPREP_AXE to its axe.min.js")


@pytest.fixture(scope="module")
def small_report(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a few rows of each kind: what axe takes grows with the page."""
    path = tmp_path_factory.mktemp("small") / "report.html"
    wanted = pc.match_substring_regex(manifest.table["uri"], "/0[357]|/dog/|/</|leak")
    few = replace(manifest, table=manifest.table.filter(wanted))
    write_report(few, summarize(few), path)
    return path


@pytest.mark.parametrize(("scheme", "width", "paper"), [("light", 1600, "rgb(247, 246, 243)"), ("dark", 400, "rgb(18, 20, 23)")])
def test_accessible(open_page: Callable[..., Any], small_report: Path, axe: str, scheme: str, width: int, paper: str) -> None:
    """In both colour schemes, axe finds nothing wrong with any view, with an overruled picture, or with the dialogs."""
    page = open_page(small_report, width, color_scheme=scheme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    page.evaluate(axe)
    found = {}
    for name in VIEWS:
        section = view(page, name)
        if name == "dropped":
            section.locator(".toggle").first.click()
        found[name] = page.evaluate("axe.run()")
    view(page, "duplicates").locator(".look").nth(1).click()
    found["dialog"] = page.evaluate("axe.run()")
    for key in ("b", "l"):
        page.keyboard.press(key)
        found[key] = page.evaluate("axe.run()")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    found["keys"] = page.evaluate("axe.run()")
    for name, result in found.items():
        assert "color-contrast" in {rule["id"] for rule in result["passes"]}, name
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == [], name
