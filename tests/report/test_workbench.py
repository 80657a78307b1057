"""The report as a workbench in a browser: many pictures at once, filters in the address, labels, and decisions that stay."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dataprep.manifest import Decision, Manifest, Overrides
from dataprep.pipeline import Pipeline
from dataprep.report import summarize, write_report
from dataprep.testing import FakeSource

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture
def page(open_page: Callable[..., Any], report: Path) -> Any:
    """The report of the messy folder."""
    return open_page(report)


def at(page: Any, address: str) -> Any:
    """Opens an address and returns the section that it shows."""
    page.evaluate("address => { location.hash = address }", address)
    section = page.locator(f"section#{address.partition('?')[0]}")
    section.wait_for(state="visible")
    return section


def listed(section: Any) -> list[str]:
    """Returns the names on the cards of a page."""
    return [str(text) for text in section.locator(".card .name").all_inner_texts()]


def status(section: Any, text: str) -> None:
    """Waits until a list says which of how many items it shows."""
    playwright.expect(section.locator(".pager [role=status]")).to_have_text(text)


def count(page: Any, text: str) -> None:
    """Waits until the page says how much was decided."""
    playwright.expect(page.locator("#count")).to_have_text(text)


def saved(page: Any, path: Path) -> Overrides:
    """Saves the overrides and reads them."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save overrides.json").click()
    download.value.save_as(path)
    return Overrides.read(path)


def test_all_of_a_filter(page: Any, manifest: Manifest, tmp_path: Path) -> None:
    """One press keeps all pictures of a filter, on every page of it; one takes that back; and the file that is saved has each."""
    dark = at(page, "dropped?reason=too+dark")
    total = manifest.reasons()["too dark"]
    dark.locator(".bulk").get_by_role("button", name="Keep").last.click()
    count(page, f"{total} overruled")
    playwright.expect(dark.locator(".card.changed")).to_have_count(total)
    page.get_by_role("button", name="Undo").click()
    count(page, "Nothing overruled")
    playwright.expect(dark.locator(".card.changed")).to_have_count(0)
    dark.locator(".bulk").get_by_role("button", name="Keep").last.click()
    overrides = saved(page, tmp_path / "overrides.json")
    judged = manifest.judge(manifest.pipeline, overrides)
    assert "too dark" not in judged.reasons()
    assert judged.kept().num_rows == manifest.kept().num_rows + total


def test_all_of_a_page_and_of_a_cluster(page: Any) -> None:
    """One press drops what is on a page, or in a cluster, and nothing else; what is so already is not counted."""
    duplicates = at(page, "duplicates")
    status(duplicates, "1–24 of 30")
    duplicates.locator(".cluster").first.get_by_role("button", name="Drop", exact=True).click()
    count(page, "1 overruled")
    page.keyboard.press("u")
    duplicates.locator(".bulk [data-act=drop]").first.click()
    count(page, "24 overruled")
    page.keyboard.press("u")
    duplicates.locator(".bulk [data-act=drop]").last.click()
    count(page, "30 overruled")
    page.keyboard.press("u")
    count(page, "Nothing overruled")


def test_unreadable_pictures_stay_dropped(page: Any) -> None:
    """Keeping what cannot be read, or labelling it, changes nothing, and says so."""
    bulk = at(page, "dropped?reason=unreadable").locator(".bulk")
    for act, then in (("[data-act=keep]", " and stays dropped."), (".relabel", ", and gets no label.")):
        bulk.locator(act).click()
        playwright.expect(page.locator("#said")).to_have_text(f"1 picture cannot be read{then}")
    count(page, "Nothing overruled")


