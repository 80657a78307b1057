"""Rendering: the short cuts of the usual jobs give what the kernels give one after the other."""

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.backends.cpu import kernels, render
from dataprep.backends.program import compile_ops
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.loading.recipes import Draws, Rows, draw, rows_of
from dataprep.manifest import Manifest
from dataprep.protocols import Op
from dataprep.sources.folder import Folder
from dataprep.stages import CenterCrop, ColorJitter, HorizontalFlip, Normalize, Output, RandomResizedCrop, Resize, Rotate
from dataprep.testing import photo
from dataprep.types import Image

sides = st.integers(1, 150)
images = st.builds(photo, st.integers(0, 99), sides, sides)

JOBS: list[tuple[Op, ...]] = [
    (RandomResizedCrop((12, 9)), HorizontalFlip(), Normalize.imagenet()),
    (RandomResizedCrop(31), Normalize.imagenet()),
    (RandomResizedCrop(31, interpolation="bicubic"), Normalize.imagenet()),
    (RandomResizedCrop(31, interpolation="nearest"), HorizontalFlip()),
    (Resize(20), CenterCrop((17, 20)), HorizontalFlip()),
    (Resize(20), CenterCrop(33), HorizontalFlip(1), Normalize.imagenet()),
    (Resize((9, 40)), Rotate(20), HorizontalFlip(), Normalize.imagenet()),
    (HorizontalFlip(), CenterCrop(30)),
    (RandomResizedCrop(31), HorizontalFlip(), Normalize.imagenet(), Output("float16", "channels_last")),
    (RandomResizedCrop(31), Rotate(9), Normalize.imagenet(), Output("bfloat16")),
    (RandomResizedCrop(31), HorizontalFlip(), Output(memory="channels_last")),
    (Resize((9, 40)), Output("float32", "channels_last")),
]


@pytest.mark.parametrize("ops", JOBS)
@given(images, st.integers(0, 99))
def test_painting_is_what_the_kernels_do(ops: tuple[Op, ...], image: Image, seed: int) -> None:
    """An image painted into a batch is, to the last bit, what the kernels make of it one after the other."""
    params = [drawn[0] for drawn in draw(ops, np.array([image.shape[:2]]), np.array([seed]), 0, 0)]
    program = compile_ops(ops)
    (out,) = render.canvas(program, 1)
    render.paint(program, image, params, out)
    assert np.array_equal(out, render.apply(program, image, params))


@pytest.mark.parametrize("op", [RandomResizedCrop(9), Resize(20), Resize(20, "bicubic"), HorizontalFlip(1), Normalize.imagenet()])
@given(image=images)
def test_one_step_is_what_its_kernel_does(op: Op, image: Image) -> None:
    """An op alone is what its kernel gives."""
    (params,) = draw((op,), np.array([image.shape[:2]]), np.array([0]), 0, 0)
    assert np.array_equal(render.apply_op(op, image, params[0]), kernels.kernel(op, image, params[0]))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """JPEGs of all kinds: with less colour than light and with as much, baseline and progressive, upright and not."""
    folder = tmp_path_factory.mktemp("jpegs")
    number = 0
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            for orientation in (1, 6):
                exif = PIL.Image.Exif()
                exif[0x0112] = orientation
                path = folder / f"{number:02d}.jpg"
                picture = PIL.Image.fromarray(photo(number, 170 + number, 230 - number))
                picture.save(path, subsampling=subsampling, progressive=progressive, exif=exif, quality=80)
                number += 1
    return clean(folder, engine=Local(0))


@pytest.mark.parametrize("ops", JOBS)
def test_what_is_decoded_in_part_is_what_is_decoded_whole(ops: tuple[Op, ...], manifest: Manifest) -> None:
    """JPEGs of all kinds, of which only the part that is needed is decoded, come out as the kernels make them of whole images."""
    program = compile_ops(ops)
    sizes = np.stack([manifest.table[side].to_numpy() for side in ("height", "width")], axis=1)
    for uri, size in zip(manifest.table["uri"].to_pylist(), sizes, strict=True):
        whole = render.read(manifest.source, uri, tuple(size.tolist())).image.copy()
        for seed in range(20):
            params = [drawn[0] for drawn in draw(ops, size[None], np.array([seed]), 0, 0)]
            opening = render.opening_of(program, params, tuple(size))
            part = render.read(manifest.source, uri, tuple(size.tolist()), opening.window.needed if opening else None)
            (out,) = render.canvas(program, 1)
            render._paint(program, part, params, opening, out)
            assert np.array_equal(out, render.apply(program, whole, params)), (uri, params)


@pytest.fixture(scope="module")
def damaged(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The same files, half of them damaged since they were measured: cut, emptied, overwritten, exchanged, without an end."""
    folder = tmp_path_factory.mktemp("damaged")
    uris = manifest.table["uri"].to_pylist()
    for number, uri in enumerate(uris):
        data = manifest.source.read(uri)
        half, other = len(data) // 2, manifest.source.read(uris[number - 1])
        faults = (data, data[:half], data, b"", data, data[:half] + bytes(40) + data[half + 40 :], data, other, data, data[:-2])
        (folder / uri).write_bytes(faults[number % len(faults)])
    return Folder(folder)


@pytest.mark.parametrize("ops", [*JOBS, (Resize(40), CenterCrop(30), ColorJitter(0.4), HorizontalFlip(), Normalize.imagenet())])
def test_batches_in_one_call_are_those_step_by_step(
    ops: tuple[Op, ...], manifest: Manifest, damaged: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches by one compiled call an image are those made step by step, to the last bit and word, be files damaged or not."""
    program = compile_ops(ops)
    rows = rows_of(manifest)
    assert isinstance(rows, Rows)
    rows = replace(rows, stamps=None)
    made: list[tuple[bytes, object]] = []
    for way in ("in one call", "step by step"):
        if way == "step by step":
            monkeypatch.setattr(render, "render_file", lambda *given: False)
            monkeypatch.setattr(render, "pixels_of_file", lambda *given: None)
        for source in (manifest.source, damaged):
            order = np.stack([np.arange(len(rows.ids)), np.zeros(len(rows.ids), np.int64)], axis=1)
            for recipe in Draws(ops, 7).recipes(rows, [order], 0):
                rendered = render.render(source, program, recipe)
                made.append((rendered.batch.images.tobytes(), rendered.failures))
    assert made[:2] == made[2:]
    assert not made[0][1] and made[1][1]
