"""One image through the ops of a pipeline, again and again: what the ops draw, and what becomes of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps

from dataprep.arguments import is_whole
from dataprep.backends.cpu.render import canvas, paint
from dataprep.backends.program import compile_ops
from dataprep.draws import draw_ops, uniforms
from dataprep.errors import PipelineError
from dataprep.images.decode import decode
from dataprep.images.limits import quiet_decoders
from dataprep.looking.pictures import Picture, Pictures
from dataprep.looking.values import as_array, pixels_of
from dataprep.looking.words import told
from dataprep.protocols import Mix, Op
from dataprep.stages import Normalize
from dataprep.types import Image

UNKNOWN = Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
"""What stands for a `Normalize()` whose numbers are the manifest's: it is undone anyway."""


def preview(ops: Sequence[Op], mix: Mix | None, given: Any, count: int, seed: int) -> Pictures:
    """Returns what `Pipeline.preview` does."""
    for name, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not is_whole(value) or value < least:
            raise PipelineError(f"preview({name}={value!r}): give a whole number from {least}")
    if not ops:
        raise PipelineError("preview: the pipeline has no ops, so nothing becomes of an image; add `RandomResizedCrop(224)`")
    image = _image(given)
    filled = tuple(UNKNOWN if isinstance(op, Normalize) and op.mean is None else op for op in ops)
    program, size = compile_ops(filled), np.array([image.shape[:2]])
    shown = [Picture(image, f"as it is, {image.shape[1]}×{image.shape[0]}")]
    for epoch in range(count):
        params, _ = draw_ops(filled, uniforms(seed, epoch, [0], sum(op.slots for op in filled)), size)
        drawn, out = [one[0] for one in params], canvas(program, 1)
        paint(program, image, drawn, out[0])
        values = _floats(out) if program.spec.dtype == "bfloat16" else out
        (made,), _ = pixels_of(as_array(values), filled)
        shown.append(Picture(made, f"draw {epoch}", told(filled, drawn)))
    return Pictures(tuple(shown), "" if mix is None else f"{type(mix).__name__} is left out: it takes a whole batch.")


def _floats(bits: Any) -> Any:
    """Returns the floats whose upper halves are given as whole numbers."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _image(given: Any) -> Image:
    """Returns an image as (H, W, 3), of a path, bytes of a file, a picture of Pillow's, or an array that is one.

    Raises:
        PipelineError: It is none of these, or cannot be read.
        DecodeError: It does not decode.
    """
    if isinstance(given, str | Path):
        try:
            given = Path(given).read_bytes()
        except OSError as error:
            raise PipelineError(f"preview: {str(given)!r} cannot be read: {error.strerror}") from error
    if isinstance(given, PIL.Image.Image):
        given = np.asarray(PIL.ImageOps.exif_transpose(given).convert("RGB"))
    if isinstance(given, bytes):
        with quiet_decoders():
            return decode(given).image
    if isinstance(given, np.ndarray) and given.dtype == np.uint8 and given.ndim == 3 and given.shape[2] == 3:
        return np.ascontiguousarray(given)
    what = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else f"{given!r:.100}"
    raise PipelineError(f"preview: give a path, a picture of Pillow's or an (H, W, 3) uint8 array of RGB, not {what}")