FILTERS: tuple[tuple[dict[str, str], Callable[[dict[str, Any]], bool]], ...] = (
    ({"q": "COPY.p"}, lambda row: "copy.p" in row["uri"]),
    ({"q": "(.*"}, lambda row: "(.*" in row["uri"]),
    ({"label": "dog"}, lambda row: row["label"] == "dog"),
    ({"split": "test"}, lambda row: row["split"] == "test"),
    ({"folder": "train/dog"}, lambda row: row["uri"].startswith("train/dog/")),
    ({"folder": "train/do"}, lambda row: False),
    ({"reason": "too dark", "label": "dog"}, lambda row: (row["reason"], row["label"]) == ("too dark", "dog")),
    ({"label": "dog", "q": "conflict"}, lambda row: row["label"] == "dog" and "conflict" in row["uri"]),
)


def test_filters(page: Any, manifest: Manifest) -> None:
    """A filter in the address lets through what it says: by name, label, split, folder and reason, also together."""
    for asked, passes in FILTERS:
        query = page.evaluate("asked => new URLSearchParams(asked).toString()", asked)
        for name, keep in (("dropped", False), ("kept", True)):
            section = at(page, f"{name}?{query}")
            rows = [row for row in manifest.table.to_pylist() if row["keep"] is keep and passes(row)]
            status(section, f"{min(1, len(rows))}–{len(rows)} of {len(rows)}")
            assert len(listed(section)) == len(rows)
    section.get_by_role("button", name="Clear").click()
    assert page.evaluate("location.hash") == "#kept"


def test_search_by_typing(page: Any) -> None:
    """What is typed filters at once, without a step in the history for each letter, and the focus stays."""
    duplicates = at(page, "duplicates")
    page.keyboard.press("/")
    page.keyboard.type("07")
    status(duplicates, "1–1 of 1")
    assert page.evaluate("location.hash") == "#duplicates?q=07"
    assert page.evaluate("document.activeElement.dataset.filter") == "q"
    page.go_back()
    playwright.expect(page.locator("#overview")).to_be_visible()


def test_sorted(page: Any, manifest: Manifest) -> None:
    """Any measure, the distance or the name sorts a list, up or down; what is not known comes last."""
    total = len(manifest) - manifest.kept().num_rows
    for column, sign in itertools.product(("brightness", "sharpness", "distance", "name"), ("", "-")):
        status(at(page, f"dropped?sort={sign}{column}"), f"1–{total} of {total}")
        values = {row["uri"]: row["uri" if column == "name" else column] for row in manifest.table.to_pylist()}
        uris = page.evaluate("[...document.querySelectorAll('#dropped .card')].map(card => pictures.uri[card.dataset.picture])")
        found = [values[uri] for uri in uris]
        known = [value for value in found if value is not None]
        assert found == known + [None] * (total - len(known))
        rounded = known if column == "name" else [float(f"{value:.4g}") for value in known]
        assert rounded == sorted(rounded, reverse=bool(sign))


def test_address_of_a_page(page: Any) -> None:
    """The number of the page is in the address: it can be linked, and going back returns to the page before."""
    section = at(page, "duplicates?page=2")
    status(section, "25–30 of 30")
    page.keyboard.press("ArrowLeft")
    status(section, "1–24 of 30")
    assert page.evaluate("location.hash") == "#duplicates"
    page.go_back()
    status(section, "25–30 of 30")
    for wrong, text in (("99", "25–30 of 30"), ("-1", "1–24 of 30"), ("x", "1–24 of 30")):
        status(at(page, f"duplicates?page={wrong}"), text)


def test_decisions_stay(open_page: Callable[..., Any], report: Path) -> None:
    """A page that is opened again in the same browser has the decisions of before, and undoing to none forgets them."""
    page = open_page(report)
    at(page, "duplicates").locator(".toggle").first.click()
    page.locator("#duplicates .toggle").nth(1).click()
    page.reload()
    count(page, "2 overruled")
    playwright.expect(page.locator("#duplicates .card.changed")).to_have_count(2)
    for number in range(2):
        page.locator("#duplicates .toggle").nth(number).click()
    page.reload()
    count(page, "Nothing overruled")


