"""What batches are delivered as: the type and the order in memory that `Output` names, from every backend."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
import pytest

from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import HorizontalFlip, MixUp, Normalize, Output, Posterize, RandomResizedCrop
from dataprep.stages.ops.values import MEMORY
from dataprep.testing import encoded, photo

torch = pytest.importorskip("torch")

from dataprep.backends.threads import Threads  # noqa: E402  after what skips
from dataprep.backends.torch import Torch  # noqa: E402  after what skips
from dataprep.integrations.torch import Transform  # noqa: E402

HAS_DALI = bool(find_spec("nvidia") and find_spec("nvidia.dali"))

OPS = {
    "the quick way": (RandomResizedCrop(24), HorizontalFlip(), Normalize.imagenet()),
    "by kernels": (RandomResizedCrop(24), Posterize(4), Normalize.imagenet()),
    "bytes": (RandomResizedCrop(24), HorizontalFlip()),
}
BACKENDS = {
    "Threads": Threads(2),
    "Torch(0)": Torch(0),
    "Torch(1)": Torch(1),
    "spawned": Torch(1, start="spawn"),
    "Dali": None,
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Six small JPEGs of two classes."""
    folder = tmp_path_factory.mktemp("six")
    for number in range(6):
        path = folder / str(number % 2) / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(photo(number, 40, 50)))
    return clean(folder, engine=Local(0))


@pytest.fixture(scope="module")
def plain(manifest: Manifest) -> Callable[[str, Any], Any]:
    """The images of a job without `Output`, made once for each backend."""
    return cache(lambda job, backend: images(manifest, OPS[job], backend))


def images(manifest: Manifest, ops: tuple[Any, ...], backend: Any) -> Any:
    """All images, as one batch."""
    (batch,) = Loader(manifest, Pipeline(*ops), batch_size=6, sampler=Sampler(shuffle=False), backend=backend)
    return batch.images


CASES = [
    *product((name for name in BACKENDS if name != "spawned"), OPS, [None, "float16", "bfloat16", "float32"], MEMORY),
    ("spawned", "the quick way", "bfloat16", "channels_last"),
]


@pytest.mark.parametrize(("backend", "job", "dtype", "memory"), CASES)
def test_output(manifest: Manifest, plain: Callable[[str, Any], Any], backend: str, job: str, dtype: Any, memory: Any) -> None:
    """Values are those without `Output`, rounded as torch rounds them, and lie in memory as it says."""
    chosen = BACKENDS[backend]
    if backend == "Dali":
        if not HAS_DALI:
            pytest.skip("DALI is not installed")
        from dataprep.backends.dali.backend import Dali

        chosen = Dali("cpu")
    expected = plain(job, BACKENDS["Torch(1)"] if backend == "spawned" else chosen)
    made = images(manifest, (*OPS[job], Output(dtype, memory)), chosen)
    wanted = expected.to(getattr(torch, dtype)) if dtype else expected
    assert made.dtype == wanted.dtype
    assert made.shape == wanted.shape
    assert torch.equal(made, wanted)
    assert made.is_contiguous(memory_format=torch.channels_last if memory == "channels_last" else torch.contiguous_format)


def test_a_mix_keeps_the_type(manifest: Manifest) -> None:
    """Blended images are of the type that `Output` says, and near those blended as float32."""
    ops = (*OPS["the quick way"], Output("bfloat16"))
    made, plain = (images(manifest, (*some, MixUp()), Threads(1)) for some in (ops, OPS["the quick way"]))
    assert made.dtype == torch.bfloat16
    assert torch.allclose(made.float(), plain, atol=0.05)


def test_numpy_has_no_bfloat16(manifest: Manifest) -> None:
    """Arrays come in every type but bfloat16, which NumPy has not."""
    ops = OPS["the quick way"]
    made = images(manifest, (*ops, Output("float16", "channels_last")), Threads(1, output="numpy"))
    assert made.dtype == np.float16
    assert made.transpose(0, 2, 3, 1).flags.c_contiguous
    with pytest.raises(LoaderError, match="NumPy has no bfloat16"):
        images(manifest, (*ops, Output("bfloat16")), Threads(1, output="numpy"))


def test_a_transform_rounds_as_well() -> None:
    """One image by itself is of the type that `Output` says."""
    transform = Transform(Pipeline(*OPS["the quick way"], Output("bfloat16")))
    assert transform(photo(0, 40, 50), row=0).dtype == torch.bfloat16
