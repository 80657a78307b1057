"""Manifests to report on: a small messy folder, and a drawn table of any size without images."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from dataprep.cleaning.clean import clean
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.report import summarize, write_report
from dataprep.sources import Folder
from dataprep.stages import ChannelSums
from dataprep.stages.rules.standard import standard_rules
from dataprep.testing import FakeEngine, encoded, photo

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

PIPELINE = Pipeline(ChannelSums(), *standard_rules())

HOSTILE = (
    "<script>window.hit=1</script>.png".replace("/", "\u2215"),
    "<img src=x onerror=window.hit=1>.png",
    "\"double\" and 'single' &amp; &.png",
    "\u202egnp.exe.png",
    "صورة.png",
    "line\nbreak.png",
    "separators\u2028\u2029.png",
    "100%.png",
    f"{'long' * 50}.png",
    "<!-- --><\u2215script>]]>.png",
)
"""Names that file systems allow; of those that break pages, a folder may be called `<`, and what is in it `script>...`."""


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty photos, of each a smaller copy; copies under another label and in another split; dark ones; hostile names."""
    folder = tmp_path_factory.mktemp("messy")
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
    for seed in range(30):
        (folder / "train" / "cat" / f"{seed:02}.jpg").write_bytes(encoded(photo(seed)))
        (folder / "train" / "cat" / f"{seed:02}-copy.png").write_bytes(encoded(photo(seed, 72, 96), "PNG"))
    shutil.copy(folder / "train" / "cat" / "03.jpg", folder / "train" / "dog" / "conflict.jpg")
    shutil.copy(folder / "train" / "cat" / "05.jpg", folder / "test" / "cat" / "leak.jpg")
    (folder / "train" / "dog" / "cut.jpg").write_bytes(encoded(photo(40))[:-500])
    for place, name in enumerate((*HOSTILE, b"\xff\xe9.png")):
        data = encoded(np.asarray(photo(50 + place) // 20, np.uint8), "PNG")
        Path(folder, "train", "dog", name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")).write_bytes(data)
    (folder / "train" / "<").mkdir()
    (folder / "train" / "<" / "script>window.hit=1<").mkdir()
    dark = cv2.resize(photo(80) // 20, None, fx=1.5, fy=1.5)
    (folder / "train" / "<" / "script>window.hit=1<" / "script>.png").write_bytes(encoded(np.asarray(dark, np.uint8), "PNG"))
    return folder


@pytest.fixture(scope="session")
def manifest(messy: Path) -> Manifest:
    """The manifest of the messy folder."""
    return clean(Folder(str(messy), splits=True), PIPELINE, engine=FakeEngine())


@pytest.fixture(scope="session")
def drawn() -> Callable[[int], Manifest]:
    """A manifest of so many rows, drawn from a seed; its images do not exist."""
    return drawn_manifest


def drawn_manifest(size: int) -> Manifest:
    """Draws a table in which one row in 20 has 10 copies, one of them 5,000 if there is room, and some are blurred."""
    generator = np.random.default_rng(0)
    ids = np.arange(size)
    twins = np.where(ids % 20 > 9, ids - ids % 20, -1)
    twins[size // 2 + 1 : size // 2 + 5_000] = size // 2
    keep = (twins < 0) & (ids % 20 != 5)
    reasons = np.where(keep, None, np.where(twins < 0, "blurred", "near duplicate"))
    columns = {
        "id": pa.array(ids, pa.int64()),
        "uri": [f"train/label {row % 100}/image {row:07}.jpg" for row in range(size)],
        "label": [f"label {row % 100}" for row in range(size)],
        "split": pa.array(np.where(ids % 30 == 0, "test", "train")),
        "bytes": pa.array(generator.integers(1_000, 10**6, size), pa.int64()),
        "modified": pa.array(ids, pa.int64()),
        "digest": [f"{row:064x}" for row in range(size)],
        "format": pa.array(["JPEG"] * size),
        "height": pa.array(generator.integers(20, 2_000, size), pa.int32()),
        "width": pa.array(generator.integers(20, 2_000, size), pa.int32()),
        "brightness": pa.array(generator.uniform(0, 255, size), pa.float32()),
        "contrast": pa.array(generator.uniform(0, 100, size), pa.float32()),
        "sharpness": pa.array(generator.lognormal(6, 1.5, size), pa.float32()),
        "darkest": pa.array(generator.integers(0, 128, size), pa.int32()),
        "lightest": pa.array(generator.integers(128, 256, size), pa.int32()),
        "error": pa.nulls(size, pa.string()),
        "keep": pa.array(keep),
        "reason": pa.array(reasons, pa.string()),
        "detail": pa.array(np.where(keep, None, np.where(twins < 0, "sharpness 3.1 < 10", "distance 2")), pa.string()),
        "twin": pa.array(twins, pa.int64(), mask=twins < 0),
        "distance": pa.array(np.full(size, 2), pa.int32(), mask=twins < 0),
    }
    pipeline = Pipeline(*standard_rules())
    return Manifest(pa.table(columns), pipeline, Folder("/nowhere"), (), tuple(sorted({f"label {row}" for row in range(100)})))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = running.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file in a window of its own; afterwards nothing may have been said, thrown or fetched."""
    faults, fetched, windows = [], [], []

    def opened(path: Path, width: int = 1600, **options: Any) -> Any:
        windows.append(chromium.new_context(viewport={"width": width, "height": 900}, **options))
        page = windows[-1].new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(path.as_uri(), timeout=120_000)
        return page

    yield opened
    for window in windows:
        window.close()
    assert faults == []
    assert {url.split(":")[0] for url in fetched} <= {"file", "data", "blob"}


@pytest.fixture(scope="session")
def report(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the messy folder."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(manifest, summarize(manifest), path)
    return path
