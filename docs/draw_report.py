"""Draws docs/pictures/report: the report of `dataprep demo` in a browser, as the README and the pages show it.

python docs/draw_report.py         # needs Chromium, playwright, and scikit-image, whose photographs the demo takes
"""

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import PIL.Image
from draw_measures import DOCS

FOLDER = DOCS / "pictures" / "report"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class View(NamedTuple):
    """What is shown: the address within the page, the window in pixels, the colours, what is pressed, and what is scrolled to."""

    address: str
    size: tuple[int, int] = (1280, 800)
    colours: str = "light"
    pressed: str | None = None
    scrolled: str | None = None


SHOWN = {
    "overview": View("overview"),
    "duplicates": View("duplicates"),
    "measures": View("measures", scrolled="sharpness"),
    "comparison": View("duplicates", pressed=".cluster .card:nth-child(2) button.look"),
    "phone": View("overview", (390, 844), "dark"),
}


@contextmanager
def opened() -> Iterator[Any]:
    """Starts a browser, and ends it."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def photograph(browser: Any, report: Path, view: View) -> PIL.Image.Image:
    """Returns what a view of the report looks like, one and a half pixels for each of CSS."""
    width, height = view.size
    window = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=1.5, color_scheme=view.colours, reduced_motion="reduce"
    )
    page = window.new_page()
    page.goto(f"{report.as_uri()}#{view.address}")
    page.locator(f"section#{view.address}").wait_for(state="visible")
    if view.pressed:
        page.locator(view.pressed).first.click()
    if view.scrolled:
        page.locator("article", has=page.get_by_role("heading", name=view.scrolled)).evaluate("node => node.scrollIntoView()")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    data = page.screenshot()
    window.close()
    return PIL.Image.open(io.BytesIO(data)).convert("RGB")


def draw() -> None:
    """Runs the demo and writes a picture of each view."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="dataprep-demo-") as folder, opened() as browser:
        subprocess.run([sys.executable, "-m", "dataprep", "demo", "--out", folder], check=True, stdout=subprocess.DEVNULL)
        for name, view in SHOWN.items():
            picture = photograph(browser, Path(folder, "cleaned", "report.html"), view)
            picture.save(FOLDER / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    draw()
