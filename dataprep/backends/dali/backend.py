"""The DALI backend: the recipes of any loader, decoded and augmented by NVIDIA DALI, on the CPU or on a GPU.

The graph gets the bytes of each file and what was drawn for it; nothing in it is random. DALI decodes common JPEG, and only the
region that the first op cuts out. Other formats are decoded as the CPU backends decode them and enter the graph as pixels, so
that one policy holds for all images. An op that DALI cannot run is run by its CPU kernel before the graph (see `Dali.on_host`).
"""

import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Literal

import numpy as np
import torch
from attrs import field, frozen
from numpy.typing import NDArray
from nvidia.dali import Pipeline as Graph

from dataprep.arguments import one_of, whole
from dataprep.backends.dali.graph import Feed, build, deliver, run_once
from dataprep.backends.dali.lowering import obstacle
from dataprep.backends.program import PREFETCH, compile_ops
from dataprep.errors import LoaderError
from dataprep.protocols import Op, Program, Source
from dataprep.stages import Output
from dataprep.types import Recipe, Rendered


@frozen
class Dali:
    """Batches from an NVIDIA DALI graph, as torch tensors that share DALI's memory.

    Attributes:
        device: "gpu" decodes and augments on the GPU of this process, that of LOCAL_RANK under torchrun; "cpu" needs no GPU.
        threads: Threads that read files, and that decode on the CPU.
        prefetch: Batches that are ready or under way.
    """

    device: Literal["gpu", "cpu"] = field(default="gpu", validator=one_of("gpu", "cpu", kind=LoaderError))
    threads: int = field(default=2, validator=whole(1, math.inf, "give at least 1 thread", LoaderError))
    prefetch: int = field(default=2, validator=PREFETCH)

    def on_host(self, ops: tuple[Op, ...]) -> tuple[tuple[Op, str], ...]:
        """Returns the ops that run on the CPU before the graph, each with the reason; none where DALI runs them all."""
        ops = in_graph(ops)
        reasons = [obstacle(op) for op in ops]
        host = max((count for count, reason in enumerate(reasons, start=1) if reason), default=0)
        return tuple((op, reason or "an op after it does") for op, reason in zip(ops[:host], reasons, strict=False))

    def run(self, source: Source, program: Program, recipes: Iterable[Recipe]) -> Iterator[Rendered]:
        """Yields the batch of each recipe, in order, as tensors.

        Raises:
            LoaderError: There is no GPU.
        """
        queue = iter(recipes)
        first = next(queue, None)
        if first is None:
            return
        lowered = compile_ops(in_graph(program.ops))
        with ThreadPoolExecutor(self.threads) as pool:
            feed = Feed(source, lowered, len(self.on_host(lowered.ops)) or None, chain([first], queue), pool)
            graph = build(feed, Graph(len(first.ids), self.threads, self._device_id(), prefetch_queue_depth=self.prefetch))
            while (images := run_once(graph)) is not None:
                yield deliver(images, program.spec, feed.under_way.popleft())

    def trace(self, source: Source, ops: tuple[Op, ...], recipe: Recipe, host: int | None) -> list[NDArray[Any]]:
        """Returns the images of one recipe as they are after `ops`, (3, H, W) each, of any size: what parity is measured on.

        Args:
            source: Reads the uris.
            ops: The first ops of those that the recipe was drawn for.
            recipe: The batch.
            host: How many of them run on the CPU, which decodes as well; None for DALI to decode and to do all.
        """
        with ThreadPoolExecutor(self.threads) as pool:
            feed = Feed(source, compile_ops(ops), host, iter([recipe]), pool)
            graph = build(feed, Graph(len(recipe.ids), self.threads, self._device_id(), prefetch_queue_depth=1))
            images = run_once(graph)
        for failure in feed.under_way[0].failures:
            raise LoaderError(failure.why)
        images = images.as_cpu()
        return [np.array(images[index]) for index in range(len(images))]

    def _device_id(self) -> int | None:
        """Returns the GPU of this process, None for the CPU."""
        if self.device == "cpu":
            return None
        if not gpu_is_there():
            raise LoaderError(
                "Dali(device='gpu') finds no GPU: there is none, or its driver is older than CUDA 12 needs (525); "
                "use Dali(device='cpu'), or Torch(workers=2)"
            )
        return int(os.environ.get("LOCAL_RANK", "0"))


def in_graph(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """Returns the ops without `Output`, which is torch's to do, where the images are."""
    return tuple(op for op in ops if not isinstance(op, Output))


def gpu_is_there() -> bool:
    """Returns whether there is a GPU that torch, and so this backend, can use."""
    return bool(torch.cuda.is_available())
