"""Pictures of batches and of what ops make of an image: the right pixels, with the right words under each."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import dataprep as dp
from dataprep.looking.pictures import SIDE
from dataprep.looking.words import told
from dataprep.testing import FakeBackend, encoded, photo, write_images

EVIL = '<script>alert("x")</script>'
OPS = (dp.RandomResizedCrop((20, 30)), dp.HorizontalFlip(), dp.ColorJitter(0.4, 0.4, 0.4, 18))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of two classes, one of which has markup for a name."""
    made = tmp_path_factory.mktemp("photos")
    write_images(made, 6, labels=("cat", EVIL.replace("/", "∕")))
    return made


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dp.Manifest:
    """The manifest of these."""
    return dp.clean(folder, dp.Pipeline(dp.ChannelSums()), engine=dp.Local(0))


def batch_of(manifest: dp.Manifest, *stages: Any, **arguments: Any) -> Any:
    """Returns the first batch of all images."""
    return next(iter(dp.Loader(manifest, dp.Pipeline(*stages), batch_size=6, backend=FakeBackend(), **arguments)))


@pytest.mark.parametrize("last", [(), (dp.Normalize(),), (dp.Normalize.imagenet(), dp.Output("float16"))], ids=str)
def test_pixels_come_back(manifest: dp.Manifest, last: tuple[Any, ...]) -> None:
    """What `Normalize` did is undone: the pictures are those of a batch without it."""
    plain = batch_of(manifest, *OPS)
    for picture, image in zip(dp.show(batch_of(manifest, *OPS, *last)).pictures, plain.images, strict=True):
        assert np.abs(picture.image.astype(int) - image.transpose(1, 2, 0)).max() <= (1 if last else 0)


def test_words_are_of_the_image(manifest: dp.Manifest) -> None:
    """Under each picture stand its id, the name of its class, and what the recipe says was drawn for it."""
    batch = batch_of(manifest, *OPS)
    labels = dict(zip(manifest.kept()["id"].to_pylist(), manifest.kept()["label"].to_pylist(), strict=True))
    for index, picture in enumerate(dp.show(batch).pictures):
        id = int(batch.ids[index])
        assert picture.title == f"{id} · {labels[id]}"
        assert picture.lines == told(OPS, [drawn[index] for drawn in batch.origin.recipe.params])
        assert len(picture.lines) == 3


def test_words_are_of_the_image_where_others_failed(folder: Path, tmp_path: Path) -> None:
    """Where a file is left out of a batch, the others keep their own words."""
    write_images(tmp_path, 6)
    manifest = dp.clean(tmp_path, dp.Pipeline(), engine=dp.Local(0))
    whole = {picture.title: picture for picture in dp.show(batch_of(manifest, *OPS)).pictures}
    manifest.paths()[2].unlink()
    left = dp.show(batch_of(manifest, *OPS, on_error="skip")).pictures
    assert len(left) == 5
    assert all(whole[picture.title].lines == picture.lines for picture in left)


def test_a_batch_that_lost_its_origin(manifest: dp.Manifest) -> None:
    """A copy has numbers in place of names, no words, and says which values are black and white; one of shares has them."""
    shown = dp.show(dp.Batch(*batch_of(manifest, *OPS, dp.Normalize())), most=2)
    assert [picture.lines for picture in shown.pictures] == [(), ()]
    assert "Nothing says what the values mean" in shown.note and "and 4 more" in shown.note
    shares = dp.show(batch_of(manifest, *OPS, dp.CutMix()))
    assert any("0." in picture.title and picture.lines[-1].startswith("a box of") for picture in shares.pictures)


@pytest.mark.parametrize("values", ["bytes", "shares", "levels", "one value"])
def test_values_of_any_kind_are_seen(values: str) -> None:
    """Bytes, floats of 0 to 1 and of 0 to 255 are shown as they are; any others from the least to the largest."""
    levels = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4) * 2
    images = {
        "bytes": levels,
        "shares": levels / 255,
        "levels": levels.astype(np.float32),
        "one value": np.full((1, 3, 4, 4), -3.0),
    }
    count = len(images[values])
    shown = dp.show(dp.Batch(images[values], np.full(count, -1), np.arange(count)))
    assert shown.pictures[0].title == "0 · no label"
    if values != "one value":
        assert np.array_equal(np.stack([picture.image for picture in shown.pictures]), levels.transpose(0, 2, 3, 1))


def test_tensors_of_any_type(manifest: dp.Manifest) -> None:
    """Tensors are shown as arrays are, those of bfloat16 too."""
    torch = pytest.importorskip("torch")
    batch = batch_of(manifest, *OPS)
    plain = dp.show(batch).pictures
    tensors = dp.Batch(
        torch.from_numpy(batch.images).to(torch.bfloat16), torch.from_numpy(batch.labels), torch.from_numpy(batch.ids)
    )
    for one, other in zip(dp.show(tensors).pictures, plain, strict=True):
        assert np.abs(one.image.astype(int) - other.image).max() <= 1


