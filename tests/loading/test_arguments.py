"""What is given to a loader in place of what it takes: named at the door, with the way out."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dataprep.errors import LoaderError
from dataprep.loading.arguments import OF_SAMPLER, TORCH
from dataprep.loading.loader import Loader
from dataprep.loading.sampler import Sampler
from dataprep.manifest import Manifest
from dataprep.pipeline import Pipeline
from dataprep.stages import RandomResizedCrop, Resize
from dataprep.testing import FakeSource, Undecoded

SIZE = 11
COLUMNS = {
    "id": pa.array(range(100, 100 + SIZE), pa.int64()),
    "uri": [f"{row:02d}.jpg" for row in range(SIZE)],
    "label": ["ab"[row % 2] for row in range(SIZE)],
    "digest": [f"{row:08x}" for row in range(SIZE)],
    "height": pa.array([40] * SIZE, pa.int32()),
    "width": pa.array([50] * SIZE, pa.int32()),
    "keep": [True] * SIZE,
}
SOURCE = FakeSource(dict.fromkeys(COLUMNS["uri"], b"not decoded"))
MANIFEST = Manifest(pa.table(COLUMNS), Pipeline(RandomResizedCrop(8)), SOURCE, (), ("a", "b"))


def made(*arguments: Any, **options: Any) -> Loader:
    """Makes a loader of what is right but for what is given."""
    given = dict(zip(("manifest", "pipeline"), arguments, strict=False)) | options
    return Loader(**{"manifest": MANIFEST, "batch_size": 4, "backend": Undecoded()} | given)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"manifest": "cleaned/manifest.parquet"},
            ".*dp.Manifest.read('cleaned/manifest.parquet')",
        ),
        ({"manifest": Path("cleaned")}, "dp.Manifest.read(PosixPath('cleaned'))"),
        ({"manifest": Manifest}, "the first argument is a manifest"),
        ({"pipeline": [Resize(8)]}, "is not a pipeline; give dp.Pipeline(*ops)"),
        ({"pipeline": Resize((8, 8))}, "is not a pipeline; give dp.Pipeline(Resize"),
        ({"pipeline": Resize}, "give dp.Pipeline(Resize(...))"),
        ({"pipeline": "ops.yaml"}, "dp.Pipeline.from_yaml(Path('ops.yaml').read_text())"),
        ({"pipeline": 32}, "32 is not a pipeline; give dp.Pipeline(dp.RandomResizedCrop(224), dp.Normalize())"),
        ({"pipeline": lambda image: image}, "another library's transform goes into dp.ImageDataset"),
        ({"sampler": Sampler}, "that is a class; give one made of it, dp.Sampler(seed=0)"),
        ({"sampler": Sampler().over(SIZE)}, "give a dp.Sampler, without `over`"),
        ({"sampler": range(4)}, "goes into your own DataLoader, with dp.ImageDataset"),
        ({"backend": Undecoded}, "that is a class; give one made of it, Undecoded()"),
        ({"backend": "torch"}, "give a backend, such as dp.Threads(4)"),
        ({"batch_size": 2.5}, "batch_size=2.5: give a whole number of samples, at least 1"),
        ({"batch_size": "4"}, "batch_size='4': give a whole number"),
        ({"batch_size": True}, "batch_size=True: give a whole number"),
        ({"batch_size": None}, "batch_size=None: give a whole number"),
        ({"on_error": "ignore"}, "Loader(on_error='ignore'): one of 'raise', 'skip', 'replace'"),
        ({"train": "no"}, "Loader(train='no'): True for training; False for evaluation"),
        ({"train": False, "sampler": Sampler(balance="label")}, "Loader(train=False) gives each image once"),
        ({"batchsize": 4}, "Loader(batchsize=...): no such argument; did you mean 'batch_size'?"),
    ],
)
def test_slips(options: dict[str, Any], said: str) -> None:
    """Each is an error when the loader is made, that quotes what was given and says what to give."""
    with pytest.raises(LoaderError, match=re.escape(said).replace(r"\.\*", ".*")):
        made(**options)


@pytest.mark.parametrize("name", sorted({*TORCH, *OF_SAMPLER}))
def test_arguments_of_torch_are_told_their_names_here(name: str) -> None:
    """An argument of torch's `DataLoader`, or of the sampler, is answered by where it is here."""
    with pytest.raises(LoaderError, match=rf"Loader\({name}=\.\.\.\): "):
        made(**{name: 1})


