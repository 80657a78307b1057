"""One policy for all images: every backend gets the pixels that `clean` measured, whatever the format, depth and damage."""

import base64
import io
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from dataprep.cleaning.clean import clean
from dataprep.images.decode import decode
from dataprep.images.views import luminance, reduce
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.pipeline import Pipeline
from dataprep.protocols import Backend
from dataprep.report.thumbnails import thumbnails
from dataprep.sources import Folder
from dataprep.stages import ChannelSums, Luminance, Readable, Require, Resize
from dataprep.testing import FakeEngine, encoded, photo

torch = pytest.importorskip("torch")

from dataprep.backends.threads import Threads  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips

SIZE = (40, 48)


def icon(level: int) -> np.ndarray:
    """A disc of one level on transparency that hides another: (H, W, 4)."""
    image = np.full((*SIZE, 4), 255 - level, np.uint8)
    image[..., 3] = 0
    cv2.circle(image, (24, 20), 12, (level, level, level, 255), -1)
    return image


def files() -> dict[str, bytes]:
    """Files of one size, of every kind that needs a policy."""
    image = photo(0, *SIZE)
    gray, jpeg = luminance(image), encoded(image, quality=90)
    at = jpeg.index(b"\xff\xdb")
    made = {
        "plain.jpg": jpeg,
        "no_end.jpg": jpeg[:-2],
        "stray.jpg": jpeg[:at] + b"stray" + jpeg[at:],
        "stray_end.jpg": jpeg[:-2] + bytes(40) + jpeg[-2:],
        "plain.png": encoded(image, "PNG"),
        "black_icon.png": encoded(icon(0), "PNG"),
        "white_icon.png": encoded(icon(255), "PNG"),
        "icon.webp": encoded(icon(60), "WEBP", lossless=True, exact=True),
        "gray_alpha.png": encoded(icon(30)[..., 2:], "PNG"),
        "twelve.png": encoded(gray.astype(np.uint16) * 16, "PNG"),
        "sixteen.tif": encoded(gray.astype(np.uint16) * 257, "TIFF"),
        "signed.tif": encoded(gray.astype(np.int32) * 9 - 1000, "TIFF"),
        "float.tif": encoded(gray.astype(np.float32) / 255, "TIFF"),
        "large_float.tif": encoded(gray.astype(np.float32) * 257, "TIFF"),
        "deep_colour.png": cv2.imencode(".png", image.astype(np.uint16) * 257)[1].tobytes(),
    }
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).convert("CMYK").save(buffer, "JPEG")
    return {**made, "cmyk.jpg": buffer.getvalue(), "cmyk_no_end.jpg": buffer.getvalue()[:-2]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of these files, and of some that lack pixels."""
    for name, data in files().items():
        tmp_path.joinpath(name).write_bytes(data)
    png = files()["plain.png"]
    at = len(png) // 2
    tmp_path.joinpath("damaged.png").write_bytes(png[:at] + b"damage" + png[at + 6 :])
    tmp_path.joinpath("cut.jpg").write_bytes(files()["plain.jpg"][:-200])
    return tmp_path


def backends() -> list[object]:
    """Every backend that runs without a GPU, DALI where it is installed."""
    found: list[object] = [Threads(2), Torch(0)]
    try:
        from dataprep.backends.dali.backend import Dali
    except ImportError:
        return found
    return [*found, Dali("cpu")]


def test_remarks(folder: Path) -> None:
    """What has all its pixels is kept, with a remark where something was done; what lacks some is unreadable."""
    table = clean(folder, Pipeline(Readable(), Require("brightness", least=0)), engine=FakeEngine()).table
    rows = {row["uri"]: row for row in table.to_pylist()}
    assert {uri for uri, row in rows.items() if not row["keep"]} == {"damaged.png", "cut.jpg"}
    silent = {uri for uri, row in rows.items() if row["remark"] is None}
    assert silent == {"plain.jpg", "plain.png", "cmyk.jpg", "damaged.png", "cut.jpg"}
    assert rows["no_end.jpg"]["remark"] == "no end marker"
    assert rows["twelve.png"]["remark"] == "12 of 16 bits, scaled to 8"


@pytest.mark.parametrize("backend", backends(), ids=repr)
def test_same_pixels(folder: Path, backend: Backend) -> None:
    """Every backend delivers the pixels of `decode`, from which the measures come, too."""
    rules = Pipeline(Readable(), Require("brightness", least=0))
    manifest = clean(folder, rules, engine=FakeEngine())
    kept = dict(zip(manifest.kept("id")["id"].to_pylist(), manifest.kept("uri")["uri"].to_pylist(), strict=True))
    for batch in Loader(
        manifest, Pipeline(Resize(SIZE)), batch_size=5, sampler=Sampler(shuffle=False, remainder="exact"), backend=backend
    ):
        for image, number in zip(np.asarray(batch.images), np.asarray(batch.ids).tolist(), strict=True):
            expected = decode(folder.joinpath(kept[number]).read_bytes()).image
            np.testing.assert_array_equal(image.transpose(1, 2, 0), expected, err_msg=kept[number])


def test_same_measures(folder: Path) -> None:
    """Measures see the pixels of `decode`, in luminance as in colour, whatever else is measured."""
    for measures in ((Luminance(),), (ChannelSums(),), (Luminance(), ChannelSums())):
        for row in clean(folder, Pipeline(Readable(), *measures), engine=FakeEngine()).table.to_pylist():
            if row["error"]:
                continue
            data = folder.joinpath(row["uri"]).read_bytes()
            if "brightness" in row:
                assert row["brightness"] == pytest.approx(reduce(decode(data, channels=1).image, 128).mean(), abs=1e-3)
            if "channel_sums" in row:
                assert row["channel_sums"] == decode(data).image.sum(axis=(0, 1)).tolist()


def test_same_thumbnails(folder: Path) -> None:
    """Thumbnails show what batches hold, and no picture of what is unreadable."""
    names = sorted(files())
    for name, thumbnail in zip(names, thumbnails(Folder(str(folder)), names), strict=True):
        assert thumbnail.url is not None, thumbnail.error
        shown = decode(base64.b64decode(thumbnail.url.partition(",")[2])).image
        assert np.abs(shown.astype(int) - decode(files()[name]).image).mean() < 20  # WebP of low quality
    (damaged,) = thumbnails(Folder(str(folder)), ["damaged.png"])
    assert damaged.url is None and "IDAT" in str(damaged.error)