def test_files_loaded_back(page: Any, manifest: Manifest, tmp_path: Path) -> None:
    """Saved files are loaded back and merged: what a later one says holds, and what is not listed here stays in what is saved."""
    rows = {row["uri"]: row for row in manifest.table.to_pylist()}
    decision = lambda uri, **wish: {"uri": uri, "digest": rows[uri]["digest"].hex(), **wish}  # noqa: E731
    gone = {"uri": "gone.jpg", "digest": "0" * 64, "keep": False}
    files = {
        "a.json": {
            "version": 1,
            "decisions": [decision("train/cat/01.jpg", keep=False), decision("train/cat/02.jpg", keep=False), gone],
        },
        "b.json": {
            "version": 2,
            "decisions": [decision("train/cat/02.jpg", keep=True), decision("train/cat/03.jpg", label="owl")],
        },
        "c.json": {"version": 9, "decisions": []},
        "d.json": [],
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "e.json").write_text("{")
    page.locator("#files").set_input_files([tmp_path / name for name in "a.json b.json c.json d.json e.json".split()])
    count(page, "1 overruled, 1 relabelled, 2 from before")
    said = page.locator("#said").inner_text()
    assert "a.json: 3 decisions loaded, 1 about pictures that are not listed here or have changed." in said
    assert "c.json: of version 9" in said
    assert "d.json: of version undefined" in said
    assert "e.json: not JSON" in said
    assert set(saved(page, tmp_path / "all.json").decisions) == {
        Decision("gone.jpg", "0" * 64, keep=False),
        Decision("train/cat/01.jpg", rows["train/cat/01.jpg"]["digest"].hex(), keep=False),
        Decision("train/cat/02.jpg", rows["train/cat/02.jpg"]["digest"].hex(), keep=True),
        Decision("train/cat/03.jpg", rows["train/cat/03.jpg"]["digest"].hex(), label="owl"),
    }
    page.keyboard.press("u")
    page.keyboard.press("u")
    count(page, "Nothing overruled, 2 from before")


def test_decisions_that_nobody_judged_by(open_page: Callable[..., Any], manifest: Manifest, tmp_path: Path) -> None:
    """A page that is given decisions which the manifest was not judged by shows them as what is to become."""
    row = next(row for row in manifest.table.to_pylist() if row["uri"] == "train/cat/01.jpg")
    overrides = Overrides(
        (Decision(row["uri"], row["digest"].hex(), keep=False, label="owl"), Decision("gone.jpg", "0" * 64, keep=True))
    )
    write_report(manifest, summarize(manifest), tmp_path / "report.html", overrides=overrides)
    page = open_page(tmp_path / "report.html")
    count(page, "1 overruled, 1 relabelled, 1 from before")
    assert set(saved(page, tmp_path / "overrides.json").decisions) == set(overrides.decisions)


def test_relabel(page: Any, manifest: Manifest, tmp_path: Path) -> None:
    """A label for a cluster, or for a picture, is shown, saved, and the one that judging with the file gives."""
    conflicts = at(page, "conflicts")
    conflicts.locator(".cluster .cap").get_by_role("button", name="Label").click()
    page.locator("#ask-label").fill("dog")
    page.locator("#ask").get_by_role("button", name="Set the label").click()
    members = conflicts.locator(".card").count()
    count(page, f"{members - 1} relabelled")
    playwright.expect(conflicts.locator(".relabelled:visible")).to_have_text(["label: dog"] * (members - 1))
    at(page, "kept?q=07.jpg").locator(".look").first.focus()
    page.keyboard.press("l")
    page.locator("#ask-label").fill("<b>owl")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#kept .relabelled")).to_have_text("label: <b>owl")
    judged = manifest.judge(manifest.pipeline, saved(page, tmp_path / "overrides.json"))
    labels = dict(zip(judged.table["uri"].to_pylist(), judged.table["label"].to_pylist(), strict=True))
    assert (labels["train/cat/03.jpg"], labels["train/cat/03-copy.png"], labels["train/cat/07.jpg"]) == ("dog", "dog", "<b>owl")
    assert judged.classes[-1] == "<b>owl"
    assert judged.conflicts().num_rows == 1  # the copy of what is an owl now


