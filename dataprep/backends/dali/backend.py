"""The DALI backend: the recipes of any loader, decoded and augmented by NVIDIA DALI, on the CPU or on a GPU.

The graph gets each file and what was drawn for it; nothing in it is random. On a GPU, DALI decodes common JPEG whose pixels were
found whole, and only the region that the first op cuts out. All else, and on the CPU everything, is decoded as the CPU backends
decode it and enters the graph as pixels, so that one policy holds for all images and the same files fail. An op that DALI cannot
run is run by its CPU kernel before the graph, and on the CPU so is the resize that needs only a part of a file (`Dali.on_host`).
"""

import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from attrs import field, frozen
from numpy.typing import NDArray
from nvidia.dali import Pipeline as Graph

from dataprep.ahead import Ahead
from dataprep.arguments import one_of, whole
from dataprep.backends.dali.graph import Feed, deliver, run_graph
from dataprep.backends.dali.lowering import obstacle
from dataprep.backends.program import PREFETCH, compile_ops
from dataprep.errors import LoaderError
from dataprep.images.limits import quiet_threads
from dataprep.protocols import Op, Program, Source
from dataprep.stages import Output
from dataprep.types import Recipe, Rendered

PARTLY: Final = "of a file, only what it needs is decoded"


@frozen
class Dali:
    """Batches from an NVIDIA DALI graph, as torch tensors that share DALI's memory.

    Example:
        >>> loader = dp.Loader(manifest, batch_size=4, backend=dp.Dali(device="cpu"))
        >>> next(iter(loader)).images.shape
        torch.Size([4, 3, 64, 64])

    Attributes:
        device: "gpu" decodes and augments on the GPU of this process, that of LOCAL_RANK under torchrun, else the one that torch
            has set; "cpu" needs no GPU.
        threads: Threads that read files, and that decode on the CPU.
        prefetch: Batches that are ready or under way.
    """

    in_threads: ClassVar[bool] = True
    device: Literal["gpu", "cpu"] = field(default="gpu", validator=one_of("gpu", "cpu", kind=LoaderError))
    threads: int = field(default=2, validator=whole(1, math.inf, "give at least 1 thread", LoaderError))
    prefetch: int = field(default=2, validator=PREFETCH)

    def on_host(self, ops: tuple[Op, ...]) -> tuple[tuple[Op, str], ...]:
        """Returns the ops that run on the CPU before the graph, each with the reason; none where DALI runs them all."""
        ops = in_graph(ops)
        reasons = [obstacle(op) for op in ops]
        opening = compile_ops(ops).opening if self.device == "cpu" else 0
        host = max((count for count, reason in enumerate(reasons, start=1) if reason), default=0)
        whys = [PARTLY if place < opening else reason or "an op after it does" for place, reason in enumerate(reasons)]
        return tuple(zip(ops[: max(host, opening)], whys, strict=False))

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
        host, device = len(self.on_host(lowered.ops)), self._device_id()
        quiet_threads()
        ahead, pool = Ahead(source), ThreadPoolExecutor(self.threads, "dataprep")
        feed = Feed(ahead, lowered, host, chain([first], queue), pool, encoded=device is not None and host == 0)
        try:
            graph = partial(Graph, len(first.ids), self.threads, device, prefetch_queue_depth=self.prefetch)
            for images, made in run_graph(feed, graph):
                yield deliver(images, program.spec, made)._replace(reads=ahead.take_reads())
        finally:
            ahead.close()
            pool.shutdown(cancel_futures=True)

    def trace(self, source: Source, ops: tuple[Op, ...], recipe: Recipe, host: int, encoded: bool = False) -> list[NDArray[Any]]:
        """Returns the images of one recipe as they are after `ops`, (3, H, W) each, of any size: what parity is measured on.

        Args:
            source: Reads the uris.
            ops: The first ops of those that the recipe was drawn for.
            recipe: The batch.
            host: How many of them run on the CPU before the graph.
            encoded: Whether DALI decodes, where there is a GPU and the host runs none.
        """
        device = self._device_id()
        with ThreadPoolExecutor(self.threads) as pool, Ahead(source) as ahead:
            feed = Feed(ahead, compile_ops(ops), host, iter([recipe]), pool, encoded and device is not None and host == 0)
            ((images, made),) = run_graph(feed, partial(Graph, len(recipe.ids), self.threads, device, prefetch_queue_depth=1))
        for failure in made.failures:
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
        local = os.environ.get("LOCAL_RANK")  # of torchrun and Lightning; others set the device of their process
        return int(local) if local else torch.cuda.current_device()


def in_graph(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """Returns the ops without `Output`, which is torch's to do, where the images are."""
    return tuple(op for op in ops if not isinstance(op, Output))


def gpu_is_there() -> bool:
    """Returns whether there is a GPU that torch, and so this backend, can use."""
    return bool(torch.cuda.is_available())