def test_what_is_shown_is_escaped(manifest: dp.Manifest) -> None:
    """Markup in the name of a class is text, in pictures and in the lines of a manifest."""
    for page in (dp.show(batch_of(manifest, *OPS))._repr_html_(), manifest._repr_html_()):
        assert "<script" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("size", [(8, 8), (400, 300), (3, 700), (1, 1)])
def test_a_grid_as_a_file(size: tuple[int, int], tmp_path: Path) -> None:
    """A grid is a PNG with a picture and words in it, whatever the size; `save` writes it in the format of the name."""
    shown = dp.Pipeline(dp.RandomResizedCrop(16)).preview(photo(0, *size), count=5)
    image = PIL.Image.open(io.BytesIO(shown._repr_png_()))
    assert image.format == "PNG"
    assert image.width >= 4 * SIDE
    for name in ("grid.png", "grid.jpg"):
        shown.save(tmp_path / name)
        with PIL.Image.open(tmp_path / name) as saved:
            assert saved.size == image.size
    with pytest.raises(dp.DataprepError, match=r"written as \.png or \.jpg"):
        shown.save(tmp_path / "grid.html")


@pytest.mark.parametrize("last", [(), (dp.Normalize(),), (dp.Normalize.imagenet(), dp.Output("bfloat16"))], ids=str)
def test_a_preview_is_what_the_loader_makes(manifest: dp.Manifest, last: tuple[Any, ...]) -> None:
    """The draw of an epoch is what the loader makes of the first record in it, with the same words."""
    path = manifest.paths()[0]
    shown = dp.Pipeline(*OPS, *last, *([dp.MixUp()] if last else [])).preview(path, count=3, seed=5)
    assert ("MixUp is left out" in shown.note) == bool(last)
    loader = dp.Loader(manifest, dp.Pipeline(*OPS), batch_size=6, backend=FakeBackend(), sampler=dp.Sampler(seed=5))
    for picture, batch in zip(shown.pictures[1:], loader, strict=False):
        (index,) = np.flatnonzero(batch.ids == 0)
        close = 4 if last and last[-1] == dp.Output("bfloat16") else 1  # of 255: bfloat16 has 8 bits
        assert np.abs(picture.image.astype(int) - batch.images[index].transpose(1, 2, 0)).max() <= close
        assert picture.lines == dp.show(batch).pictures[index].lines


def test_an_image_in_any_form(tmp_path: Path) -> None:
    """A path, bytes, a picture of Pillow's and an array are the same image; EXIF turns it."""
    data = encoded(photo(0, 30, 40), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    pipeline = dp.Pipeline(dp.RandomResizedCrop(16))
    forms = (tmp_path / "a.png", str(tmp_path / "a.png"), data, PIL.Image.open(tmp_path / "a.png"), photo(0, 30, 40))
    pages = {pipeline.preview(form, count=2)._repr_html_() for form in forms}
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dp.Pipeline(dp.PHash()).preview(photo(0)), "has no ops"),
        (lambda: dp.Pipeline(*OPS).preview("nowhere.jpg"), "'nowhere.jpg' cannot be read"),
        (lambda: dp.Pipeline(*OPS).preview(b"no image"), "not an image"),
        (lambda: dp.Pipeline(*OPS).preview(np.zeros((3, 8, 8), np.uint8)), r"not uint8 \(3, 8, 8\)"),
        (lambda: dp.Pipeline(*OPS).preview(photo(0), count=0), r"count=0"),
        (lambda: dp.Pipeline(*OPS).preview(photo(0), seed="a"), r"seed='a'"),
        (lambda: dp.show(photo(0)), "show takes a batch, got ndarray"),
        (lambda: dp.show(dp.Batch(np.zeros((2, 4)), np.zeros(2, int), np.arange(2))), r"got \(2, 4\)"),
        (lambda: dp.show(dp.Batch(np.zeros((2, 3, 4, 4)), np.zeros(2, int), np.arange(2)), most=0), r"most=0"),
    ],
)
def test_what_cannot_be_shown_is_refused(call: Any, words: str) -> None:
    """What is no image and no batch is refused, and quoted."""
    with pytest.raises(dp.DataprepError, match=words):
        call()


def test_stages_in_a_line(manifest: dp.Manifest) -> None:
    """A pipeline shows each stage with its role and what an image is after an op; a loader and a batch what they hold."""
    page = dp.Pipeline(*dp.standard_rules(), *OPS, dp.Normalize(), dp.MixUp())._repr_html_()
    assert page.count("</tr>") == len(dp.standard_rules()) + 5
    assert "RandomResizedCrop(size=(20, 30)) → 20 × 30 uint8" in page
    assert all(f" {role}<" in page for role in ("rule", "op", "mix"))
    loader = dp.Loader(manifest, dp.Pipeline(*OPS), batch_size=4, backend=FakeBackend())
    assert "1 of 4, of 6 images" in loader._repr_html_()
    assert "(4, 3, 20, 30) uint8" in next(iter(loader))._repr_html_()


def test_no_plotting_library_is_needed() -> None:
    """Pictures come without matplotlib and IPython."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['matplotlib', 'IPython', 'torch'])); import dataprep as dp, numpy as np;"
    )
    code += "dp.Pipeline(dp.RandomResizedCrop(8)).preview(np.zeros((9, 9, 3), np.uint8))._repr_png_()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