def test_table_of_labels(page: Any, manifest: Manifest) -> None:
    """Each label has what there was, what is kept and what each rule took, each a link to it; any column sorts."""
    table = at(page, "labels").locator("table.labels")
    rows = manifest.table.to_pylist()
    for label in manifest.classes:
        of = [row for row in rows if row["label"] == label]
        line = table.locator("tbody tr", has=page.locator(f"th bdi:text-is({json.dumps(label)})"))
        assert line.locator("td.number").all_inner_texts() == [str(len(of)), str(sum(row["keep"] for row in of))]
    for by, index, downwards in (("before", 0, True), ("kept", 1, False)):
        table.locator(f"[data-by={by}]").click()
        values = [int(row.locator("td.number").nth(index).inner_text()) for row in table.locator("tbody tr").all()]
        assert values == sorted(values, reverse=downwards)
    table.locator("tr", has_text="dog").get_by_role("link", name="too dark").click()
    dark = sum(row["label"] == "dog" and row["reason"] == "too dark" for row in rows)
    status(page.locator("#dropped"), f"1–{dark} of {dark}")


def test_pictures_without_a_label(open_page: Callable[..., Any], tmp_path: Path, manifest: Manifest, report: Path) -> None:
    """Where some pictures have no label, a button lists just those, as do the links of their row; else there is none."""
    uris, labels = (manifest.table[name].to_pylist() for name in ("uri", "label"))
    some = pa.array([None if "1" in uri else label for uri, label in zip(uris, labels, strict=True)])
    partly = replace(manifest, table=manifest.table.set_column(manifest.table.column_names.index("label"), "label", some))
    write_report(partly, summarize(partly), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html")
    kept = sum(row["keep"] and row["label"] is None for row in partly.table.to_pylist())
    section = at(page, "kept?label=cat")
    button = section.get_by_role("button", name="Without a label")
    button.click()
    status(section, f"1–{kept} of {kept}")
    playwright.expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("location.hash") == "#kept?nolabel=1"
    button.click()
    assert page.evaluate("location.hash") == "#kept"
    at(page, "labels").locator("tr.none .left a").click()
    status(section, f"1–{kept} of {kept}")
    assert at(open_page(report), "kept").get_by_role("button", name="Without a label").count() == 0


def test_a_rule_that_falls_on_a_label(open_page: Callable[..., Any], tmp_path: Path, drawn: Callable[[int], Manifest]) -> None:
    """A label that a rule takes much more of than of others is marked in the table; what is marked comes first."""
    manifest = drawn(4_000)
    dark = pc.and_(pc.equal(manifest.table["label"], "label 7"), manifest.table["keep"])
    table = manifest.table
    for name, value in (("keep", False), ("reason", "too dark"), ("detail", "brightness 3 < 20")):
        table = table.set_column(table.column_names.index(name), name, pc.if_else(dark, pa.scalar(value), table[name]))
    manifest = replace(manifest, table=table, source=FakeSource({}))
    write_report(manifest, summarize(manifest), tmp_path / "report.html", thumbnails=0)
    rows = at(open_page(tmp_path / "report.html"), "labels").locator("tbody tr")
    fallen = rows.filter(has_text="too dark")
    assert fallen.locator("th bdi").all_inner_texts() == ["label 7"]
    assert "many are “too dark”" in fallen.locator(".flag").all_inner_texts()
    flagged = [row.locator(".flag").count() > 0 for row in rows.all()]
    assert flagged == sorted(flagged, reverse=True)


def test_faults_by_cause(open_page: Callable[..., Any], manifest: Manifest, tmp_path: Path) -> None:
    """Pictures that cannot be read are grouped by what is wrong with them, whatever numbers stand in the words."""
    errors = ["cut after 10 bytes", "cut after 2,000 bytes", "no such file", "cut after 7 bytes", "marker 0xda", "marker 0x3C"]
    rows = [row for row in manifest.table.to_pylist() if row["keep"]][: len(errors)]
    broken = dict(zip((row["id"] for row in rows), errors, strict=True))
    table = manifest.table
    for name, of in (
        ("error", broken.get),
        ("detail", broken.get),
        ("reason", dict.fromkeys(broken, "unreadable").get),
        ("keep", dict.fromkeys(broken, False).get),
    ):
        values = [
            of(id) if id in broken else old for id, old in zip(table["id"].to_pylist(), table[name].to_pylist(), strict=True)
        ]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))
    failed = replace(manifest, table=table)
    write_report(failed, summarize(failed), tmp_path / "report.html")
    section = at(open_page(tmp_path / "report.html"), "dropped?reason=unreadable")
    causes = section.locator(".causes button")
    playwright.expect(causes).to_have_text(
        ["all", "cut after … bytes 3", "marker … 2", "Premature end of JPEG file 1", "no such file 1"]
    )
    causes.nth(1).click()
    status(section, "1–3 of 3")


