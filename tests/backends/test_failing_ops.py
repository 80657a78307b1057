"""An op that raises an error on an image: the same on every backend, and named."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataprep import kernel
from dataprep.cleaning.clean import clean
from dataprep.engines import Local
from dataprep.errors import LoaderError, PipelineError
from dataprep.loading.loader import Loader
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import Resize
from dataprep.testing import FakeBackend, encoded

COUNT, BAD = 7, 2


@dataclass(frozen=True)
class Fussy:
    """An op that fails on images that are white in their first corner, or with `wrong` makes another size of them."""

    wrong: bool = False
    slots = 0

    def spec(self, spec: Any) -> Any:
        return spec

    def draw(self, u: Any, sizes: Any) -> Any:
        return np.zeros((len(sizes), 0)), sizes


@kernel.register
def _(op: Fussy, image: np.ndarray, params: np.ndarray) -> np.ndarray:
    if image[0, 0, 0] < 200:
        return image
    if op.wrong:
        return image[1:]
    raise ZeroDivisionError("cannot do\nthis image")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Seven images, the third of them white in its first corner; black images, as stand for files that failed, are no trouble."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(COUNT):
        image = np.random.default_rng(number).integers(1, 200, (16, 20, 3), np.uint8)
        image[0, 0] = 255 if number == BAD else 100
        (folder / f"{number}.png").write_bytes(encoded(image, "PNG"))
    return clean(folder, Pipeline(), engine=Local(0))


def backends() -> list[Any]:
    """All that there are."""
    torch = pytest.importorskip("dataprep.backends.torch")
    from dataprep.backends.threads import Threads

    made = [FakeBackend(), Threads(2), torch.Torch(0), torch.Torch(2)]
    try:
        from dataprep.backends.dali.backend import Dali
    except ModuleNotFoundError:
        return made
    return [*made, Dali("cpu")]


@pytest.mark.parametrize("ops", [(Fussy(), Resize((8, 8))), (Resize((16, 20)), Fussy())], ids=["first", "last"])
def test_a_failing_op_is_a_failing_file(manifest: Manifest, ops: tuple[Any, ...]) -> None:
    """On every backend, "raise" names file, op and error, "skip" leaves the image out, "replace" puts another in its place."""
    name = Path(manifest.table["uri"][BAD].as_py()).name
    for backend in backends():
        with pytest.raises(LoaderError, match=rf"{name}: `Fussy` raised ZeroDivisionError: cannot do this image \(.*, line \d+"):
            list(Loader(manifest, Pipeline(*ops), batch_size=7, train=False, backend=backend))
        skipping = Loader(manifest, Pipeline(*ops), batch_size=7, train=False, backend=backend, on_error="skip")
        assert [batch.ids.tolist() for batch in skipping] == [[row for row in range(COUNT) if row != BAD]]
        assert skipping.stats().failed == 1
        replacing = Loader(manifest, Pipeline(*ops), batch_size=7, train=False, backend=backend, on_error="replace")
        assert [batch.ids.tolist() for batch in replacing] == [[0, 1, 3, 3, 4, 5, 6]]


def test_an_op_that_does_not_keep_its_word_is_an_error_under_any_policy(manifest: Manifest) -> None:
    """An op that makes another size than its `spec` says is wrong in its code: a `PipelineError` that names the file."""
    for backend in backends()[:2]:
        with pytest.raises(PipelineError, match=rf"{BAD}\.png: an op gave"):
            list(Loader(manifest, Pipeline(Resize((16, 20)), Fussy(True)), batch_size=7, backend=backend, on_error="skip"))