def test_attributes_of_torch_are_told_their_names_here() -> None:
    """So is an attribute, which is still no attribute to those who look whether there is one; a copy is as good as it."""
    import copy
    import pickle

    loader = made()
    assert not hasattr(loader, "dataset")
    assert getattr(loader, "num_workers", None) is None
    with pytest.raises(AttributeError, match="a Loader has no `num_workers`; give the backend workers"):
        _ = loader.num_workers
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = loader.no_such_thing
    for other in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert [batch.ids.tolist() for batch in other] == [batch.ids.tolist() for batch in made()]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": None}, "Sampler(seed=None): a seed is a whole number, such as 0"),
        ({"seed": "3"}, "Sampler(seed='3'): a seed is a whole number"),
        ({"seed": 1.0}, "Sampler(seed=1.0): a seed is a whole number"),
        ({"shuffle": "no"}, "Sampler(shuffle='no'): True or False"),
        ({"rank": "0", "world_size": 2}, "Sampler(rank='0'): give a whole number, or None"),
        ({"weights": [1.0] * SIZE, "length": 2.5}, "Sampler(length=2.5): give a whole number, or None"),
        ({"balance": 3}, "Sampler(balance=3): name a column"),
        ({"balance": "label", "shares": [1, 2]}, "Sampler(shares=[1, 2]): give a share for each value"),
    ],
)
def test_slips_of_samplers(options: dict[str, Any], said: str) -> None:
    """A sampler, too, quotes what was given."""
    with pytest.raises(LoaderError, match=re.escape(said)):
        Sampler(**options)


def test_numpy_integers_are_whole_numbers() -> None:
    """NumPy's integers work wherever a whole number does, and states hold Python's."""
    loader = made(batch_size=np.int32(3), sampler=Sampler(seed=np.int64(5), rank=np.int64(0), world_size=np.int64(2)))
    loader.set_epoch(np.int64(2))
    next(iter(loader))
    state = loader.state_dict()
    assert [type(state[name]) for name in ("seed", "epoch", "position")] == [int] * 3
    assert (state["seed"], state["epoch"], state["position"]) == (5, 2, 6)


@pytest.mark.parametrize("size", [0, -1, 2.5, "9", None])
def test_a_sampler_is_over_a_length(size: Any) -> None:
    """`over` takes the length of a dataset, and says so of anything else."""
    with pytest.raises(LoaderError, match=r"give the length of the dataset, as in over\(len\(dataset\)\)"):
        Sampler().over(size)


@pytest.mark.parametrize("batch_size", range(1, SIZE + 2))
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_evaluation(world_size: int, batch_size: int) -> None:
    """With `train=False` ranks together have each image once, in order, to the end, and the same each time."""
    ranks = [
        made(batch_size=batch_size, train=False, sampler=Sampler(rank=rank, world_size=world_size)) for rank in range(world_size)
    ]
    for _ in range(2):
        had = [[id for batch in loader for id in batch.ids.tolist()] for loader in ranks]
        assert had == [list(range(100, 100 + SIZE))[rank::world_size] for rank in range(world_size)]
    first, second = (made(train=False), made(train=False))
    list(first)
    assert [np.array_equal(a.images, b.images) for a, b in zip(first, second, strict=True)] == [True] * 3


def test_without_a_backend_there_is_one() -> None:
    """A loader without a backend decodes in threads."""
    assert type(Loader(MANIFEST, batch_size=2).backend).__name__ == "Threads"


def test_transforms_and_datasets_check_as_loaders_do() -> None:
    """So do `Transform` and `ImageDataset`."""
    pytest.importorskip("torch")
    from dataprep.integrations.torch import ImageDataset, Transform

    for wrong in ("ops.yaml", [Resize((8, 8))], Resize((8, 8))):
        with pytest.raises(LoaderError, match=r"Transform: .* is not a pipeline"):
            Transform(wrong)  # type: ignore[arg-type]
    with pytest.raises(LoaderError, match="a seed is a whole number"):
        Transform(Pipeline(Resize((8, 8))), seed=None)  # type: ignore[arg-type]
    with pytest.raises(LoaderError, match="the first argument is a manifest"):
        ImageDataset("photos")  # type: ignore[arg-type]