def test_not_checked(open_page: Callable[..., Any], manifest: Manifest, tmp_path: Path) -> None:
    """What was not looked for is not shown as none."""
    rules = [rule for rule in manifest.pipeline.rules if not getattr(rule, "finds_copies", False)]
    without = manifest.judge(Pipeline(*rules))
    write_report(without, summarize(without), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html")
    for name in ("duplicates", "conflicts", "leaks"):
        playwright.expect(page.locator(f"nav a[href='#{name}'] span")).to_have_text("not checked")
        assert "No rule looked for copies." in at(page, name).inner_text()


FITTED = """async frame => {
    const image = frame.querySelector("img");
    await image.decode();
    return Math.min(frame.clientWidth / image.naturalWidth, frame.clientHeight / image.naturalHeight);
}"""
"""How many times its own size a picture has that fits into its frame."""


def test_ways_to_look(page: Any) -> None:
    """A pair is seen side by side, by turns, or as its difference; zoomed, by whole pixels, and never smaller than before."""
    at(page, "duplicates").locator(".look").nth(1).click()
    look = page.locator("#look")
    playwright.expect(look.locator(".sides .whole img")).to_have_count(2)
    page.keyboard.press("b")
    over = look.locator(".over.blink")
    playwright.expect(over.locator("img")).to_have_count(2)
    playwright.expect(over).to_have_class("over blink turned")
    page.keyboard.press("b")
    playwright.expect(look.locator(".over.difference img")).to_have_count(2)
    blend = look.locator(".over.difference img").last.evaluate("image => getComputedStyle(image).mixBlendMode")
    assert blend == "difference"
    page.keyboard.press("b")
    playwright.expect(look.locator(".over")).to_have_count(0)
    fitted = look.locator(".sides .whole").first.evaluate(FITTED)
    page.keyboard.press("z")
    image = look.locator(".sides img").first
    image.evaluate("image => image.decode()")
    times = image.evaluate("image => image.getBoundingClientRect().width / image.naturalWidth")
    assert times == int(times) >= fitted
    assert look.get_by_role("link", name="Open the file").first.get_attribute("href").startswith("file://")


WALK = (
    ("?", "#keys[open]", None),
    ("Escape", "#help, body", None),
    ("ArrowRight", ".card:nth-child(2) .look", None),
    ("d", ".card:nth-child(2) .look", "1 overruled"),
    ("ArrowLeft", ".card:nth-child(1) .look", "1 overruled"),
    ("d", ".card:nth-child(1) .look", "2 overruled"),
    ("k", ".card:nth-child(1) .look", "1 overruled"),
    ("u", ".card:nth-child(1) .look", "2 overruled"),
    ("u", ".card:nth-child(1) .look", "1 overruled"),
    ("ArrowDown", ".card:not(:nth-child(-n+2)) .look", "1 overruled"),
    ("ArrowUp", ".card:nth-child(1) .look", "1 overruled"),
    ("l", "#ask-label", "1 overruled"),
    ("Escape", ".card:nth-child(1) .look", "1 overruled"),
    ("Enter", "#look *, #look", "1 overruled"),
    ("ArrowRight", "#look *, #look", "1 overruled"),
    ("u", "#look *, #look", "Nothing overruled"),
    ("Escape", ".card:nth-child(1) .look", "Nothing overruled"),
    ("/", "[data-filter=q]", "Nothing overruled"),
    ("d", "[data-filter=q]", "Nothing overruled"),
)
"""Keys, where the focus is afterwards, and what was decided: from the first kept picture on, in a window of a few in a row."""


def test_walk_by_keyboard(open_page: Callable[..., Any], report: Path) -> None:
    """By keys alone one learns the keys, goes through pictures, keeps, drops, undoes, looks closely and searches."""
    page = open_page(report, 700)
    at(page, "kept").locator(".look").first.focus()
    for key, focus, decided in WALK:
        if focus == ".card:nth-child(2) .look" and key == "ArrowRight":
            page.locator("#kept .look").first.focus()
        page.keyboard.press(key)
        playwright.expect(page.locator(focus).and_(page.locator(":focus, #keys[open], body")).first, key).to_be_attached()
        if decided is not None:
            count(page, decided)


def test_targets_for_fingers(open_page: Callable[..., Any], report: Path) -> None:
    """On a phone every button, field and link that stands alone is 44 pixels high and wide at least, and no view is too wide."""
    page = open_page(report, 390, has_touch=True, is_mobile=True)
    script = """() => [...document.querySelectorAll('button, input, select, nav a, .reasons a, .labels a, .acts a')]
        .filter(node => node.checkVisibility())
        .filter(node => Math.min(node.getBoundingClientRect().height, node.getBoundingClientRect().width) < 44)
        .map(node => node.outerHTML.slice(0, 90))"""
    for name in ("overview", "labels", "duplicates", "conflicts", "dropped?reason=too+dark", "kept", "measures"):
        at(page, name)
        assert page.evaluate(script) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    at(page, "duplicates").locator(".look").nth(1).click()
    assert page.evaluate(script) == []


def test_open_view_on_a_phone(open_page: Callable[..., Any], report: Path) -> None:
    """Whichever view is open, its name is in sight in the strip of all of them."""
    page = open_page(report, 390, has_touch=True, is_mobile=True)
    for name in ("overview", "labels", "duplicates", "conflicts", "leaks", "dropped", "kept", "measures", "overview"):
        at(page, name)
        box = page.locator("nav a[aria-current]").bounding_box()
        assert 0 <= box["x"] <= 390 - box["width"], name


def test_ten_thousand(open_page: Callable[..., Any], drawn: Callable[[int], Manifest], tmp_path: Path) -> None:
    """With 10,000 drops, the document holds one page; deciding about all of them touches only what is shown."""
    manifest = replace(drawn(20_000), source=FakeSource({}))
    write_report(manifest, summarize(manifest), tmp_path / "report.html", thumbnails=0)
    page = open_page(tmp_path / "report.html")
    dropped = at(page, "dropped?sort=-sharpness")
    total = len(manifest) - manifest.kept().num_rows
    status(dropped, f"1–60 of {total:,}")
    assert page.locator("*").count() < 4_000
    page.evaluate("""() => {
        window.touched = 0;
        const counter = new MutationObserver(found => { window.touched += found.length });
        counter.observe(document, { subtree: true, childList: true, attributes: true });
    }""")
    dropped.locator(".bulk [data-act=keep]").last.click()
    count(page, f"{total:,} overruled")
    assert page.evaluate("window.touched") < 1_000
    page.keyboard.press("u")
    count(page, "Nothing overruled")
    assert page.evaluate("window.touched") < 2_000
