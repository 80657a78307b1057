"""How alike the batches of two backends are: the same recipes through the CPU kernels and through DALI, op by op."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataprep.backends.cpu.kernels import kernel
from dataprep.backends.cpu.render import pixel_limit, read
from dataprep.backends.dali.backend import Dali, in_graph
from dataprep.backends.program import compile_ops
from dataprep.images.limits import quiet_decoders
from dataprep.protocols import Op, Source
from dataprep.stages import Normalize
from dataprep.types import Recipe

CLOSE: Final = 2  # of 255: what two backends may differ by and still count as the same
SAME: Final = 0.01  # of 255: float32 that was rounded another way


class Agreement(NamedTuple):
    """How alike two backends make the same images.

    Attributes:
        step: "decode", an op, or "end to end".
        equal: Share of values that are the same, floats but for rounding.
        close: Share of values within 2 of 255.
        mean: Mean difference, of 255.
        p99: 99 of 100 values differ by no more, of 255.
        most: Largest difference, of 255.
        on_host: Why the step runs on the CPU on both sides, or None.
    """

    step: str
    equal: float
    close: float
    mean: float
    p99: float
    most: float
    on_host: str | None = None


def parity(source: Source, ops: tuple[Op, ...], recipe: Recipe, dali: Dali) -> Iterator[Agreement]:
    """Yields the agreement on decoding, on each op at its place with what the CPU made before, and end to end.

    Args:
        source: Reads the uris.
        ops: The ops that the recipe was drawn for.
        recipe: The batch that is compared.
        dali: The other side.
    """
    ops = in_graph(ops)
    host = dali.on_host(ops)
    layouts = [spec.layout for spec in compile_ops(ops).specs]
    ours = _decode(source, recipe)
    yield _agreement("decode", _channels_first(ours, "HWC"), dali.trace(source, (), recipe, 0, encoded=True), ops[:0])
    for index, op in enumerate(ops):
        ours = [kernel(op, image, recipe.params[index][row]) for row, image in enumerate(ours)]
        name, pixels = type(op).__name__, _channels_first(ours, layouts[index + 1])
        if index < len(host):
            yield _agreement(name, pixels, pixels, ops)._replace(on_host=host[index][1])
        else:
            yield _agreement(name, pixels, dali.trace(source, ops[: index + 1], recipe, index), ops[: index + 1])
    yield _agreement(
        "end to end", _channels_first(ours, layouts[-1]), dali.trace(source, ops, recipe, len(host), encoded=True), ops
    )


def _decode(source: Source, recipe: Recipe) -> list[NDArray[Any]]:
    with quiet_decoders(pixel_limit(recipe.sizes)):
        return [
            read(source, uri, (height, width)).image.copy()  # its memory is used again
            for uri, (height, width) in zip(recipe.uris, recipe.sizes.tolist(), strict=True)
        ]


def _channels_first(images: list[NDArray[Any]], layout: str) -> list[NDArray[Any]]:
    return [image.transpose(2, 0, 1) for image in images] if layout == "HWC" else images


def _agreement(step: str, ours: list[NDArray[Any]], theirs: list[NDArray[Any]], ops: tuple[Op, ...]) -> Agreement:
    """Compares (3, H, W) images; normalised values are turned back to levels of 255."""
    std = next((op.std for op in ops if isinstance(op, Normalize)), None)
    scale = np.ones((3, 1, 1)) if std is None else 255 * np.reshape(std, (3, 1, 1))
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape, f"{step}: {one.shape} and {other.shape}"
    pairs = zip(ours, theirs, strict=True)
    off = np.concatenate([(np.abs(one.astype(np.float64) - other) * scale).ravel() for one, other in pairs])
    shares = float((off <= SAME).mean()), float((off <= CLOSE + SAME).mean())
    return Agreement(step, *shares, float(off.mean()), float(np.quantile(off, 0.99)), float(off.max()))
